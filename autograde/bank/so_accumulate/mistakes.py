"""Accumulate micro-batches: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

MICRO = {
    "part": "micro-batch",
    "parts": "micro-batches",
    "count": "token count",
    "element": "token",
    "elements": "tokens",
}
