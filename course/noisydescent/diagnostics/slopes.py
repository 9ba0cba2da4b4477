"""What a sweep says in one number: the best learning rate on a grid, and the slope of a power law."""

from __future__ import annotations

import torch
from torch import Tensor


def best_rate(rates: Tensor, losses: Tensor) -> Tensor:
    """Learning rate of least loss, between the points of a grid; NaN where the least loss stands at an end of it.

    rates (p,) increasing and positive, p >= 3; losses (..., p), NaN and inf counting as worst; returns (...) float64.
    The vertex of the parabola through the least loss and its two neighbours, over the logarithm of the rate; the grid
    point itself where a neighbour is not finite. NaN at an end: the best rate may lie outside, so it was not measured.
    ValueError when shapes or rates make no sense. Cost: none beyond the sweep.
    """
    rates, losses = torch.as_tensor(rates, dtype=torch.float64), torch.as_tensor(losses, dtype=torch.float64)
    if rates.dim() != 1 or len(rates) < 3 or not (rates > 0).all() or not (rates.diff() > 0).all():
        raise ValueError("rates must be (p,) positive and increasing numbers, at least three of them")
    if losses.dim() < 1 or losses.shape[-1] != len(rates):
        raise ValueError(f"losses must be (..., {len(rates)}), one for each of rates, got {tuple(losses.shape)}")
    losses, at = torch.where(torch.isfinite(losses), losses, torch.inf), torch.log(rates).to(losses.device)
    least = losses.argmin(dim=-1)
    inside = (least > 0) & (least < len(rates) - 1)
    middle = least.clamp(1, len(rates) - 2)
    left, centre, right = (losses.gather(-1, (middle + k)[..., None]).squeeze(-1) for k in (-1, 0, 1))
    x, h, k = at[middle], at[middle] - at[middle - 1], at[middle + 1] - at[middle]
    rise, fall = (right - centre) / k, (centre - left) / h  # divided differences, rise >= 0 >= fall at a minimum
    shift = -(rise * h + fall * k) / (2 * (rise - fall))
    shift = torch.where(torch.isfinite(shift), shift, 0.0)
    return torch.where(inside, torch.exp(x + shift), torch.nan)


def log_log_slope(x: Tensor, y: Tensor) -> Tensor:
    """Exponent r of y ~ x^r by least squares of log y on log x: x (n,), y (..., n), returns (...) float64.

    All points weigh the same, so choose the stretch of x to be judged before calling. ValueError when a value is not
    positive and finite or x has fewer than two different values. Cost: none.
    """
    x, y = torch.as_tensor(x, dtype=torch.float64), torch.as_tensor(y, dtype=torch.float64)
    if x.dim() != 1 or y.dim() < 1 or y.shape[-1] != len(x):
        raise ValueError(f"x must be (n,) and y (..., n), got {tuple(x.shape)} and {tuple(y.shape)}")
    for name, values in [("x", x), ("y", y)]:
        if not ((values > 0) & torch.isfinite(values)).all():
            raise ValueError(f"{name} must be positive and finite: a power law has no other values")
    if len(x.unique()) < 2:
        raise ValueError("x must have at least two different values")
    x = torch.log(x).to(y.device)
    centred = x - x.mean()
    return torch.log(y) @ centred / centred.square().sum()
