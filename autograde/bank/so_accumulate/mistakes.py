"""Accumulate micro-batches: the words in which `weighted_mistakes` speaks of them."""

from __future__ import annotations

MICRO = {
    "part": "micro-batch",
    "parts": "micro-batches",
    "count": "token count",
    "element": "token",
    "elements": "tokens",
}
