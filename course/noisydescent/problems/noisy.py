"""Gradient noise of another kind around a problem: the same f, other errors of its gradient."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from noisydescent.arguments import choice, number, one_or_each, whole_number
from noisydescent.devices import default_device
from noisydescent.problems.base import Oracle, Problem, Wrapped, seeds_of, stream
from noisydescent.problems.clipped import Clipped

NOISE_KINDS = ("multiplicative", "heavy tails")
TAIL = 1.5  # exponent of the heavy tails: finite mean, infinite variance


def stable_noise(
    alpha: float,
    *shape: int,
    generator: torch.Generator,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    """Independent draws of the symmetric stable law with E exp(i k x) = exp(-|k|^alpha), (*shape).

    0 < alpha <= 2. alpha = 2 is the normal law of variance 2, 1 is Cauchy's; below 2 the variance is infinite, and at 1
    and below there is no mean. A sum of n draws has the law of n**(1/alpha) draws, so the mean of a minibatch is one
    draw times B**(1/alpha - 1). Chambers, Mallows, Stuck, *A Method for Simulating Stable Random Variables*, 1976.
    """
    alpha = number("alpha", alpha)
    if not 0.0 < alpha <= 2.0:
        raise ValueError(f"alpha must lie in (0, 2], got {alpha!r}")
    like = {"device": device or default_device(), "dtype": dtype}
    tiny = torch.finfo(dtype).tiny
    angle = math.pi * (torch.rand(*shape, generator=generator, **like) - 0.5)
    waiting = torch.empty(*shape, **like).exponential_(generator=generator).clamp_min_(tiny)
    # the angle may be rounded to -pi/2, whose cosine may be rounded to a negative number
    cosine = angle.cos().clamp_min_(torch.finfo(dtype).eps)
    tail = (((1 - alpha) * angle).cos() / waiting) ** ((1 - alpha) / alpha)
    return (alpha * angle).sin() / cosine ** (1 / alpha) * tail


def check_noise(kind: str, scale: float | Tensor | None, names: tuple[str, str] = ("kind", "scale")) -> None:
    """`ValueError`, with the caller's `names` of both, for no kind of noise, or a scale of noise that has none."""
    choice(names[0], kind, NOISE_KINDS)
    if kind == "multiplicative" and scale is not None:
        raise ValueError(f"{names[1]}={scale!r} has no effect on multiplicative noise: leave it out")


class Noisy(Wrapped):
    """`problem` with gradient noise of another kind; all else, the loss and the optimum above all, is the problem's.

    kind     "multiplicative": each coordinate of one sample's gradient times the square of a standard normal, which has
             mean 1 and variance 2: the noise of one-dimensional least squares with Gaussian inputs in every
             coordinate. It vanishes where the gradient does. The factors of a minibatch are means of B squares.
             "heavy tails": plus `stable_noise(1.5)` times scale / sqrt(2), for a minibatch the mean of B such draws.
             With exponent 2 in place of 1.5 that would be normal noise of standard deviation `scale`.
    scale    a number or (d,), of one sample, for the heavy tails only; None: the problem's `gradient_spread()`

    The noise comes in place of that of sampling, around the full gradient, where that is cheap
    (`Problem.cheap_gradient`), else on top of it. A `Clipped` problem stays clipped: each sample's noisy gradient is
    clipped, then the mean over the batch is taken.
    """

    def __init__(self, problem: Problem, kind: str, scale: float | Tensor | None = None) -> None:
        super().__init__(problem)
        # the noise is that of single samples, so that it belongs inside a clipping
        clipped = isinstance(problem, Clipped)
        self._inner = problem.problem if clipped else problem
        self._clip = problem.threshold if clipped else None
        check_noise(kind, scale)
        self.kind = kind
        if scale is None:
            scale = problem.gradient_spread() if kind == "heavy tails" else 0.0
        self.scale = one_or_each("scale", scale, problem.dim, "coordinate").to(problem.device, problem.dtype)

    def oracle(self, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1) -> Oracle:
        """Minibatch gradients with this noise, see `Problem.oracle`."""
        if self._clip is not None:
            return self.clipped_oracle(self._clip, runs, batch_size, generator, copies)
        seeds, batch_size = seeds_of(runs, copies), whole_number("batch_size", batch_size)
        cheap = self.problem.cheap_gradient
        signal = self.problem.gradient if cheap else self.problem.oracle(runs, batch_size, generator, copies)
        noise = stream(lambda steps: self._means(steps, seeds, batch_size, generator), seeds * self.dim)

        def minibatch_gradient(theta: Tensor) -> Tensor:
            return self._perturbed(signal(theta), next(noise).repeat(copies, 1))

        return minibatch_gradient

    def clipped_oracle(
        self, threshold: float, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1
    ) -> Oracle:
        """Each sample's gradient with its noise clipped, see `Problem.clipped_oracle`."""
        lower = threshold if self._clip is None else min(threshold, self._clip)
        return super().clipped_oracle(lower, runs, batch_size, generator, copies)

    def sample_oracle(
        self, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1
    ) -> Callable[[Tensor], Tensor]:
        """Every sample's gradient with noise of its own, (R, d) -> (R, B, d)."""
        seeds, size = seeds_of(runs, copies), whole_number("batch_size", batch_size)
        cheap = self.problem.cheap_gradient
        signal = self._inner.gradient if cheap else self._inner.sample_oracle(runs, size, generator, copies)
        noise = stream(lambda steps: self._means(steps, seeds * size, 1, generator), seeds * size * self.dim)

        def gradients(theta: Tensor) -> Tensor:
            rows = signal(theta)
            drawn = next(noise).view(seeds, size, self.dim).repeat(copies, 1, 1)
            return self._perturbed(rows[:, None] if cheap else rows, drawn)

        return gradients

    def _means(self, steps: int, rows: int, count: int, generator: torch.Generator) -> Tensor:
        """Means of `count` draws of the noise, (steps, rows, d): factors or errors of a gradient."""
        like = {"device": self.problem.device, "dtype": self.problem.dtype}
        if self.kind == "multiplicative":
            half = torch.full((steps, rows, self.dim), count / 2, **like)
            return torch._standard_gamma(half, generator=generator) / (count / 2)  # chi-squared of B over B
        drawn = stable_noise(TAIL, steps, rows, self.dim, generator=generator, **like)
        return drawn * (self.scale * (2**-0.5 * count ** (1 / TAIL - 1)))

    def _perturbed(self, gradient: Tensor, drawn: Tensor) -> Tensor:
        return gradient * drawn if self.kind == "multiplicative" else gradient + drawn
