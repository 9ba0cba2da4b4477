"""The dashed curves of the labs: the loss that theory expects of the training behind a picture, where there is one."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from noisydescent import theory
from noisydescent.problems import Clipped, LocalQuadratic, Logistic, Problem, clip_norm
from noisydescent.training import Hooks

# (problem, threshold, batch size, learning rates (T,)) -> expected loss above `floor` at steps 0 .. T
ClippedTheory = Callable[[Problem, float, int, Tensor], Tensor]


@lru_cache(maxsize=8)  # a slider asks for it at every move
def near_optimum(problem: Problem) -> LocalQuadratic | None:
    """`problem.local_quadratic()`, remembered."""
    return problem.local_quadratic()


def predicted_loss(
    problem: Problem, hooks: Hooks, batch_size: int, rates: Tensor, clipped: ClippedTheory | None = None
) -> Tensor | None:
    """Expected loss of SGD with these hooks above `floor`, rates (T,) -> (T + 1,); None where no theory is known.

    Without hooks it is that of the problem's `local_quadratic`. Workers averaged at every step are one process with
    their batches together; averaged less often they drift apart as well (`theory.expected_drift`), which is known for
    sampling noise only. Compression has no theory: what is given then is the loss without it.
    """
    near = near_optimum(problem)
    clips, other = not math.isinf(hooks.clip), hooks.noise is not None
    if near is None or hooks.noise == "heavy tails" or (clips and (other or clipped is None)):
        return None
    if hooks.local_steps > 1 and (clips or other):
        return None
    together = hooks.workers * batch_size
    if other:
        loss = expected_loss_multiplicative(near, together, rates)
    elif clips:
        loss = clipped(problem, hooks.clip, together, rates)
    else:
        loss = theory.expected_loss(near.eigenvalues, near.noise_variance, together, rates, near.start)
    if hooks.local_steps > 1:
        plan = batch_size, rates, hooks.local_steps, hooks.workers
        loss = loss + 0.5 * theory.expected_drift(near.eigenvalues, near.noise_variance, *plan) @ near.eigenvalues
    return loss


def expected_loss_multiplicative(near: LocalQuadratic, batch_size: int, rates: Tensor) -> Tensor:
    """Expected loss above `floor` under the multiplicative noise of `Noisy`; rates (T,) -> (T + 1,).

    With H the Hessian at the optimum, M = E (theta - theta*)(theta - theta*)' and factors of variance 2/B that are
    independent over coordinates: M <- (I - eta H) M (I - eta H) + eta^2 (2/B) diag(H M H). Exact where f is quadratic.
    """
    hessian, moments = near.hessian, torch.outer(near.offset, near.offset)
    losses = [(hessian * moments).sum()]
    for rate in rates.tolist():
        pull = hessian @ moments
        image = pull @ hessian
        moments = moments - rate * (pull + pull.T) + rate**2 * image
        moments.diagonal().add_(image.diagonal(), alpha=rate**2 * 2 / batch_size)
        losses.append((hessian * moments).sum())
    return 0.5 * torch.stack(losses)


def clipped_gaussian_loss(problem: Problem, threshold: float, batch_size: int, rates: Tensor) -> Tensor:
    """Of a quadratic: the exact mean of a clipped Gaussian gradient at the root mean square of its length."""
    near = near_optimum(problem)
    sigma = float(near.noise_variance.mean().sqrt())
    return theory.expected_loss_clipped(near.eigenvalues, sigma, batch_size, rates, near.start, threshold)


def loss_about_fixed_point(problem: Logistic, threshold: float, batch_size: int, rates: Tensor) -> Tensor:
    """Of logistic regression: linear about the fixed point of the clipped oracle, with that point's excess loss."""
    above, *about, start = _about_fixed_point(problem, threshold)
    return above + theory.expected_excess_biased(*about, batch_size, rates, start)


@lru_cache(maxsize=32)
def _about_fixed_point(problem: Logistic, threshold: float) -> tuple[float, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Excess loss, Jacobian, noise covariance, Hessian and gradient of f at the fixed point, and the start from it."""
    biased = Clipped(problem, threshold)
    rest = biased.fixed_point()
    noise = torch.cov(clip_norm(problem.per_sample_gradients(rest), threshold).T, correction=0)
    above = float(problem.loss(rest)) - problem.floor
    start = problem.initial(1)[0] - rest
    return above, biased.jacobian(rest), noise, problem.hessian(rest), problem.gradient(rest), start
