"""SGD and its two momentum forms, in PyTorch's convention: the learning rate stays outside the momentum buffer.

All rules take `params` and `grads`, lists of tensors (R, *shape) with the same leading run dimension, the `state` that
the last call returned (`None` at first) and `lr`, a number or a tensor (R,). They return new tensors and change
nothing. `ValueError` names the argument when shapes disagree or a hyperparameter makes no sense.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from noisydescent.optimizers.building_blocks import State, checked_rates, decayed, moved


def sgd(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    state: State | None,
    lr: float | Tensor,
    *,
    weight_decay: float = 0.0,
) -> tuple[list[Tensor], State]:
    """w <- w - lr (g + weight_decay w). Robbins, Monro, *A Stochastic Approximation Method*, 1951."""
    rates = checked_rates(params, grads, state, lr, weight_decay=weight_decay)
    grads = decayed(params, grads, weight_decay)
    return [moved(w, r, g) for w, r, g in zip(params, rates, grads, strict=True)], {}


def heavy_ball(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    state: State | None,
    lr: float | Tensor,
    *,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
) -> tuple[list[Tensor], State]:
    """buf <- momentum buf + g (g at the first step), w <- w - lr buf; torch.optim.SGD with momentum, dampening 0.

    Polyak, *Some Methods of Speeding up the Convergence of Iteration Methods*, 1964.
    """
    rates = checked_rates(params, grads, state, lr, momentum=momentum, weight_decay=weight_decay)
    buffers = _buffers(state, decayed(params, grads, weight_decay), momentum)
    moves = [moved(w, r, b) for w, r, b in zip(params, rates, buffers, strict=True)]
    return moves, {"momentum_buffer": buffers}


def nesterov(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    state: State | None,
    lr: float | Tensor,
    *,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
) -> tuple[list[Tensor], State]:
    """buf as in `heavy_ball`, w <- w - lr (g + momentum buf); torch.optim.SGD(nesterov=True).

    Nesterov, *A Method for Solving the Convex Programming Problem with Convergence Rate O(1/k^2)*, 1983, in the form of
    Sutskever, Martens, Dahl, Hinton, *On the Importance of Initialization and Momentum in Deep Learning*, 2013.
    """
    rates = checked_rates(params, grads, state, lr, momentum=momentum, weight_decay=weight_decay)
    grads = decayed(params, grads, weight_decay)
    buffers = _buffers(state, grads, momentum)
    ahead = [torch.add(g, b, alpha=momentum) for g, b in zip(grads, buffers, strict=True)]
    moves = [moved(w, r, u) for w, r, u in zip(params, rates, ahead, strict=True)]
    return moves, {"momentum_buffer": buffers}


def _buffers(state: State | None, grads: Sequence[Tensor], momentum: float) -> list[Tensor]:
    if state is None:
        return [g.clone() for g in grads]
    return [(b * momentum).add_(g) for b, g in zip(state["momentum_buffer"], grads, strict=True)]
