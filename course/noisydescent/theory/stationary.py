"""Where SGD with a constant learning rate settles, and the learning rate beyond which it does not settle at all."""

from __future__ import annotations

import torch
from torch import Tensor

from noisydescent.arguments import below_one, non_negative, whole_number
from noisydescent.theory.checks import spectrum, variances


def max_learning_rate(eigenvalues: Tensor | float, momentum: float = 0.0, nesterov: bool = False) -> float:
    """The learning rate at which SGD on a quadratic with additive noise stops converging in mean and variance.

    2 (1 + beta) / L with L the largest of `eigenvalues` (d,), or the one given; 2 / L without momentum. With
    `nesterov` 2 (1 + beta) / ((1 + 2 beta) L), which is lower. Stable strictly below it. From the roots of
    z^2 - (1 + beta - eta lambda) z + beta: Polyak, 1964; PyTorch's convention as in `expected_loss_momentum`.
    """
    largest, beta = float(spectrum(eigenvalues).max()), below_one("momentum", momentum)
    return 2 * (1 + beta) / ((1 + 2 * beta if nesterov else 1) * largest)


def max_learning_rate_least_squares(eigenvalues: Tensor | float, batch_size: int) -> float:
    """The learning rate at which SGD on least squares with fresh Gaussian inputs stops converging in mean square.

    The eta with (eta / B) sum_i lambda_i / (2 - eta lambda_i (1 + 1/B)) = 1; stable strictly below it. In one dimension
    2 / (lambda (1 + 2/B)); as B grows, 2 / L. eigenvalues (d,) of the inputs' covariance, or a number.

    The recursion of `expected_loss_least_squares` is D + u u' with D diagonal, so its spectral radius is below one
    exactly if D < 1 and u'(I - D)^-1 u < 1.
    """
    lam, batch_size = spectrum(eigenvalues), whole_number("batch_size", batch_size)
    # the sum grows from 0 to infinity over (0, high): bisection down to the last digit
    low, high = 0.0, 2 / (float(lam.max()) * (1 + 1 / batch_size))
    while low < (middle := (low + high) / 2) < high:
        if _feedback(lam, batch_size, middle) < 1:
            low = middle
        else:
            high = middle
    return low


def stationary_variance(
    eigenvalues: Tensor,
    noise_variance: Tensor | float,
    batch_size: int,
    learning_rate: float,
    momentum: float = 0.0,
) -> Tensor:
    """Stationary variance of SGD, or heavy-ball SGD, per eigendirection of a quadratic with additive noise; (d,).

    eta sigma^2 (1 + beta) / (B lambda (1 - beta) (2 (1 + beta) - eta lambda)), the fixed point of
    `expected_loss_momentum`; eta sigma^2 / (B lambda (2 - eta lambda)) without momentum. noise_variance (d,) or a
    number, of one sample's gradient per coordinate. ValueError at or above `max_learning_rate`, where there is none.
    Small eta: eta sigma^2 / (2 B lambda (1 - beta)), Mandt, Hoffman, Blei, *Stochastic Gradient Descent as
    Approximate Bayesian Inference*, 2017.
    """
    lam, batch_size = spectrum(eigenvalues), whole_number("batch_size", batch_size)
    beta, noise = below_one("momentum", momentum), variances("noise_variance", noise_variance, lam)
    eta = _stable(learning_rate, max_learning_rate(lam, beta), "2 (1 + momentum) / L" if beta else "2 / L")
    return eta * noise * (1 + beta) / (batch_size * lam * (1 - beta) * (2 * (1 + beta) - eta * lam))


def loss_floor(
    eigenvalues: Tensor,
    noise_variance: Tensor | float,
    batch_size: int,
    learning_rate: float,
    momentum: float = 0.0,
) -> float:
    """Stationary E f of SGD at a constant learning rate: 1/2 sum_i eta sigma_i^2 / (B (2 - eta lambda_i)).

    With momentum 1/2 sum_i lambda_i `stationary_variance`_i. The fixed point of the variance recursion in
    `expected_loss`. Raises ValueError at eta >= 2 / max lambda, where there is none.
    """
    variance = stationary_variance(eigenvalues, noise_variance, batch_size, learning_rate, momentum)
    return float(0.5 * variance @ eigenvalues.double())


def ema_variance(beta: float, variance: float | Tensor) -> float | Tensor:
    """Stationary variance of m <- beta m + (1 - beta) x for independent x of `variance`: (1 - beta)/(1 + beta) of it.

    The variance of a mean of (1 + beta)/(1 - beta) of them. 0 <= beta < 1.
    """
    beta = below_one("beta", beta)
    if not torch.all(torch.as_tensor(variance) >= 0):
        raise ValueError(f"variance must not be negative, got {variance!r}")
    return (1 - beta) / (1 + beta) * variance


def _feedback(lam: Tensor, batch_size: int, eta: float) -> float:
    """u'(I - D)^-1 u of `max_learning_rate_least_squares`: how much of the loss comes back as gradient noise."""
    return float((lam / (2 - eta * lam * (1 + 1 / batch_size))).sum()) * eta / batch_size


def _stable(learning_rate: float, limit: float, name: str) -> float:
    """The learning rate if it is below the limit of stability, within which alone anything is stationary."""
    eta = non_negative("learning_rate", learning_rate)
    if eta >= limit:
        raise ValueError(f"learning_rate must be below {name} = {limit:.4g}, got {eta!r}: SGD diverges")
    return eta
