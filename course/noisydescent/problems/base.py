"""What every problem offers, so that one training loop serves all of them.

A *run* is one training trajectory. Parameters of R runs are one tensor `theta` of shape (R, d): seeds, learning
rates and whole sweeps share one tensor program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor

from noisydescent.arguments import positive_int

# theta (R, d) -> minibatch gradients (R, d); every call draws fresh minibatches.
Oracle = Callable[[Tensor], Tensor]


class Problem(Protocol):
    """An objective f over theta in R^d with a stochastic gradient oracle."""

    dim: int
    floor: float  # the least loss any theta can have
    device: torch.device
    dtype: torch.dtype

    def initial(self, runs: int, generator: torch.Generator) -> Tensor:
        """Starting points, shape (R, d)."""

    def loss(self, theta: Tensor) -> Tensor:
        """f(theta) of every run, shape (R,)."""

    def oracle(self, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1) -> Oracle:
        """A callable that returns unbiased minibatch gradients, shape (R, d).

        With `copies` = C the runs are C configurations of R / C seeds each, configuration first, and run (c, s) sees
        the minibatches of seed s: differences between configurations are then paired.
        """

    def bytes_per_run(self, batch_size: int) -> int:
        """About how much memory one run of a training step takes at its peak."""


def seeds_of(runs: int, copies: int) -> int:
    """R / C, or a ValueError when the configurations do not have the same number of seeds."""
    runs, copies = positive_int("runs", runs), positive_int("copies", copies)
    if runs % copies:
        raise ValueError(f"runs must be a multiple of copies, got {runs} runs and {copies} copies")
    return runs // copies


def block_of(numbers_per_step: int, budget: int = 400_000) -> int:
    """Of how many steps to draw the randomness at once: a call costs more than a thousand numbers, a cache miss too."""
    return max(1, min(1024, budget // max(1, numbers_per_step)))


def stream(draw: Callable[[int], Tensor], numbers_per_step: int) -> Iterator[Tensor]:
    """One step's randomness after the other, for ever. `draw(k)` gives that of k steps, (k, ...)."""
    block = block_of(numbers_per_step)
    while True:
        yield from draw(block).unbind()
