"""Adafactor: a second moment kept as row and column means, n + m numbers for an n x m matrix."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from noisydescent.optimizers.building_blocks import State, checked_rates, moved, norms


def adafactor(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    state: State | None,
    lr: float | Tensor,
    *,
    beta2_decay: float = -0.8,
    eps1: float = 1e-30,
    d: float = 1.0,
    weight_decay: float = 0.0,
) -> tuple[list[Tensor], State]:
    """w <- (1 - lr weight_decay) w, then w <- w - lr U / max(1, RMS(U) / d), U = g / sqrt(V).

    Parameters of two or more dimensions keep the moving averages of the row and column means of g^2 + eps1 over their
    last two, V = row col / mean(row); the others keep V itself. Decay beta2_t = 1 - t^beta2_decay, t from 1. No first
    moment, no relative step (lr is used as it is, not scaled by RMS(w)). RMS is that of one tensor of one run.

    params, grads  lists of tensors (R, *shape); lr a number or (R,); state None at first. Nothing passed in is changed.
    ValueError     when shapes disagree or a hyperparameter makes no sense
    Shazeer, Stern, *Adafactor: Adaptive Learning Rates with Sublinear Memory Cost*, 2018.
    """
    rates = checked_rates(params, grads, state, lr, beta2_decay=beta2_decay, eps1=eps1, d=d, weight_decay=weight_decay)
    step = 1 if state is None else state["step"] + 1
    weight = float(step) ** beta2_decay  # 1 - beta2_t: 1 at the first step, which so forgets the zeros
    factors, moves = [], []
    for i, (w, r, g) in enumerate(zip(params, rates, grads, strict=True)):
        fresh = _factors(g.square().add_(eps1))
        old = fresh if state is None else state["factors"][i]
        factors.append({name: torch.lerp(old[name], value, weight) for name, value in fresh.items()})
        second = factored_second_moment(**factors[-1]) if len(fresh) == 2 else factors[-1]["full"]
        update = g * second.clamp_min(torch.finfo(g.dtype).tiny).rsqrt()
        rms = norms(update) / max(1, update.numel() // len(update)) ** 0.5
        moves.append(moved(w * (1.0 - r * weight_decay), r, update / (rms / d).clamp_min_(1.0)))
    return moves, {"step": step, "factors": factors}


def _factors(square: Tensor) -> dict[str, Tensor]:
    if square.dim() < 3:  # the run dimension is one of them
        return {"full": square}
    return {"row": square.mean(dim=-1, keepdim=True), "col": square.mean(dim=-2, keepdim=True)}


def factored_second_moment(row: Tensor, col: Tensor) -> Tensor:
    """row col / mean(row) from row means (..., n, 1) and column means (..., 1, m), shape (..., n, m); zeros give zeros.

    Exact when the matrix has rank one.
    """
    mean = row.mean(dim=-2, keepdim=True)
    # divided before it is multiplied: the product of two small means underflows in float32
    return row / mean.clamp_min(torch.finfo(row.dtype).tiny) * col
