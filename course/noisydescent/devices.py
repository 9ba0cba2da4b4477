"""Where tensors live and how many threads work on them.

`default_device()` picks cuda, then mps, then cpu; `use_device("cpu")` overrides it in one line, and so does the
environment variable `NOISY_DESCENT_DEVICE`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Below this many numbers touched per operation, handing work to a second thread costs more than it saves, and far more
# when the other cores are busy (27 thousand parameters at batch size 8 took 53 s with two threads and 2 s with one).
# Eight transformers of that size at once are twice as fast with two.
NUMBERS_WORTH_A_SECOND_THREAD = 1_500_000

_chosen: torch.device | None = None


def use_device(name: str | torch.device | None) -> torch.device:
    """Put all problems built from now on onto `name`; `None` goes back to choosing by itself."""
    global _chosen
    _chosen = None if name is None else torch.device(name)
    return default_device()


def default_device() -> torch.device:
    """The device of new problems: the one chosen by `use_device`, else cuda, else mps, else cpu."""
    if _chosen is not None:
        return _chosen
    if named := os.environ.get("NOISY_DESCENT_DEVICE"):
        return torch.device(named)
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def generator(seed: int, device: torch.device | str | None = None) -> torch.Generator:
    """A random generator on `device` (default: `default_device()`), seeded."""
    return torch.Generator(device=device or default_device()).manual_seed(seed)


@contextmanager
def threads_for(numbers: int) -> Iterator[None]:
    """Inside, one CPU thread if an operation touches fewer than 1.5 million `numbers`; restored afterwards."""
    before = torch.get_num_threads()
    if numbers < NUMBERS_WORTH_A_SECOND_THREAD:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def free_memory(device: torch.device | str | None = None) -> int:
    """Bytes that can still be used on `device`: of the GPU, or of the machine."""
    device = torch.device(device or default_device())
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        with open("/proc/meminfo") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):  # macOS and Windows: a cautious guess, half of it is used
        return 4 * 2**30
