"""What can be computed without running anything: exact recursions and closed forms for stochastic gradients."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from noisydescent.arguments import non_negative, positive_int
from noisydescent.schedules import Schedule, multipliers


def gradient_variance(trace: float, batch_size: int, population: int | None = None) -> float:
    """tr Cov(g_B) from tr Sigma: trace / B, times (N - B)/(N - 1) if drawn without replacement from `population` N."""
    batch_size = positive_int("batch_size", batch_size)
    if population is None:
        return trace / batch_size
    if batch_size > positive_int("population", population, 2):
        raise ValueError(f"batch_size must not be greater than population, got {batch_size} > {population}")
    return trace / batch_size * (population - batch_size) / (population - 1)


def expected_loss(
    eigenvalues: Tensor,
    noise_variance: Tensor | float,
    batch_size: int,
    learning_rates: Tensor,
    start: Tensor,
) -> Tensor:
    """Exact E f of SGD on a quadratic with additive noise after 0, 1, ..., T steps, without sampling.

    eigenvalues (d,); noise_variance (d,) or a number, per coordinate, of one sample's gradient; learning_rates (T,)
    or (T, ...) for many schedules at once, as applied; start (d,) is theta_0 - theta*. Returns (T + 1, ...).

    Per eigendirection the mean and the variance obey m <- (1 - eta lambda) m and
    s <- (1 - eta lambda)^2 s + eta^2 sigma^2 / B (Zhang et al., *Which Algorithmic Choices Matter at Which Batch
    Sizes?*, 2019, section 3), and E f = 1/2 sum_i lambda_i (m_i^2 + s_i).
    """
    lam = eigenvalues.double()
    rates = torch.as_tensor(learning_rates, dtype=torch.float64, device=lam.device)
    noise = torch.as_tensor(noise_variance, dtype=torch.float64, device=lam.device).expand_as(lam)
    noise = noise / positive_int("batch_size", batch_size)
    mean_square = start.double().square().expand(*rates.shape[1:], -1)
    variance = torch.zeros_like(mean_square)
    losses = [0.5 * (mean_square + variance) @ lam]
    for rate in rates[..., None]:
        shrink = (1 - rate * lam).square()
        mean_square = shrink * mean_square
        variance = shrink * variance + rate.square() * noise
        losses.append(0.5 * (mean_square + variance) @ lam)
    return torch.stack(losses)


def expected_loss_of(problem, batch_size: int, peak: float, schedule: Schedule, steps: int) -> Tensor:
    """`expected_loss` of a `Quadratic` under peak * schedule(t), t = 0 .. steps - 1; shape (steps + 1,)."""
    rates = non_negative("peak", peak) * multipliers(schedule, steps)
    start = (problem.start - problem.optimum).cpu()
    return expected_loss(problem.eigenvalues.cpu(), problem.noise_variance.cpu(), batch_size, rates, start)


def loss_floor(eigenvalues: Tensor, noise_variance: Tensor | float, batch_size: int, learning_rate: float) -> float:
    """Stationary E f of SGD at a constant learning rate: 1/2 sum_i eta sigma_i^2 / (B (2 - eta lambda_i)).

    The fixed point of the variance recursion in `expected_loss`. Raises ValueError at eta >= 2 / max lambda, where
    there is none.
    """
    lam = eigenvalues.double()
    eta = non_negative("learning_rate", learning_rate)
    if eta * float(lam.max()) >= 2:
        raise ValueError(f"learning_rate must be below 2 / L = {2 / float(lam.max()):.4g}, got {eta!r}: SGD diverges")
    noise = torch.as_tensor(noise_variance, dtype=torch.float64, device=lam.device).expand_as(lam)
    return float((0.5 * eta * noise / (positive_int("batch_size", batch_size) * (2 - eta * lam))).sum())


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
