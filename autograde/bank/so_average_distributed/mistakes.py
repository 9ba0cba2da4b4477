"""One gradient from many workers: the words in which `weighted_mistakes` speaks of them."""

from __future__ import annotations

WORKERS = {"part": "worker", "parts": "workers", "count": "batch size", "element": "row", "elements": "rows"}
