"""What samples say about an expectation: risks with their bands, the gap between two, bias, effective sample size."""

from __future__ import annotations

import math
from statistics import NormalDist

import torch
from torch import Tensor

from noisydescent.diagnostics.samples import mean_and_error


def risk(losses: Tensor, confidence: float = 0.95) -> tuple[float, float]:
    """(mean, half-width of its band) of independent losses (n,), with the normal quantile and the n - 1 error.

    On training rows at fixed parameters it estimates the empirical risk, on fresh ones the population risk. Losses
    of one sequence's tokens are not independent: give one number a sequence. Cost: n forward passes. ValueError for
    n < 2 or a confidence outside (0, 1).
    """
    mean, error = _mean_loss(losses)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")
    return mean, NormalDist().inv_cdf(0.5 + confidence / 2) * error


def generalization_gap(train: Tensor, fresh: Tensor) -> tuple[float, float]:
    """(gap, standard error): mean of `fresh` losses (m,) minus mean of losses on training rows (n,), one theta.

    The error is that of the two means for this theta and does not know that theta was fitted to the training rows.
    Cost: n + m forward passes. ValueError for fewer than two losses.
    """
    (seen, seen_error), (unseen, unseen_error) = _mean_loss(train), _mean_loss(fresh)
    return unseen - seen, math.hypot(seen_error, unseen_error)


def _mean_loss(losses: Tensor) -> tuple[float, float]:
    if losses.dim() != 1 or len(losses) < 2:
        raise ValueError(f"losses must be (n,) with n >= 2, got {tuple(losses.shape)}")
    mean, error = mean_and_error(losses.double())
    return float(mean), float(error)


def bias_z(estimates: Tensor, truth: Tensor) -> Tensor:
    """(mean of estimates - truth) in standard errors, coordinate by coordinate: (n, d) and (d,) -> (d,).

    About standard normal when the estimates are unbiased and n is large; it grows as sqrt(n) when they are not. Where
    all n estimates are equal: 0 if they are right, an infinite z if not. Cost: n estimates. ValueError for n < 2.
    """
    if estimates.dim() != 2 or len(estimates) < 2 or truth.shape != estimates.shape[1:]:
        shapes = f"{tuple(estimates.shape)} and {tuple(truth.shape)}"
        raise ValueError(f"estimates must be (n, d) with n >= 2 and truth (d,), got {shapes}")
    mean, error = mean_and_error(estimates)
    difference = mean - truth
    return torch.where(difference == 0, 0.0, difference / error)


def effective_sample_size(weights: Tensor) -> Tensor:
    """(sum w)^2 / sum w^2 of the weights (..., n) of a minibatch, shape (...): n when all are equal, 1 when one counts.

    Kish, *Survey Sampling*, 1965. Cost: none. It sees the weights alone, not what they multiply. ValueError for
    negative weights or a batch whose weights are all zero.
    """
    if not (weights >= 0).all() or not (weights.sum(dim=-1) > 0).all():
        raise ValueError("weights must not be negative, and every batch needs a positive one")
    return weights.sum(dim=-1).square() / weights.square().sum(dim=-1)
