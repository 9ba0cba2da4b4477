"""Methods with a step size for every coordinate: AdaGrad, RMSProp and the Adam family, with torch.optim's conventions.

All rules take `params` and `grads`, lists of tensors (R, *shape) with the same leading run dimension, the `state` that
the last call returned (`None` at first) and `lr`, a number or a tensor (R,). They return new tensors and change
nothing. `ValueError` names the argument when shapes disagree or a hyperparameter makes no sense. g^2, roots and
quotients are meant coordinate by coordinate; t counts steps from 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from noisydescent.optimizers.building_blocks import State, checked_rates, decayed, lerp_all, moved, square_ema, zeros


def adagrad(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    state: State | None,
    lr: float | Tensor,
    *,
    lr_decay: float = 0.0,
    weight_decay: float = 0.0,
    initial_accumulator_value: float = 0.0,
    eps: float = 1e-10,
) -> tuple[list[Tensor], State]:
    """s <- s + g^2, w <- w - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps); weight_decay is coupled l2.

    Duchi, Hazan, Singer, *Adaptive Subgradient Methods for Online Learning and Stochastic Optimization*, 2011.
    """
    start_value = initial_accumulator_value
    rates = checked_rates(
        params,
        grads,
        state,
        lr,
        lr_decay=lr_decay,
        weight_decay=weight_decay,
        initial_accumulator_value=start_value,
        eps=eps,
    )
    if state is None:
        state = {"step": 0, "sum": [torch.full_like(w, start_value) for w in params]}
    grads = decayed(params, grads, weight_decay)
    sums = [torch.addcmul(s, g, g) for s, g in zip(state["sum"], grads, strict=True)]
    slower = 1.0 + state["step"] * lr_decay
    moves = [
        moved(w, r / slower, g / s.sqrt().add_(eps)) for w, r, g, s in zip(params, rates, grads, sums, strict=True)
    ]
    return moves, {"step": state["step"] + 1, "sum": sums}


def rmsprop(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    state: State | None,
    lr: float | Tensor,
    *,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
) -> tuple[list[Tensor], State]:
    """v <- alpha v + (1 - alpha) g^2, u = g / (sqrt(v) + eps), w <- w - lr u; weight_decay is coupled l2.

    momentum > 0: buf <- momentum buf + u, w <- w - lr buf. centered: v minus the squared moving average of g under the
    root, an estimate of the variance. Tieleman, Hinton, *Lecture 6.5: RMSProp*, 2012.
    """
    rates = checked_rates(params, grads, state, lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum)
    if state is None:
        names = ["square_avg", *["grad_avg"] * centered, *["momentum_buffer"] * (momentum > 0)]
        state = {name: zeros(params) for name in names}
    grads = decayed(params, grads, weight_decay)
    new: State = {"square_avg": square_ema(state["square_avg"], grads, alpha)}
    second = new["square_avg"]
    if centered:
        new["grad_avg"] = lerp_all(state["grad_avg"], grads, 1.0 - alpha)
        # rounding can leave a tiny negative variance when the gradient hardly changes
        pairs = zip(second, new["grad_avg"], strict=True)
        second = [torch.addcmul(v, m, m, value=-1).clamp_min_(0) for v, m in pairs]
    updates = [g / v.sqrt().add_(eps) for g, v in zip(grads, second, strict=True)]
    if momentum > 0:
        pairs = zip(state["momentum_buffer"], updates, strict=True)
        new["momentum_buffer"] = updates = [(b * momentum).add_(u) for b, u in pairs]
    return [moved(w, r, u) for w, r, u in zip(params, rates, updates, strict=True)], new


def adam(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    state: State | None,
    lr: float | Tensor,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> tuple[list[Tensor], State]:
    """m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2, w <- w - lr mhat / (sqrt(vhat) + eps).

    mhat = m / (1 - beta1^t), vhat = v / (1 - beta2^t). weight_decay is coupled l2: weight_decay w is added to g before
    both moments. Kingma, Ba, *Adam: A Method for Stochastic Optimization*, 2015.
    """
    rates = checked_rates(params, grads, state, lr, betas=betas, eps=eps, weight_decay=weight_decay)
    new = moments(state, decayed(params, grads, weight_decay), betas)
    updates = directions(new, betas, eps)
    return [moved(w, r, u) for w, r, u in zip(params, rates, updates, strict=True)], new


def adam_l2(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    state: State | None,
    lr: float | Tensor,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> tuple[list[Tensor], State]:
    """`adam` under the name that says where its weight_decay acts: inside both moments, so divided by sqrt(v).

    Its opposite is `adamw`; Loshchilov, Hutter, *Decoupled Weight Decay Regularization*, 2019, compare the two.
    """
    return adam(params, grads, state, lr, betas=betas, eps=eps, weight_decay=weight_decay)


def amsgrad(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    state: State | None,
    lr: float | Tensor,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> tuple[list[Tensor], State]:
    """`adam` with the running maximum of v in the place of v, so a large gradient is never forgotten.

    As in torch the maximum is that of the uncorrected v, divided by 1 - beta2^t afterwards.
    Reddi, Kale, Kumar, *On the Convergence of Adam and Beyond*, 2018.
    """
    rates = checked_rates(params, grads, state, lr, betas=betas, eps=eps, weight_decay=weight_decay)
    new = moments(state, decayed(params, grads, weight_decay), betas)
    before = zeros(params) if state is None else state["max_exp_avg_sq"]
    most = [torch.maximum(a, b) for a, b in zip(before, new["exp_avg_sq"], strict=True)]
    updates = directions({**new, "exp_avg_sq": most}, betas, eps)
    moves = [moved(w, r, u) for w, r, u in zip(params, rates, updates, strict=True)]
    return moves, {**new, "max_exp_avg_sq": most}


def adamw(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    state: State | None,
    lr: float | Tensor,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
) -> tuple[list[Tensor], State]:
    """w <- (1 - lr weight_decay) w, then the step of `adam`: the decay is not divided by sqrt(v).

    Loshchilov, Hutter, *Decoupled Weight Decay Regularization*, 2019.
    """
    rates = checked_rates(params, grads, state, lr, betas=betas, eps=eps, weight_decay=weight_decay)
    new = moments(state, grads, betas)
    updates = directions(new, betas, eps)
    pairs = zip(params, rates, updates, strict=True)
    return [moved(w * (1.0 - r * weight_decay), r, u) for w, r, u in pairs], new


def moments(state: State | None, grads: Sequence[Tensor], betas: tuple[float, float]) -> State:
    """Adam's state one step on: {"step": t, "exp_avg": m, "exp_avg_sq": v}, uncorrected."""
    if state is None:
        state = {"step": 0, "exp_avg": zeros(grads), "exp_avg_sq": zeros(grads)}
    return {
        "step": state["step"] + 1,
        "exp_avg": lerp_all(state["exp_avg"], grads, 1.0 - betas[0]),
        "exp_avg_sq": square_ema(state["exp_avg_sq"], grads, betas[1]),
    }


def directions(state: State, betas: tuple[float, float], eps: float) -> list[Tensor]:
    """mhat / (sqrt(vhat) + eps) for every parameter."""
    first, root = bias_corrections(betas, state["step"])
    pairs = zip(state["exp_avg"], state["exp_avg_sq"], strict=True)
    return [(m / first).div_(v.sqrt().div_(root).add_(eps)) for m, v in pairs]


def bias_corrections(betas: tuple[float, float], step: int) -> tuple[float, float]:
    """1 - beta1^t, and the root of 1 - beta2^t, at step t from 1."""
    return 1.0 - betas[0] ** step, (1.0 - betas[1] ** step) ** 0.5
