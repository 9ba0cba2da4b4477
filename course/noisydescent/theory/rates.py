"""Bounds on one step and on many, asymptotic rates, and fixed points."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from noisydescent.arguments import non_negative, positive, whole_number
from noisydescent.theory.checks import square_matrix


def descent_bound(
    loss: float, gradient_square: float, learning_rate: float, smoothness: float, noise_trace: float, batch_size: int
) -> float:
    """Bound on E f after one SGD step: f - eta (1 - eta L / 2) norm(grad f)^2 + eta^2 L tr Sigma / (2 B).

    For f whose gradient has Lipschitz constant L = `smoothness`; with equality where f is a quadratic of curvature L
    in every direction. gradient_square is norm(grad f)^2, noise_trace tr Sigma of one sample's gradient. Ghadimi,
    Lan, *Stochastic First- and Zeroth-Order Methods for Nonconvex Stochastic Programming*, 2013; Bottou, Curtis,
    Nocedal, *Optimization Methods for Large-Scale Machine Learning*, 2018, lemma 4.4.
    """
    eta, smoothness = non_negative("learning_rate", learning_rate), positive("smoothness", smoothness)
    square, trace = non_negative("gradient_square", gradient_square), non_negative("noise_trace", noise_trace)
    noise = eta**2 * smoothness * trace / (2 * whole_number("batch_size", batch_size))
    return loss - eta * (1 - eta * smoothness / 2) * square + noise


def strongly_convex_bound(
    start_square: float,
    learning_rate: float,
    strong_convexity: float,
    noise_trace: float,
    batch_size: int,
    steps: int | Tensor,
) -> float | Tensor:
    """Bound on E norm(theta_t - theta*)^2 of SGD: (1 - eta mu)^t D_0 + eta tr Sigma / (mu B).

    start_square is D_0 = norm(theta_0 - theta*)^2, strong_convexity mu, noise_trace tr Sigma of one sample's gradient;
    steps t a number, or a tensor of any shape, which the result then has. Valid for f that is mu-strongly convex and
    L-smooth, eta <= 1/L and gradient noise of bounded trace; for eta mu > 1 it raises ValueError, since no such eta is
    below 1/L. Bottou, Curtis, Nocedal, 2018, theorem 4.6, has it for f; Gower et al., *SGD: General Analysis and
    Improved Rates*, 2019, for the distance.
    """
    start_square, mu = non_negative("start_square", start_square), positive("strong_convexity", strong_convexity)
    eta, trace = non_negative("learning_rate", learning_rate), non_negative("noise_trace", noise_trace)
    if eta * mu > 1:
        raise ValueError(f"learning_rate must not exceed 1 / L <= 1 / strong_convexity = {1 / mu:.4g}, got {eta!r}")
    if not isinstance(steps, Tensor):
        steps = whole_number("steps", steps, 0)
    elif not (steps >= 0).all():
        raise ValueError("steps must not be negative")
    else:
        steps = steps.double()
    return (1 - eta * mu) ** steps * start_square + eta * trace / (mu * whole_number("batch_size", batch_size))


def robbins_monro_variance(c: float, curvature: float, noise_variance: float, batch_size: int = 1) -> float:
    """Limit of t E theta_t^2 in one dimension for eta_t = c / (t + t0): c^2 sigma^2 / (B (2 c lambda - 1)).

    inf where 2 c lambda <= 1. `curvature` is lambda, noise_variance sigma^2 of one sample's gradient. Least, and equal
    to sigma^2 / (B lambda^2), at c = 1 / lambda. Chung, *On a Stochastic Approximation Method*, 1954.
    """
    c, lam = positive("c", c), positive("curvature", curvature)
    noise = non_negative("noise_variance", noise_variance) / whole_number("batch_size", batch_size)
    return c**2 * noise / (2 * c * lam - 1) if 2 * c * lam > 1 else math.inf


def robbins_monro_exponent(c: float, curvature: float) -> float:
    """r such that E theta_t^2 falls as t^-r for eta_t = c / (t + t0): min(1, 2 c lambda).

    At 2 c lambda = 1 there is a factor log t besides. Exact values at every t: `expected_loss` with these learning
    rates. Moulines, Bach, *Non-Asymptotic Analysis of Stochastic Approximation Algorithms for Machine Learning*, 2011.
    """
    return min(1.0, 2 * positive("c", c) * positive("curvature", curvature))


def polyak_covariance(hessian: Tensor, noise_covariance: Tensor, steps: int, batch_size: int = 1) -> Tensor:
    """Asymptotic covariance of the mean of `steps` SGD iterates: H^-1 Sigma H^-1 / (t B), (d, d), for any stable eta.

    hessian (d, d), noise_covariance Sigma (d, d) of one sample's gradient. No unbiased method has less in the limit,
    whatever its learning rates. Polyak, Juditsky, *Acceleration of Stochastic Approximation by Averaging*, 1992. With
    steps = N it is also the covariance of the minimiser of an empirical risk of N samples.
    """
    hessian = square_matrix("hessian", hessian)
    sigma = square_matrix("noise_covariance", noise_covariance, len(hessian)).to(hessian.device)
    samples = whole_number("steps", steps) * whole_number("batch_size", batch_size)
    inverse = torch.linalg.inv(hessian)
    return inverse @ sigma @ inverse.T / samples


def fedavg_fixed_point(
    hessians: Tensor, optima: Tensor, weights: Tensor, learning_rate: float, local_steps: int
) -> Tensor:
    """Where federated averaging settles on quadratic clients f_k = 1/2 (theta - theta_k)' A_k (theta - theta_k); (d,).

    Solves sum_k w_k (I - (I - eta A_k)^E)(theta - theta_k) = 0: the minimiser of sum_k w_k f_k for E = 1 local step
    only, or where all A_k or all theta_k are equal. hessians (K, d, d), optima (K, d), weights (K,) non-negative, need
    not sum to one. Rounds converge to it where eta is below 2 / L of every client. McMahan et al.,
    *Communication-Efficient Learning of Deep Networks from Decentralized Data*, 2017.
    """
    eta, local_steps = positive("learning_rate", learning_rate), whole_number("local_steps", local_steps)
    if hessians.dim() != 3 or hessians.shape[1] != hessians.shape[2]:
        raise ValueError(f"hessians must have shape (K, d, d), got {tuple(hessians.shape)}")
    clients, d, _ = hessians.shape
    hessians, optima, weights = (part.to(hessians.device, torch.float64) for part in (hessians, optima, weights))
    for name, value, shape in [("optima", optima, (clients, d)), ("weights", weights, (clients,))]:
        if value.shape != shape:
            raise ValueError(f"{name} must have shape {shape}, got {tuple(value.shape)}")
    if not (weights >= 0).all() or not (weights.sum() > 0):
        raise ValueError("weights must not be negative, nor all zero")
    identity = torch.eye(d, dtype=torch.float64, device=hessians.device)
    pull = identity - torch.linalg.matrix_power(identity - eta * hessians, local_steps)
    pull = weights[:, None, None] * pull
    return torch.linalg.solve(pull.sum(dim=0), (pull @ optima[..., None]).sum(dim=0)).squeeze(-1)
