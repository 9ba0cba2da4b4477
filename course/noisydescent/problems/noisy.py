"""Gradient noise of another kind around a problem: the same f, other errors of its gradient."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from noisydescent.arguments import choice, positive_int
from noisydescent.devices import default_device
from noisydescent.problems.base import Oracle, Problem, seeds_of, stream

KINDS = ("multiplicative", "heavy tails")
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
    alpha = float(alpha)
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


class Noisy:
    """`problem` with gradient noise of another kind; all else, the loss and the optimum above all, is the problem's.

    kind     "multiplicative": each coordinate of the gradient times the mean of B squared standard normals, which has
             mean 1 and variance 2/B: the noise of one-dimensional least squares with Gaussian inputs in every
             coordinate. It vanishes where the gradient does.
             "heavy tails": plus the mean of B draws of `stable_noise(1.5)` times scale / sqrt(2). With exponent 2 in
             place of 1.5 that would be normal noise of standard deviation `scale`.
    scale    a number or (d,), of one sample; for the heavy tails
    sampled  False: the noise comes in place of that of sampling, around the full gradient. True: it comes on top,
             for problems whose full gradient is too expensive
    """

    def __init__(self, problem: Problem, kind: str, scale: float | Tensor = 1.0, sampled: bool = False) -> None:
        self.problem, self.kind, self.sampled = problem, choice("kind", kind, KINDS), bool(sampled)
        self.scale = torch.as_tensor(scale).to(problem.device, problem.dtype)
        if self.scale.shape not in [(), (problem.dim,)] or not (self.scale >= 0).all():
            raise ValueError(f"scale must be a number or ({problem.dim},), not negative, got {tuple(self.scale.shape)}")

    def __getattr__(self, name: str):
        if name == "problem":  # not there yet while a copy is being made
            raise AttributeError(name)
        return getattr(self.problem, name)

    def oracle(self, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1) -> Oracle:
        """Minibatch gradients with this noise, see `Problem.oracle`."""
        seeds, batch_size = seeds_of(runs, copies), positive_int("batch_size", batch_size)
        signal = self.problem.oracle(runs, batch_size, generator, copies) if self.sampled else self.problem.gradient
        like = {"device": self.problem.device, "dtype": self.problem.dtype}

        def factors(steps: int) -> Tensor:
            half = torch.full((steps, seeds, self.problem.dim), batch_size / 2, **like)
            return torch._standard_gamma(half, generator=generator) / (batch_size / 2)  # chi-squared of B over B

        def errors(steps: int) -> Tensor:
            drawn = stable_noise(TAIL, steps, seeds, self.problem.dim, generator=generator, **like)
            return drawn * (self.scale * (2**-0.5 * batch_size ** (1 / TAIL - 1)))

        multiplies = self.kind == "multiplicative"
        noise = stream(factors if multiplies else errors, seeds * self.problem.dim)

        def minibatch_gradient(theta: Tensor) -> Tensor:
            gradient, drawn = signal(theta), next(noise).repeat(copies, 1)
            return gradient * drawn if multiplies else gradient + drawn

        return minibatch_gradient
