"""LARS and LAMB: one trust ratio for each tensor, norm(w) against the norm of its update.

Both rules take `params` and `grads`, lists of tensors (R, *shape) with the same leading run dimension, the `state` that
the last call returned (`None` at first) and `lr`, a number or a tensor (R,). They return new tensors and change
nothing. Norms are those of one tensor of one run. Every tensor gets a ratio, biases too, as in the papers' algorithms.
`ValueError` names the argument when shapes disagree or a hyperparameter makes no sense.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from noisydescent.optimizers.adaptive import directions, moments
from noisydescent.optimizers.building_blocks import State, checked_rates, decayed, moved, norms


def lars(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    state: State | None,
    lr: float | Tensor,
    *,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    trust_coefficient: float = 1e-3,
) -> tuple[list[Tensor], State]:
    """buf <- momentum buf + ratio (g + weight_decay w), w <- w - lr buf.

    ratio = trust_coefficient norm(w) / (norm(g) + weight_decay norm(w)), and 1 when norm(w) or the denominator is 0.
    You, Gitman, Ginsburg, *Large Batch Training of Convolutional Networks*, 2017, with the learning rate outside the
    buffer, as in torch.optim.SGD (the paper has it inside: the same for a constant one).
    """
    rates = checked_rates(
        params,
        grads,
        state,
        lr,
        momentum=momentum,
        weight_decay=weight_decay,
        trust_coefficient=trust_coefficient,
    )
    scaled = [
        u * lars_ratio(norms(w), norms(g), weight_decay, trust_coefficient)
        for w, g, u in zip(params, grads, decayed(params, grads, weight_decay), strict=True)
    ]
    if state is not None:
        scaled = [(b * momentum).add_(u) for b, u in zip(state["momentum_buffer"], scaled, strict=True)]
    moves = [moved(w, r, b) for w, r, b in zip(params, rates, scaled, strict=True)]
    return moves, {"momentum_buffer": scaled}


def lamb(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    state: State | None,
    lr: float | Tensor,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-6,
    weight_decay: float = 0.0,
) -> tuple[list[Tensor], State]:
    """u = mhat / (sqrt(vhat) + eps) + weight_decay w, w <- w - lr norm(w) / norm(u) u; ratio 1 when a norm is 0.

    Moments and bias correction as in `adam`; the ratio is not clamped (phi(z) = z).
    You et al., *Large Batch Optimization for Deep Learning: Training BERT in 76 Minutes*, 2020, algorithm 2.
    """
    rates = checked_rates(params, grads, state, lr, betas=betas, eps=eps, weight_decay=weight_decay)
    new = moments(state, grads, betas)
    updates = decayed(params, directions(new, betas, eps), weight_decay)
    moves = [moved(w, r, u * lamb_ratio(norms(w), norms(u))) for w, r, u in zip(params, rates, updates, strict=True)]
    return moves, new


def lars_ratio(weight: Tensor, gradient: Tensor, weight_decay: float, trust_coefficient: float) -> Tensor:
    """LARS's ratio from the norms of weight and gradient, tensors of one shape."""
    below = gradient + weight_decay * weight
    return torch.where((weight > 0) & (below > 0), trust_coefficient * weight / below, torch.ones_like(weight))


def lamb_ratio(weight: Tensor, update: Tensor) -> Tensor:
    """LAMB's ratio norm(w) / norm(update) from the two norms, tensors of one shape; 1 where either is 0."""
    return torch.where((weight > 0) & (update > 0), weight / update, torch.ones_like(weight))
