"""What the batch size does: to the noise of a gradient, to the best step, and to the cost of reaching a target."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from noisydescent.arguments import non_negative, positive, whole_number


def gradient_variance(trace: float, batch_size: int, population: int | None = None) -> float:
    """tr Cov(g_B) from tr Sigma: trace / B, times (N - B)/(N - 1) if drawn without replacement from `population` N."""
    batch_size = whole_number("batch_size", batch_size)
    if population is None:
        return trace / batch_size
    if batch_size > whole_number("population", population, 2):
        raise ValueError(f"batch_size must not be greater than population, got {batch_size} > {population}")
    return trace / batch_size * (population - batch_size) / (population - 1)


def expected_square_norm(gradient: Tensor, noise_trace: float, batch_size: int) -> float:
    """E norm(g_B)^2 = norm(grad f)^2 + tr Sigma / B for an unbiased minibatch gradient.

    gradient: the full gradient, any shape; noise_trace: tr Sigma of one sample's gradient. Bottou, Curtis, Nocedal,
    *Optimization Methods for Large-Scale Machine Learning*, 2018, section 4.1.
    """
    return float(gradient.square().sum()) + gradient_variance(non_negative("noise_trace", noise_trace), batch_size)


def simple_noise_scale(gradient: Tensor, noise_trace: float) -> float:
    """B_simple = tr Sigma / norm(grad f)^2 (McCandlish et al., *An Empirical Model of Large-Batch Training*, 2018)."""
    square = float(gradient.square().sum())
    return math.inf if square == 0.0 else float(noise_trace) / square


def critical_batch_size(gradient: Tensor, hessian: Tensor, noise_covariance: Tensor) -> float:
    """B_noise = tr(H Sigma) / (G' H G): the batch size at which a step at the best rate gains half of what it could.

    gradient G (d,), hessian and noise_covariance (d, d). McCandlish et al., 2018, equation 2.8. B_noise equals
    `simple_noise_scale` when H is a multiple of the identity.
    """
    return float((hessian * noise_covariance).sum() / (gradient @ hessian @ gradient))


def expected_gain(gradient: Tensor, hessian: Tensor, noise_covariance: Tensor, batch_size: Tensor) -> Tensor:
    """Greatest expected decrease of a quadratic in one SGD step, over all learning rates; shape of `batch_size`.

    |G|^4 / (2 (G'HG + tr(H Sigma)/B)): the full-batch gain divided by 1 + B_noise/B (McCandlish et al., 2018, 2.7).
    """
    curvature = gradient @ hessian @ gradient
    noise = (hessian * noise_covariance).sum()
    return gradient.square().sum().square() / (2 * (curvature + noise / batch_size))


def steps_and_examples(
    batch_size: int | Tensor, s_min: float, e_min: float
) -> tuple[float, float] | tuple[Tensor, Tensor]:
    """(S, E): optimizer steps and samples to a target on the hyperbola (S / s_min - 1)(E / e_min - 1) = 1, E = B S.

    S = s_min + e_min / B and E = e_min + s_min B. At B_crit = e_min / s_min both are twice their least value.
    batch_size: a number, or a tensor of any shape, which the results then have. McCandlish et al., 2018, section 2.3.
    """
    s_min, e_min = positive("s_min", s_min), positive("e_min", e_min)
    if not isinstance(batch_size, Tensor):
        batch_size = whole_number("batch_size", batch_size)
    elif not (batch_size > 0).all():
        raise ValueError("batch_size must be positive everywhere")
    else:
        batch_size = batch_size.double()
    return s_min + e_min / batch_size, e_min + s_min * batch_size


def fit_critical_batch(batch_sizes: Sequence[float] | Tensor, steps: Sequence[float] | Tensor) -> tuple[float, float]:
    """(s_min, e_min) of `steps_and_examples` from measured steps to a target, least squares on S = s_min + e_min / B.

    batch_sizes and steps (n,), at least two different batch sizes; the critical batch size is e_min / s_min. A fit to
    noisy steps may come out with a negative value, which says that the batch sizes did not reach far enough.
    """
    sizes, steps = (torch.as_tensor(values, dtype=torch.float64) for values in (batch_sizes, steps))
    if sizes.dim() != 1 or sizes.shape != steps.shape:
        raise ValueError(
            f"batch_sizes and steps must be of one length, got shapes {tuple(sizes.shape)} and {tuple(steps.shape)}"
        )
    for name, values in [("batch_sizes", sizes), ("steps", steps)]:
        if not ((values > 0) & torch.isfinite(values)).all():
            raise ValueError(f"{name} must be positive and finite: leave out the runs that missed the target")
    if len(sizes.unique()) < 2:
        raise ValueError("batch_sizes must hold at least two different ones")
    inverse = 1 / sizes
    centred = inverse - inverse.mean()
    e_min = (centred @ steps) / centred.square().sum()
    return float(steps.mean() - e_min * inverse.mean()), float(e_min)
