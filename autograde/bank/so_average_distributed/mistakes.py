"""One gradient from many workers: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

WORKERS = {"part": "worker", "parts": "workers", "count": "batch size", "element": "row", "elements": "rows"}
