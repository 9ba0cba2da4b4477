"""Expected loss of a whole run, step by step and without sampling, under any schedule and batch size.

Per eigendirection a linear method maps the first two moments of its state linearly, so the expected loss of a quadratic
is computed, not estimated. All functions here share their arguments:

eigenvalues     (d,) of the Hessian H
batch_size      a number of samples, or a tensor of shape (T,) or (T, ...) for a batch size that changes
learning_rates  (T,), or (T, ...) for many schedules at once, as applied
start           (d,) theta_0 - theta* in the eigenbasis of H
returns         (T + 1, ...) float64: E f - f* after 0, 1, ..., T steps; inf from where it passes the largest float64
"""

from __future__ import annotations

import torch
from torch import Tensor

from noisydescent.arguments import below_one, non_negative, whole_number
from noisydescent.schedules import Schedule, multipliers
from noisydescent.theory.checks import variances

# numbers in one block of precomputed coefficients: few enough to stay in the cache
_BLOCK = 100_000


def expected_loss(
    eigenvalues: Tensor,
    noise_variance: Tensor | float,
    batch_size: int | Tensor,
    learning_rates: Tensor,
    start: Tensor,
) -> Tensor:
    """Exact E f of SGD on a quadratic with additive noise after 0, 1, ..., T steps, without sampling.

    eigenvalues (d,); noise_variance (d,) or a number, per coordinate, of one sample's gradient; batch_size a number,
    or a tensor (T,) or (T, ...); learning_rates (T,) or (T, ...) for many schedules at once, as applied; start (d,)
    is theta_0 - theta*. Returns (T + 1, ...).

    Per eigendirection the mean and the variance obey m <- (1 - eta lambda) m and
    s <- (1 - eta lambda)^2 s + eta^2 sigma^2 / B (Zhang et al., *Which Algorithmic Choices Matter at Which Batch
    Sizes?*, 2019, section 3), and E f = 1/2 sum_i lambda_i (m_i^2 + s_i).
    """
    # m^2 and s obey one recursion, so their sum is all that is kept
    lam, rates, per_sample, square = _prepare(eigenvalues, learning_rates, batch_size, start)
    noise = variances("noise_variance", noise_variance, lam)
    losses = [0.5 * (square @ lam)[None]]
    block = max(1, _BLOCK // square.numel())
    for first in range(0, len(rates), block):
        rate = rates[first : first + block]
        shrink = (1 - rate * lam).square()
        # row t starts as the noise that step t adds, and becomes E theta^2 after it
        path = rate.square() * per_sample[first : first + block] * noise
        for row, factor in zip(path.unbind(), shrink.unbind(), strict=True):
            square = row.addcmul_(factor, square)
        losses.append(0.5 * (path @ lam))
    return _diverged(torch.cat(losses))


def expected_loss_momentum(
    eigenvalues: Tensor,
    noise_variance: Tensor | float,
    batch_size: int | Tensor,
    learning_rates: Tensor,
    start: Tensor,
    momentum: float,
    nesterov: bool = False,
) -> Tensor:
    """Exact E f of SGD with momentum on a quadratic with additive noise; arguments as in `expected_loss`.

    PyTorch's convention, buf <- beta buf + g, theta <- theta - eta buf, or theta - eta (g + beta buf) if `nesterov`,
    with the buffer zero at first; 0 <= momentum < 1.

    Per eigendirection x = (theta, buf) obeys x <- A x + c zeta, so E x x' <- A E[x x'] A' + c c' sigma^2 / B, the sum
    of the recursions of mean and covariance; A = [[1 - eta lambda, -eta beta], [lambda, beta]] and c = (-eta, 1) for
    heavy ball, A = [[1 - eta (1 + beta) lambda, -eta beta^2], [lambda, beta]] and c = (-eta (1 + beta), 1) for
    Nesterov.
    Heavy ball: Polyak, *Some Methods of Speeding up the Convergence of Iteration Methods*, 1964. Nesterov's form as in
    Sutskever, Martens, Dahl, Hinton, *On the Importance of Initialization and Momentum in Deep Learning*, 2013.
    """
    beta = below_one("momentum", momentum)
    lam, rates, per_sample, square = _prepare(eigenvalues, learning_rates, batch_size, start)
    noise = variances("noise_variance", noise_variance, lam)
    moments = torch.stack([square, torch.zeros_like(square), torch.zeros_like(square)])
    losses = [0.5 * (square @ lam)[None]]
    block = max(1, _BLOCK // (9 * square.numel()))
    for first in range(0, len(rates), block):
        eta = rates[first : first + block]
        reach, kept = (1 + beta, beta * beta) if nesterov else (1.0, beta)
        # A = [[a, b], [lambda, beta]] and c = (-eta reach, 1); the new theta sees the buffer and, by g, the old theta
        a, b = 1 - eta * reach * lam, (-eta * kept).expand(*eta.shape[:-1], len(lam))
        e, f = lam.expand_as(a), torch.full_like(a, beta)
        lifted = _rows([a * a, 2 * a * b, b * b], [a * e, a * f + b * e, b * f], [e * e, 2 * e * f, f * f])
        heard = noise * per_sample[first : first + block]
        added = torch.stack([(eta * reach).square() * heard, -eta * reach * heard, heard], dim=1)
        path = torch.empty_like(a)
        for row, step, extra in zip(path.unbind(), lifted.unbind(), added.unbind(), strict=True):
            moments = (step * moments).sum(dim=1).add_(extra)
            row.copy_(moments[0])
        losses.append(0.5 * (path @ lam))
    return _diverged(torch.cat(losses))


def _rows(*rows: list[Tensor]) -> Tensor:
    """3 x 3 tensors (T, ..., d) as one (T, 3, 3, ..., d)."""
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)


def expected_loss_least_squares(
    eigenvalues: Tensor,
    label_noise: float,
    batch_size: int | Tensor,
    learning_rates: Tensor,
    start: Tensor,
) -> Tensor:
    """Exact excess loss E f - f* of SGD on least squares with fresh Gaussian inputs; arguments as in `expected_loss`.

    f = 1/2 E (x'theta - y)^2 with x ~ N(0, H), y = x'theta* + e and e independent of x, mean zero, variance
    `label_noise`. The gradient noise grows with the error, and vanishes at the optimum where label_noise is 0.

    M = E (theta - theta*)(theta - theta*)' obeys M <- M - eta (H M + M H) + eta^2 (H M H + (H M H + tr(H M) H)/B)
    + eta^2 label_noise H / B, by E[x x' M x x'] = 2 H M H + tr(H M) H for Gaussian x (Isserlis, 1918). In the
    eigenbasis of H its diagonal m, and with it the loss 1/2 sum_i lambda_i m_i, obeys a recursion of its own:
    m_i <- ((1 - eta lambda_i)^2 + eta^2 lambda_i^2 / B) m_i + eta^2 lambda_i (sum_j lambda_j m_j + label_noise) / B.
    """
    label_noise = non_negative("label_noise", label_noise)
    lam, rates, per_sample, square = _prepare(eigenvalues, learning_rates, batch_size, start)
    losses = [0.5 * (square @ lam)]
    block = max(1, _BLOCK // square.numel())
    for first in range(0, len(rates), block):
        rate = rates[first : first + block]
        spread = rate.square() * per_sample[first : first + block] * lam
        shrink = (1 - rate * lam).square() + spread * lam
        for factor, noise in zip(shrink.unbind(), spread.unbind(), strict=True):
            scale = 2 * losses[-1][..., None] + label_noise
            square = torch.addcmul(noise * scale, factor, square)
            losses.append(0.5 * (square @ lam))
    return _diverged(torch.stack(losses))


def expected_loss_of(
    problem,
    batch_size: int | Tensor,
    peak: float,
    schedule: Schedule | Tensor,
    steps: int,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> Tensor:
    """`expected_loss` of a `Quadratic` under peak * schedule(t), t = 0 .. steps - 1; shape (steps + 1,).

    `schedule` may also be a tensor (steps,) of these multipliers. With `momentum` that of `expected_loss_momentum`.
    """
    rates = non_negative("peak", peak) * multipliers(schedule, steps)
    start = (problem.start - problem.optimum).cpu()
    setting = (problem.eigenvalues.cpu(), problem.noise_variance.cpu(), batch_size, rates, start)
    if below_one("momentum", momentum) == 0:
        return expected_loss(*setting)
    return expected_loss_momentum(*setting, momentum, nesterov)


def _prepare(
    eigenvalues: Tensor, learning_rates: Tensor, batch_size: int | Tensor, start: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Eigenvalues (d,), learning rates and 1/B, both (T, ..., 1), start^2 (..., d): float64, one device."""
    lam = eigenvalues.double()
    if lam.dim() != 1:
        raise ValueError(f"eigenvalues must have shape (d,), got {tuple(lam.shape)}")
    if start.shape != lam.shape:
        raise ValueError(f"start must have shape ({len(lam)},) like eigenvalues, got {tuple(start.shape)}")
    if not (torch.isfinite(lam).all() and torch.isfinite(start).all()):
        raise ValueError("eigenvalues and start must be finite")
    rates = torch.as_tensor(learning_rates, dtype=torch.float64, device=lam.device)
    if rates.dim() == 0:
        raise ValueError("learning_rates must have shape (T, ...), one for each step, got a single number")
    if not (rates >= 0).all():
        raise ValueError("learning_rates must not be negative or NaN")
    if not isinstance(batch_size, Tensor):
        share = torch.full((), 1 / whole_number("batch_size", batch_size), dtype=torch.float64, device=lam.device)
    elif not (batch_size > 0).all():
        raise ValueError("batch_size must be positive at every step")
    elif batch_size.shape not in [(), rates.shape[:1], rates.shape]:
        wanted = f"a number, ({len(rates)},) or the shape of learning_rates"
        raise ValueError(f"batch_size must be {wanted}, got shape {tuple(batch_size.shape)}")
    else:
        share = 1 / batch_size.to(lam)
        # one batch size a step, for every schedule
        share = share.reshape(*share.shape, *[1] * (rates.dim() - share.dim()))
    square = start.to(lam).square().expand(*rates.shape[1:], len(lam))
    return lam, rates[..., None], share.expand_as(rates)[..., None], square


def _diverged(losses: Tensor) -> Tensor:
    """inf where a moment has overflowed: the difference of two such moments is NaN, the loss is not."""
    return losses.masked_fill_(losses.isnan(), torch.inf)
