"""Averages over time and over workers: their exact variance on a quadratic with additive noise."""

from __future__ import annotations

import torch
from torch import Tensor

from noisydescent.arguments import whole_number
from noisydescent.theory.checks import spectrum, variances
from noisydescent.theory.stationary import max_learning_rate


def polyak_variance(
    eigenvalues: Tensor, noise_variance: Tensor | float, batch_size: int, learning_rate: float, steps: int | Tensor
) -> Tensor:
    """Variance of the mean of theta_0 .. theta_(t-1) per eigendirection, exact at every t; shape of `steps` + (d,).

    With a = 1 - eta lambda: sigma^2 / (B lambda^2 t^2) sum_{r<t} (1 - a^r)^2, SGD started at a fixed point and run at
    one constant learning rate below 2 / L. eigenvalues (d,); noise_variance (d,) or a number, of one sample's gradient;
    steps t a number, or a tensor of any shape. Times t it tends to the diagonal of `polyak_covariance`.

    The noise of step s enters theta_j, j > s, as -eta a^(j-1-s) times itself; summing over j gives the factor
    -(1 - a^(t-1-s)) / lambda.
    """
    lam = spectrum(eigenvalues)
    noise = variances("noise_variance", noise_variance, lam)
    batch_size, limit = whole_number("batch_size", batch_size), max_learning_rate(lam)
    if not 0 < learning_rate < limit:
        raise ValueError(f"learning_rate must be positive and below 2 / L = {limit:.4g}, got {learning_rate!r}")
    t = torch.as_tensor(steps, device=lam.device)[..., None].double()
    if not (t >= 1).all():
        raise ValueError(f"steps must be at least 1, got {steps!r}")
    a = 1 - learning_rate * lam
    once, twice = (1 - a**t) / (1 - a), (1 - a ** (2 * t)) / (1 - a * a)  # sums of a^r and of a^2r over r < t
    return noise * (t - 2 * once + twice) / (batch_size * (lam * t).square())


def expected_drift(
    eigenvalues: Tensor,
    noise_variance: Tensor | float,
    batch_size: int,
    learning_rates: Tensor,
    local_steps: int,
    workers: int,
) -> Tensor:
    """Variance of one worker's model about the workers' mean, per eigendirection, after 0 .. T steps; (T + 1, d).

    Every worker takes SGD steps with minibatches of `batch_size` of its own; after each `local_steps` of them the
    models are replaced by their mean, and the drift is zero there. Between averagings, with K workers,
    u <- (1 - eta lambda)^2 u + eta^2 (1 - 1/K) sigma^2 / B. The mean itself is SGD with minibatches of K B, whatever
    `local_steps` is, since a linear gradient of the mean is the mean of the gradients.

    eigenvalues (d,), noise_variance (d,) or a number, of one sample's gradient; learning_rates (T,) as applied. Stich,
    *Local SGD Converges Fast and Communicates Little*, 2019, bounds the sum of it.
    """
    lam = spectrum(eigenvalues)
    noise = variances("noise_variance", noise_variance, lam)
    batch_size, local_steps = whole_number("batch_size", batch_size), whole_number("local_steps", local_steps)
    share = (1 - 1 / whole_number("workers", workers)) / batch_size
    drift = [torch.zeros_like(lam)]
    for t, rate in enumerate(learning_rates.double().tolist(), start=1):
        apart = (1 - rate * lam).square() * drift[-1] + rate**2 * share * noise
        drift.append(torch.zeros_like(lam) if t % local_steps == 0 else apart)
    return torch.stack(drift)
