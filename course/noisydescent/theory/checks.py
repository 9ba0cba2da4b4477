"""Checks that several modules of theory share: one clear ValueError each, which names the argument."""

from __future__ import annotations

import torch
from torch import Tensor


def variances(name: str, value: Tensor | float, lam: Tensor) -> Tensor:
    """`value` as (d,) float64 beside the eigenvalues `lam` (d,), none negative."""
    value = torch.as_tensor(value, dtype=torch.float64, device=lam.device)
    if value.shape not in [(), lam.shape]:
        raise ValueError(f"{name} must be a number or have shape ({len(lam)},), got {tuple(value.shape)}")
    if not (value >= 0).all():
        raise ValueError(f"{name} must not be negative, got {float(value.min())!r}")
    return value.expand_as(lam)


def spectrum(eigenvalues: Tensor | float) -> Tensor:
    """Eigenvalues as (d,) float64, all positive: without curvature nothing is stationary."""
    lam = torch.atleast_1d(torch.as_tensor(eigenvalues, dtype=torch.float64))
    if lam.dim() != 1 or not len(lam) or not ((lam > 0) & torch.isfinite(lam)).all():
        raise ValueError("eigenvalues must be positive and finite, a number or of shape (d,)")
    return lam


def square_matrix(name: str, value: Tensor, d: int | None = None) -> Tensor:
    """`value` as a float64 square matrix, of size d where given."""
    if value.dim() != 2 or value.shape[0] != value.shape[1] or d not in (None, len(value)):
        wanted = "a square matrix" if d is None else f"of shape ({d}, {d})"
        raise ValueError(f"{name} must be {wanted}, got shape {tuple(value.shape)}")
    return value.double()
