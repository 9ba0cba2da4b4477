"""What every problem offers, so that one training loop serves all of them.

A *run* is one training trajectory. Parameters of R runs are one tensor `theta` of shape (R, d): seeds, learning
rates and whole sweeps share one tensor program.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from noisydescent.arguments import whole_number
from noisydescent.problems.clipping import clip_norm

# theta (R, d) -> minibatch gradients (R, d); every call draws fresh minibatches.
Oracle = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class LocalQuadratic:
    """The quadratic with additive noise that a problem is, or looks like near its optimum; float64, on the CPU.

    hessian         (d, d) H
    offset          (d,) start - theta*
    eigenvalues     (d,) of H; along its eigenvectors noise_variance (d,), of one sample's gradient, and start (d,), the
                    offset: what `theory.expected_loss` asks for
    """

    hessian: Tensor
    offset: Tensor
    eigenvalues: Tensor
    noise_variance: Tensor
    start: Tensor


class Problem(ABC):
    """An objective f over theta in R^d with a stochastic gradient oracle.

    `initial`, `loss`, `oracle` and `bytes_per_run` every problem has. The others are offers, which a problem makes that
    has more to give; what stands here says that it has not.

    dim, device, dtype   of theta
    floor                the least loss any theta can have
    cheap_gradient       `gradient(theta)`, (R, d) -> (R, d), is the full gradient and costs little
    """

    dim: int
    floor: float
    device: torch.device
    dtype: torch.dtype
    cheap_gradient: bool = True

    @abstractmethod
    def initial(self, runs: int, generator: torch.Generator) -> Tensor:
        """Starting points, shape (R, d)."""

    @abstractmethod
    def loss(self, theta: Tensor) -> Tensor:
        """f(theta) of every run, shape (R,)."""

    @abstractmethod
    def oracle(self, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1) -> Oracle:
        """A callable that returns unbiased minibatch gradients, shape (R, d).

        With `copies` = C the runs are C configurations of R / C seeds each, configuration first, and run (c, s) sees
        the minibatches of seed s: differences between configurations are then paired.
        """

    @abstractmethod
    def bytes_per_run(self, batch_size: int) -> int:
        """About how much memory one run of a training step takes at its peak."""

    def sgd_blocks(
        self, theta: Tensor, rates: Tensor, batch_size: int, generator: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor]] | None:
        """Plain SGD with this problem's own oracle, many steps at a time; None: one step at a time is the fastest.

        theta (C, S, d) start of C configurations of S seeds; rates (T, C, S) or (T, C, 1). Yields for each block of k
        steps theta - `optimum` after each step, (k, C, S, d), in a buffer that the next block may overwrite, and the
        learning rate read back from it, (k, C, S).
        """
        return None

    def clipped_oracle(
        self, threshold: float, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1
    ) -> Oracle:
        """As `oracle`, each sample's gradient clipped to the norm `threshold` before the mean over the batch."""
        rows = self.sample_oracle(runs, batch_size, generator, copies)
        return lambda theta: clip_norm(rows(theta), threshold).mean(dim=1)

    def sample_oracle(
        self, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1
    ) -> Callable[[Tensor], Tensor]:
        """As `oracle`, the gradient of every sample of the minibatch: (R, d) -> (R, B, d)."""
        raise ValueError(
            f"{type(self).__name__} gives no gradients of single samples: leave clip out, or use a Quadratic, Logistic "
            "or MarkovLanguage"
        )

    def gradient_spread(self) -> Tensor:
        """Standard deviation of one sample's gradient in each coordinate, (d,), at the optimum where there is one."""
        raise ValueError(
            f"{type(self).__name__} does not know how its gradients spread: give a number as the scale of the noise"
        )

    def local_quadratic(self) -> LocalQuadratic | None:
        """What the local theory of SGD needs; None where there is none."""
        return None


class Wrapped(Problem):
    """`problem` with another oracle. Objective, start and data are those of `problem`; its offers are not, since they
    would leave out what this does to the gradient."""

    # of the noise of one sample's gradient, which the new oracle no longer has
    _NOISE = frozenset({"noise_variance", "noise_covariance", "sample_noise", "minibatch_noise"})

    def __init__(self, problem: Problem) -> None:
        if not isinstance(problem, Problem):
            raise ValueError(f"problem must be one of noisydescent.problems, or inherit Problem, got {problem!r}")
        self.problem, self.cheap_gradient = problem, problem.cheap_gradient

    def __getattr__(self, name: str):
        # only asked for what neither this class nor `Problem` has; "problem" is missing in a copy that is being made
        if name == "problem" or name in self._NOISE:
            raise AttributeError(f"{type(self).__name__} has no {name}: ask its problem")
        return getattr(self.problem, name)

    def initial(self, runs: int, generator: torch.Generator | None = None) -> Tensor:
        """Those of `problem`."""
        return self.problem.initial(runs, generator)

    def loss(self, theta: Tensor) -> Tensor:
        """That of `problem`."""
        return self.problem.loss(theta)

    def bytes_per_run(self, batch_size: int) -> int:
        """That of `problem`, and a gradient for every sample of the batch."""
        return self.problem.bytes_per_run(batch_size) + 24 * batch_size * self.problem.dim


def seeds_of(runs: int, copies: int) -> int:
    """R / C, or a ValueError when the configurations do not have the same number of seeds."""
    runs, copies = whole_number("runs", runs), whole_number("copies", copies)
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
