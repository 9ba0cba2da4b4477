"""What every problem offers, so that one training loop serves all of them.

A *run* is one training trajectory. Parameters of R runs are one tensor `theta` of shape (R, d): seeds, learning
rates and whole sweeps share one tensor program.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

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

    def oracle(self, runs: int, batch_size: int, generator: torch.Generator) -> Oracle:
        """A callable that returns unbiased minibatch gradients, shape (R, d)."""


def block_of(numbers_per_step: int, budget: int = 4_000_000) -> int:
    """How many steps of randomness to draw at once: few calls, bounded memory."""
    return max(1, min(256, budget // max(1, numbers_per_step)))
