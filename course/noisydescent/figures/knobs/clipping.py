"""Clipping: every sample's gradient is cut to a norm before the mean over the batch, which biases the oracle."""

from __future__ import annotations

import dataclasses
import math
from functools import lru_cache

import torch
from torch import Tensor

from noisydescent import theory
from noisydescent.figures.knobs.base import Knob, LabState, Setup
from noisydescent.figures.scene import Look
from noisydescent.problems import Clipped, Logistic, Quadratic, clip_norm


def clipped(threshold: float, state: LabState, setup: Setup) -> Setup:
    """Train on the mean of per-sample gradients clipped at `threshold`, predicted about where *that* oracle rests.

    Quadratic: the exact mean of a clipped Gaussian gradient at the root mean square of its length. Logistic: linear
    about the fixed point of the clipped oracle, with the loss that this point has above the optimum.
    """
    if math.isinf(threshold):
        return setup
    problem, predict = setup.problem, None
    if isinstance(problem, Quadratic):
        sigma = float(problem.noise_variance.mean().sqrt())

        def predict(state: LabState, rates: Tensor) -> Tensor:
            start = problem.start - problem.optimum
            return theory.expected_loss_clipped(problem.eigenvalues, sigma, state.batch_size, rates, start, threshold)

    elif isinstance(problem, Logistic):

        def predict(state: LabState, rates: Tensor) -> Tensor:
            above, *local, start = _about_fixed_point(problem, threshold)
            return above + theory.expected_excess_biased(*local, state.batch_size, rates, start)

    return dataclasses.replace(setup, problem=Clipped(problem, threshold), predict=predict)


@lru_cache(maxsize=32)
def _about_fixed_point(problem: Logistic, threshold: float) -> tuple[float, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Excess loss, Jacobian, noise covariance, Hessian and gradient of f at the fixed point, and the start from it."""
    biased = Clipped(problem, threshold)
    rest = biased.fixed_point()
    noise = torch.cov(clip_norm(problem.per_sample_gradients(rest), threshold).T, correction=0)
    above = float(problem.loss(rest)) - problem.floor
    start = problem.initial(1)[0] - rest
    return above, biased.jacobian(rest), noise, problem.hessian(rest), problem.gradient(rest), start


def named(look: Look) -> Look:
    """The dashed curve is that of the clipped oracle, where there is one."""
    return dataclasses.replace(look, predicted="theory of the clipped oracle") if look.predicted else look


CLIP_NORM = Knob("clip norm c", (math.inf, 2.0, 1.0, 0.5, 0.25), clipped, named)
