"""Kinds of gradient noise: what the minibatches give, noise that vanishes with the gradient, and heavy tails."""

from __future__ import annotations

import dataclasses
from functools import lru_cache, partial

import torch
from torch import Tensor

from noisydescent.devices import generator
from noisydescent.figures.knobs.base import Knob, LabState, Setup
from noisydescent.figures.scene import Look
from noisydescent.problems import MarkovLanguage, Noisy, Problem, Quadratic

KINDS = ("sampled", "multiplicative", "heavy tails")
TRANSFORMER_SHARE = 0.3  # of the sampling noise: with as much again, few runs survive their largest draws


def with_noise(kind: str, state: LabState, setup: Setup) -> Setup:
    """The same f under noise of this kind, see `Noisy`.

    Quadratic and logistic regression: in place of the sampling noise, around the full gradient. Transformer: on top of
    it. The heavy tails have the spread that one sample's gradient has in each coordinate (at the optimum; three tenths
    of that at the start for the transformer) and infinite variance: the expected loss is infinite and not predicted.
    """
    if kind == "sampled":
        return setup
    on_top = isinstance(setup.problem, MarkovLanguage)
    scale = spread(setup.problem) * (TRANSFORMER_SHARE if on_top else 1.0)
    noisy = Noisy(setup.problem, kind, scale, sampled=on_top)
    predict = None
    if kind == "multiplicative" and setup.predict is not None:
        predict = partial(expected_loss_multiplicative, setup.problem)
    return dataclasses.replace(setup, problem=noisy, predict=predict)


@lru_cache(maxsize=8)
def spread(problem: Problem) -> Tensor:
    """Standard deviation of one sample's gradient in each coordinate, (d,)."""
    if isinstance(problem, Quadratic):
        return problem.noise_variance.sqrt()
    if isinstance(problem, MarkovLanguage):
        start = problem.initial(1, generator(0, problem.device))[0]
        return problem.per_sample_gradients(start, problem.held_out[:128]).std(dim=0)
    return problem.noise_covariance(problem.optimum).diagonal().sqrt()


def expected_loss_multiplicative(problem: Problem, state: LabState, rates: Tensor) -> Tensor:
    """Expected loss above `floor` under the multiplicative noise of `Noisy`; rates (T,) -> (T + 1,).

    With H the Hessian at the optimum, M = E (theta - theta*)(theta - theta*)' and factors of variance 2/B that are
    independent over coordinates: M <- (I - eta H) M (I - eta H) + eta^2 (2/B) diag(H M H). Exact where f is quadratic.
    """
    hessian = problem.hessian if isinstance(problem, Quadratic) else problem.hessian(problem.optimum)
    hessian, start = hessian.double().cpu(), (problem.initial(1)[0] - problem.optimum).double().cpu()
    moments = torch.outer(start, start)
    losses = [(hessian * moments).sum()]
    for rate in rates.tolist():
        pull = hessian @ moments
        image = pull @ hessian
        moments = moments - rate * (pull + pull.T) + rate**2 * image
        moments.diagonal().add_(image.diagonal(), alpha=rate**2 * 2 / state.batch_size)
        losses.append((hessian * moments).sum())
    return 0.5 * torch.stack(losses)


def _look(look: Look) -> Look:
    return dataclasses.replace(look, predicted="expectation, where finite") if look.predicted else look


NOISE = Knob("gradient noise", KINDS, with_noise, _look)
