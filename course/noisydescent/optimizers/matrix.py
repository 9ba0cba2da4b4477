"""Methods that see a parameter as a matrix: Shampoo, SOAP and Muon.

The three rules take `params` and `grads`, lists of matrices (R, rows, cols) with the same leading run dimension, the
`state` that the last call returned (`None` at first) and `lr`, a number or a tensor (R,). They return new tensors and
change nothing. `ValueError` names the argument when shapes disagree, a hyperparameter makes no sense, or a parameter is
not a matrix: biases, gains and embeddings of a real model belong to another rule, usually `adamw`, as the methods'
authors do it. (The optimizers `Shampoo` and `SOAP` take every shape and say what they do with it; `torch.optim.Muon`
takes matrices only.)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from noisydescent.arguments import non_negative, number, whole_number
from noisydescent.optimizers.adaptive import bias_corrections
from noisydescent.optimizers.building_blocks import State, checked_rates, lerp_all, moved, require_matrices, zeros

# Jordan et al. chose them for the steepest slope at zero, not for convergence to exactly one.
QUINTIC = (3.4445, -4.7750, 2.0315)


def shampoo(
    params: Sequence[Tensor], grads: Sequence[Tensor], state: State | None, lr: float | Tensor, *, eps: float = 1e-6
) -> tuple[list[Tensor], State]:
    """L <- L + G G', R <- R + G' G, both from eps I, and w <- w - lr L^(-1/4) G R^(-1/4), with the new L and R.

    No momentum, no decay, no grafting. Gupta, Koren, Singer, *Shampoo: Preconditioned Stochastic Tensor Optimization*,
    2018, algorithm 1. The state holds the two sums without eps I, which the roots add.
    """
    rates = checked_rates(params, grads, state, lr, eps=eps)
    require_matrices(params, "shampoo")
    if state is None:
        state = _squares_from_zero(params)
    left = [torch.baddbmm(a, g, g.mT) for a, g in zip(state["left"], grads, strict=True)]
    right = [torch.baddbmm(a, g.mT, g) for a, g in zip(state["right"], grads, strict=True)]
    moves = [
        moved(w, r, inverse_fourth_root(a, eps) @ g @ inverse_fourth_root(b, eps))
        for w, r, g, a, b in zip(params, rates, grads, left, right, strict=True)
    ]
    return moves, {"left": left, "right": right}


def soap(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    state: State | None,
    lr: float | Tensor,
    *,
    betas: tuple[float, float] = (0.95, 0.95),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    precondition_frequency: int = 1,
    basis: str = "eigh",
) -> tuple[list[Tensor], State]:
    """Adam in the eigenbasis of Shampoo's two matrices.

    L <- beta2 L + (1 - beta2) G G', R <- beta2 R + (1 - beta2) G' G, from zero; Q_L, Q_R their eigenvectors; M the
    moving average of G; V that of (Q_L' G Q_R)^2, kept in the eigenbasis; both bias-corrected;
    N = Q_L (Q_L' mhat Q_R / (sqrt(vhat) + eps)) Q_R'; w <- (1 - lr weight_decay) w - lr N. The first step is a full
    one. Q_L, Q_R are those of the new L, R at the first step and after each `precondition_frequency` further ones.

    basis  "eigh": the eigenvectors, eigenvalues ascending; V stays as it is when the basis turns.
           "qr": after the first, one step of power iteration and QR, which follows each eigenvector, and V with it, as
           the paper does (algorithm 4).
    With a new basis at every step M meets a V that was measured in other directions, and where gradients have a low
    rank (minibatches smaller than the sides) single steps grow huge. Train with precondition_frequency=10, as the paper
    does. In its own basis the first gradient is diagonal: all other coordinates are rounding errors, which float32
    leaves above eps, so that they are divided by their own size (a perturbation of lr a coordinate, at that step only).
    Vyas et al., *SOAP: Improving and Stabilizing Shampoo using Adam*, 2024.
    """
    hyper = {"betas": betas, "eps": eps, "weight_decay": weight_decay, "basis": basis}
    rates = checked_rates(params, grads, state, lr, **hyper, precondition_frequency=precondition_frequency)
    require_matrices(params, "soap")
    old = state
    if state is None:
        state = {"step": 0, **_squares_from_zero(params), "exp_avg": zeros(params), "exp_avg_sq": zeros(params)}
    weight, new = 1.0 - betas[1], {"step": state["step"] + 1}
    new["left"] = [torch.lerp(a, g @ g.mT, weight) for a, g in zip(state["left"], grads, strict=True)]
    new["right"] = [torch.lerp(a, g.mT @ g, weight) for a, g in zip(state["right"], grads, strict=True)]
    new["exp_avg"] = lerp_all(state["exp_avg"], grads, 1.0 - betas[0])
    new |= {"exp_avg_sq": [], "left_basis": [], "right_basis": []}
    renew = state["step"] % precondition_frequency == 0
    first, root = bias_corrections(betas, new["step"])
    moves = []
    for i, (w, r, g) in enumerate(zip(params, rates, grads, strict=True)):
        second, left, right = state["exp_avg_sq"][i], new["left"][i], new["right"][i]
        if old is None or (renew and basis == "eigh"):
            q_left, q_right = eigenbasis(left), eigenbasis(right)
        elif renew:
            q_left, order = power_step(left, state["left_basis"][i])
            second = second.take_along_dim(order.unsqueeze(-1), dim=-2)
            q_right, order = power_step(right, state["right_basis"][i])
            second = second.take_along_dim(order.unsqueeze(-2), dim=-1)
        else:
            q_left, q_right = state["left_basis"][i].clone(), state["right_basis"][i].clone()
        turned = q_left.mT @ g @ q_right
        second = (second * betas[1]).addcmul_(turned, turned, value=weight)
        turned_mean = (q_left.mT @ new["exp_avg"][i] @ q_right).div_(first)
        update = q_left @ turned_mean.div_(second.sqrt().div_(root).add_(eps)) @ q_right.mT
        moves.append(moved(w * (1.0 - r * weight_decay), r, update))
        new["exp_avg_sq"].append(second)
        new["left_basis"].append(q_left)
        new["right_basis"].append(q_right)
    return moves, new


def muon(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    state: State | None,
    lr: float | Tensor,
    *,
    weight_decay: float = 0.1,
    momentum: float = 0.95,
    nesterov: bool = True,
    ns_steps: int = 5,
    eps: float = 1e-7,
) -> tuple[list[Tensor], State]:
    """buf <- momentum buf + (1 - momentum) G, U = (1 - momentum) G + momentum buf (buf itself without nesterov),
    w <- (1 - lr weight_decay) w - lr sqrt(max(1, rows / cols)) newton_schulz(U).

    torch.optim.Muon's defaults, with Newton-Schulz in the gradient's own dtype (torch runs it in bfloat16).
    Jordan et al., *Muon: An Optimizer for Hidden Layers in Neural Networks*, 2024 (web article).
    """
    rates = checked_rates(
        params, grads, state, lr, weight_decay=weight_decay, momentum=momentum, ns_steps=ns_steps, eps=eps
    )
    require_matrices(params, "muon")
    before = zeros(params) if state is None else state["momentum_buffer"]
    buffers = lerp_all(before, grads, 1.0 - momentum)
    moves = []
    for w, r, g, b in zip(params, rates, grads, buffers, strict=True):
        scale = max(1.0, w.shape[1] / max(1, w.shape[2])) ** 0.5
        update = newton_schulz(torch.lerp(g, b, momentum) if nesterov else b, ns_steps, eps)
        moves.append(moved(w * (1.0 - r * weight_decay), r, update * scale))
    return moves, {"momentum_buffer": buffers}


def newton_schulz(G: Tensor, steps: int = 5, eps: float = 1e-7) -> Tensor:
    """Matrices (..., rows, cols) with their singular values pushed towards one, same shape and dtype.

    X = G / max(norm(G), eps) (Frobenius), then `steps` times X <- a X + (b A + c A^2) X with A = X X' and (a, b, c) =
    (3.4445, -4.7750, 2.0315). Five steps map singular values of X in [0.02, 1] into [0.68, 1.14]; zero stays zero.
    Jordan et al., *Muon*, 2024. `ValueError` when G is not a matrix or steps is negative.
    """
    if G.dim() < 2:
        raise ValueError(f"G must be a matrix (..., rows, cols), got shape {tuple(G.shape)}")
    a, b, c = QUINTIC
    X = G / torch.linalg.matrix_norm(G, keepdim=True).clamp_min(non_negative("eps", eps))
    tall = G.shape[-2] > G.shape[-1]
    X = X.mT if tall else X  # the smaller of the two products is enough: X p(X'X) = p(XX') X
    for _ in range(whole_number("steps", steps, 0)):
        A = X @ X.mT
        X = a * X + (b * A + c * (A @ A)) @ X
    return X.mT if tall else X


def inverse_root(M: Tensor, p: float, eps: float = 0.0) -> Tensor:
    """Q diag((max(lambda, 0) + eps)^(-1/p)) Q' of symmetric positive semidefinite matrices (..., n, n), symmetric.

    A singular M needs eps > 0. A matrix with a NaN or infinite entry gives NaN and leaves the others of its batch
    alone. `ValueError` when p is not positive, eps negative, or M not square or not symmetric.
    """
    if not 0.0 < number("p", p) < float("inf"):
        raise ValueError(f"p must be positive, got {p!r}")
    if M.dim() < 2 or M.shape[-1] != M.shape[-2]:
        raise ValueError(f"M must be square, (..., n, n), got shape {tuple(M.shape)}")
    gap = (M - M.mT).abs()
    if (gap > 1e3 * torch.finfo(M.dtype).eps * M.abs().amax(dim=(-2, -1), keepdim=True)).any():
        raise ValueError(f"M must be symmetric: it differs from its transpose by up to {gap.max().item():.3g}")
    return _inverse_root(M, p, non_negative("eps", eps))


def inverse_fourth_root(M: Tensor, eps: float) -> Tensor:
    """(M + eps I)^(-1/4) of symmetric matrices (..., n, n), unchecked: Shampoo's two factors."""
    return _inverse_root(M, 4.0, eps)


def eigenbasis(M: Tensor) -> Tensor:
    """Eigenvectors of symmetric matrices (..., n, n) in columns, eigenvalues ascending; NaN where M is not finite."""
    return _eigh(M)[1]


def power_step(M: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    """One step of power iteration and QR from `basis` towards the eigenvectors of symmetric M, both (..., n, n).

    Returns the new basis and the order (..., n) in which it took the old one's columns, by falling Rayleigh quotient.
    Vyas et al., *SOAP*, 2024, algorithm 4.
    """
    product = M @ basis
    order = (basis * product).sum(dim=-2).argsort(dim=-1, descending=True, stable=True)
    return torch.linalg.qr(product.take_along_dim(order.unsqueeze(-2), dim=-1)).Q, order


def _inverse_root(M: Tensor, p: float, eps: float) -> Tensor:
    values, vectors = _eigh(M)
    # half the power on each side, so that the product is symmetric to the last bit
    half = vectors * (values.clamp_min(0) + eps).pow(-0.5 / p).unsqueeze(-2)
    return half @ half.mT


def _eigh(M: Tensor) -> tuple[Tensor, Tensor]:
    """torch.linalg.eigh, in which one diverged run does not take the other runs with it by an exception."""
    if M.numel() == 0:
        return torch.linalg.eigh(M)
    lost = torch.isfinite(M).all(dim=-1).all(dim=-1, keepdim=True).logical_not()
    clean = M.masked_fill(lost.unsqueeze(-1), 0.0)
    # mps has no eigh
    values, vectors = (
        part.to(M.device) for part in torch.linalg.eigh(clean.cpu() if M.device.type == "mps" else clean)
    )
    return values.masked_fill(lost, torch.nan), vectors.masked_fill(lost.unsqueeze(-1), torch.nan)


def _squares_from_zero(params: Sequence[Tensor]) -> State:
    return {
        "left": [w.new_zeros(len(w), w.shape[1], w.shape[1]) for w in params],
        "right": [w.new_zeros(len(w), w.shape[2], w.shape[2]) for w in params],
    }
