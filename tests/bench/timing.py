"""Two ways of doing one thing, timed alternately in one run."""

import statistics
import time
from contextlib import contextmanager

import torch

REPEATS = 5


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def medians(ours, rival, repeats=REPEATS):
    """Median seconds of both: measured in turn, so that a busy moment hurts both; the first pair only warms up."""
    pairs = [(seconds(ours), seconds(rival)) for _ in range(repeats + 1)][1:]
    return tuple(statistics.median(times) for times in zip(*pairs, strict=True))


@contextmanager
def threads(count):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
