"""Gradients that are wrong on average: clipped ones in closed form, and where SGD with a biased oracle goes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from noisydescent.arguments import non_negative, positive, whole_number
from noisydescent.theory.checks import spectrum, square_matrix

LARGEST = 40.0  # norm(G) / sigma up to which the series is summed; beyond, the noise hardly matters


def clipped_gaussian(dim: int, gradient_norm: float | Tensor, sigma: float, threshold: float) -> tuple[Tensor, Tensor]:
    """(a, q): E clip(g) = a G and E norm(clip(g))^2 = q for g ~ N(G, sigma^2 I) in R^dim, norm(G) = gradient_norm.

    With J ~ Poisson(norm(G)^2 / (2 sigma^2)): E h(norm(g)^2) g = G E h(sigma^2 chi2(dim + 2 + 2 J)) for any h, and
    norm(g)^2 is sigma^2 chi2(dim + 2 J) (James, Stein, *Estimation with Quadratic Loss*, 1961). Here h(x) =
    min(1, threshold / sqrt(x)). Both results are shaped like gradient_norm. Exact for gradient_norm up to 40 sigma;
    beyond that the noise counts by its expected square only.
    """
    dim, sigma = whole_number("dim", dim), positive("sigma", sigma)
    if not threshold > 0:
        raise ValueError(f"threshold must be positive, got {threshold!r}")
    rho = torch.as_tensor(gradient_norm, dtype=torch.float64) / sigma
    if not (rho >= 0).all():
        raise ValueError(f"gradient_norm must not be negative, got {gradient_norm!r}")
    if math.isinf(threshold):
        return torch.ones_like(rho), sigma**2 * (rho.square() + dim)
    c = float(threshold) / sigma
    mean = rho.clamp_max(LARGEST).square().unsqueeze(-1) / 2
    j = torch.arange(int(mean.max() + 10 * mean.max().sqrt()) + 30, dtype=torch.float64)
    weight = torch.exp(torch.xlogy(j, mean) - mean - torch.lgamma(j + 1))
    half = torch.tensor(c**2 / 2, dtype=torch.float64)
    below, above = torch.special.gammainc, torch.special.gammaincc
    nu = dim + 2 + 2 * j
    inverse = torch.exp(torch.lgamma((nu - 1) / 2) - torch.lgamma(nu / 2)) / math.sqrt(2) * above((nu - 1) / 2, half)
    factor = (weight * (below(nu / 2, half) + c * inverse)).sum(dim=-1)
    nu = dim + 2 * j
    square = (weight * (nu * below(nu / 2 + 1, half) + c**2 * above(nu / 2, half))).sum(dim=-1)
    far = rho > LARGEST
    factor = torch.where(far, (c / (rho.square() + dim).sqrt()).clamp_max(1.0), factor)
    square = torch.where(far, (rho.square() + dim).clamp_max(c**2), square)
    return factor, sigma**2 * square


def expected_loss_clipped(
    eigenvalues: Tensor, sigma: float, batch_size: int, rates: Tensor, start: Tensor, threshold: float
) -> Tensor:
    """Expected loss on the quadratic with noise N(0, sigma^2 I), each sample's gradient clipped: (T,) -> (T + 1,).

    The recursion of `expected_loss` with `clipped_gaussian` at each step, taken at the root mean square of norm(G):
    exact for an infinite threshold, else as good as norm(G) varies little between runs. `start` (d,) is theta_0
    minus the optimum.
    """
    lam = spectrum(eigenvalues).cpu().double()
    dim, size = len(lam), whole_number("batch_size", batch_size)
    mean, spread = start.cpu().double().clone(), torch.zeros(dim, dtype=torch.float64)
    grid = torch.cat([torch.linspace(0, LARGEST, 161), torch.logspace(math.log10(LARGEST), 8, 100)[1:]]).double()
    factors, squares = clipped_gaussian(dim, sigma * grid, sigma, threshold)
    # against the square both are nearly straight, and the second one is straight without a threshold
    knots, factors, squares = grid.square().numpy(), factors.numpy(), squares.numpy()
    losses = []
    for rate in [*rates.cpu().double().tolist(), 0.0]:
        second = mean.square() + spread
        losses.append(0.5 * float(lam @ second))
        length = float((lam.square() @ second).sqrt())  # rms norm(G)
        a, q = (_at((length / sigma) ** 2, knots, values) for values in (factors, squares))
        noise = max(q - (a * length) ** 2, 0.0) / (dim * size)
        if not math.isfinite(length) or not math.isfinite(noise):
            a, noise = 1.0, sigma**2 / size
        mean = (1 - rate * a * lam) * mean
        spread = (1 - rate * a * lam).square() * spread + rate**2 * noise
    return torch.tensor(losses, dtype=torch.float64)


def _at(x: float, knots, values) -> float:
    """Linear interpolation; plain, since it is called at every step."""
    k = min(max(int(knots.searchsorted(x)), 1), len(knots) - 1)
    share = (x - knots[k - 1]) / (knots[k] - knots[k - 1])
    return float(values[k - 1] + share * (values[k] - values[k - 1]))


def expected_excess_biased(
    jacobian: Tensor, noise_covariance: Tensor, hessian: Tensor, slope: Tensor, batch_size: int, rates: Tensor,
    start: Tensor,
) -> Tensor:  # fmt: skip
    """E f(theta_t) - f(fixed point) of SGD whose mean gradient is linear about its fixed point; (T,) -> (T + 1,).

    The mean oracle is jacobian (theta - fixed point), its covariance noise_covariance / B; f has the gradient `slope`
    there, zero only without bias, and the Hessian `hessian`. start (d,) is theta_0 minus the fixed point. The mean m
    and covariance C of theta minus the fixed point follow m <- (I - eta J) m, C <- (I - eta J) C (I - eta J)' +
    eta^2 Sigma / B, and the result is slope.m + 1/2 tr(H (C + m m')): exact if f is quadratic too.
    """
    jacobian = square_matrix("jacobian", jacobian).cpu().double()
    d = len(jacobian)
    noise = square_matrix("noise_covariance", noise_covariance, d).cpu().double() / whole_number(
        "batch_size", batch_size
    )
    hessian, slope = square_matrix("hessian", hessian, d).cpu().double(), slope.cpu().double()
    mean, spread = start.cpu().double(), torch.zeros_like(jacobian)
    one, losses = torch.eye(d, dtype=torch.float64), []
    for rate in [*rates.cpu().double().tolist(), 0.0]:
        losses.append(slope @ mean + 0.5 * (mean @ hessian @ mean + (hessian * spread).sum()))
        step = one - non_negative("rates", rate) * jacobian
        mean, spread = step @ mean, step @ spread @ step.T + rate**2 * noise
    return torch.stack(losses)
