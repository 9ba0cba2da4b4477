"""LARS, LAMB, Shampoo and SOAP as `torch.optim.Optimizer`s, for any model and any training loop.

The formulas are those of the functional rules of the same names, written in place. PyTorch itself ships the other
methods of this package: SGD, Adagrad, RMSprop, Adam, AdamW, Adafactor, Muon.

Parameter groups may set any hyperparameter; each is checked, also in `add_param_group` (`ValueError` naming it). The
learning rate is read from the group at every step, so every scheduler can drive it. Parameters without gradient are
skipped, gradients are left unchanged, `state_dict` resumes to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from noisydescent.optimizers.adaptive import bias_corrections
from noisydescent.optimizers.building_blocks import check_hyper
from noisydescent.optimizers.layerwise import lamb_ratio, lars_ratio
from noisydescent.optimizers.matrix import eigenbasis, inverse_fourth_root, power_step

Params = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]


class _Checked(torch.optim.Optimizer):
    """The contract that the four share: checked groups, and a `step` that hands each group's tensors to `_update`."""

    def __init__(self, params: Params, **defaults: Any) -> None:
        check_hyper(_plain(defaults))
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As in torch.optim; the group's own hyperparameters are checked first."""
        if isinstance(param_group, dict):  # anything else is torch's to refuse
            check_hyper(_plain(param_group))
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One optimizer step; the value of `closure`, which re-evaluates the model, if one is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            # norms are stacked, which needs one device and dtype
            alike: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
            for p in group["params"]:
                if p.grad is None or not p.numel():
                    continue
                if p.grad.is_sparse or p.is_complex():
                    raise ValueError(f"{type(self).__name__} takes dense gradients of real parameters only")
                alike.setdefault((p.device, p.dtype), []).append(p)
            for params in alike.values():
                self._update(params, group, float(group["lr"]))
        return loss

    def _update(self, params: list[Tensor], group: dict[str, Any], lr: float) -> None:
        raise NotImplementedError


class LARS(_Checked):
    """buf <- momentum buf + ratio (g + weight_decay w), w <- w - lr buf, one ratio for each parameter tensor.

    ratio = trust_coefficient norm(w) / (norm(g) + weight_decay norm(w)); 1 when norm(w) or the denominator is 0.
    Tensors of any shape and floating dtype. The rule holds for biases and gains too, whose small norms make for small
    steps: many implementations leave those to plain SGD, here by giving them to an optimizer of their own.
    Rule: `lars`. You, Gitman, Ginsburg, *Large Batch Training of Convolutional Networks*, 2017.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust_coefficient: float = 1e-3,
    ) -> None:
        super().__init__(
            params, lr=lr, momentum=momentum, weight_decay=weight_decay, trust_coefficient=trust_coefficient
        )

    def _update(self, params: list[Tensor], group: dict[str, Any], lr: float) -> None:
        momentum, decay = group["momentum"], group["weight_decay"]
        weights, grads = _norms(params), _norms([p.grad for p in params])
        # one small computation for all tensors, which no GPU has to wait for
        ratios = lars_ratio(weights, grads, decay, group["trust_coefficient"]).unbind()
        for p, ratio in zip(params, ratios, strict=True):
            state = self.state[p]
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(p)
            buffer = state["momentum_buffer"].mul_(momentum).addcmul_(p.grad, ratio)
            if decay:
                buffer.addcmul_(p, ratio, value=decay)
            p.sub_(buffer, alpha=lr)


class LAMB(_Checked):
    """u = mhat / (sqrt(vhat) + eps) + weight_decay w, w <- w - lr norm(w) / norm(u) u, for each parameter tensor.

    Moments and bias correction as in Adam; ratio 1 when a norm is 0, not clamped. Tensors of any shape and floating
    dtype. Rule: `lamb`. You et al., *Large Batch Optimization for Deep Learning: Training BERT in 76 Minutes*, 2020.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def _update(self, params: list[Tensor], group: dict[str, Any], lr: float) -> None:
        directions, scales = [], []
        for p in params:
            state = self.state[p]
            state["step"] = state.get("step", 0) + 1
            direction, scale = _adam_direction(p.grad, state, group)
            if group["weight_decay"]:
                direction.add_(p, alpha=group["weight_decay"] / scale)
            directions.append(direction)
            scales.append(scale)
        # u = scale * direction, whose length cancels except where the ratio is set to one
        lengths = _norms(directions)
        ratios = lamb_ratio(_norms(params), lengths * torch.tensor(scales, dtype=lengths.dtype).to(lengths.device))
        for p, direction, scale, ratio in zip(params, directions, scales, ratios.unbind(), strict=True):
            p.addcmul_(direction, ratio, value=-lr * scale)


class _Matrix(_Checked):
    """Parameters seen as matrices (first dimension, all the others); those with fewer than two dimensions or a side
    that is too long go coordinate by coordinate."""

    def _update(self, params: list[Tensor], group: dict[str, Any], lr: float) -> None:
        if params[0].dtype not in (torch.float32, torch.float64):
            raise ValueError(
                f"{type(self).__name__} decomposes matrices in float32 or float64, a parameter has {params[0].dtype}: "
                "keep the parameters in float32 and compute in half precision by autocast"
            )
        for p in params:
            state = self.state[p]
            state["step"] = state.get("step", 0) + 1
            rows = p.shape[0] if p.dim() else 1
            if p.dim() < 2 or max(rows, p.numel() // rows) > group["max_dim"]:
                self._update_coordinates(p, p.grad, state, group, lr)
            else:
                self._update_matrix(p, p.grad.reshape(rows, -1), state, group, lr)

    def _update_coordinates(
        self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any], lr: float
    ) -> None:
        raise NotImplementedError

    def _update_matrix(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any], lr: float) -> None:
        raise NotImplementedError


class Shampoo(_Matrix):
    """w <- w - lr L^(-1/4) G R^(-1/4), L and R the sums of G G' and G' G, both from eps I.

    Matrices follow the rule `shampoo`. Parameters of more than two dimensions are seen as the matrix (first, all the
    others). Parameters of fewer, and matrices with a side above `max_dim`, whose roots would cost too much, take the
    diagonal form of the same method, w <- w - lr g / sqrt(eps + sum of g^2).
    precondition_frequency  steps between new roots; 1 is the published method. The first step always has its own.
    Gupta, Koren, Singer, *Shampoo: Preconditioned Stochastic Tensor Optimization*, 2018.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        eps: float = 1e-6,
        precondition_frequency: int = 1,
        max_dim: int = 4096,
    ) -> None:
        super().__init__(params, lr=lr, eps=eps, precondition_frequency=precondition_frequency, max_dim=max_dim)

    def _update_coordinates(
        self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any], lr: float
    ) -> None:
        if "sum" not in state:
            state["sum"] = torch.zeros_like(p)
        state["sum"].addcmul_(g, g)
        p.addcdiv_(g, state["sum"].add(group["eps"]).sqrt_(), value=-lr)

    def _update_matrix(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any], lr: float) -> None:
        rows, cols = g.shape
        if "left" not in state:
            state["left"], state["right"] = g.new_zeros(rows, rows), g.new_zeros(cols, cols)
        state["left"].addmm_(g, g.mT)
        state["right"].addmm_(g.mT, g)
        every = group["precondition_frequency"]
        if every == 1:
            roots = [inverse_fourth_root(state[side], group["eps"]) for side in ("left", "right")]
        else:
            if (state["step"] - 1) % every == 0 or "left_root" not in state:
                for side in ("left", "right"):
                    state[f"{side}_root"] = inverse_fourth_root(state[side], group["eps"])
            roots = [state["left_root"], state["right_root"]]
        p.sub_((roots[0] @ g @ roots[1]).view(p.shape), alpha=lr)


class SOAP(_Matrix):
    """AdamW in the eigenbasis of Shampoo's two matrices.

    Matrices follow the rule `soap` with the same hyperparameters, here with the paper's defaults for training: the
    basis renewed every 10 steps (`precondition_frequency`), by power iteration and QR (`basis="qr"`).
    Parameters of more than two dimensions are seen as the matrix (first, all the others). Parameters of fewer, and
    matrices with a side above `max_dim`, whose eigenvectors would cost too much, take the step of AdamW with the same
    hyperparameters. In the state, `exp_avg` and `exp_avg_sq` of a matrix stand in the current eigenbasis. The first
    step is a full one, in float32 with the rounding errors that `soap` tells of; a warmup makes it small.
    Vyas et al., *SOAP: Improving and Stabilizing Shampoo using Adam*, 2024.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 3e-3,
        betas: tuple[float, float] = (0.95, 0.95),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        precondition_frequency: int = 10,
        basis: str = "qr",
        max_dim: int = 4096,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            precondition_frequency=precondition_frequency,
            basis=basis,
            max_dim=max_dim,
        )

    def _update_coordinates(
        self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any], lr: float
    ) -> None:
        direction, scale = _adam_direction(g, state, group)
        _decay(p, group, lr)
        p.sub_(direction, alpha=lr * scale)

    def _update_matrix(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any], lr: float) -> None:
        rows, cols = g.shape
        beta2 = group["betas"][1]
        if "left" not in state:
            state["left"], state["right"] = g.new_zeros(rows, rows), g.new_zeros(cols, cols)
        state["left"].addmm_(g, g.mT, beta=beta2, alpha=1.0 - beta2)
        state["right"].addmm_(g.mT, g, beta=beta2, alpha=1.0 - beta2)
        if "left_basis" not in state:
            state["left_basis"], state["right_basis"] = eigenbasis(state["left"]), eigenbasis(state["right"])
        elif (state["step"] - 1) % group["precondition_frequency"] == 0:
            self._renew_basis(state, exactly=group["basis"] == "eigh")
        left, right = state["left_basis"], state["right_basis"]
        direction, scale = _adam_direction(left.mT @ g @ right, state, group)
        _decay(p, group, lr)
        p.sub_((left @ direction @ right.mT).view(p.shape), alpha=lr * scale)

    @staticmethod
    def _renew_basis(state: dict[str, Any], exactly: bool) -> None:
        old, new = {}, {}
        for axis, side in enumerate(("left", "right")):
            old[side] = state[f"{side}_basis"]
            if exactly:
                new[side] = eigenbasis(state[side])
            else:
                new[side], order = power_step(state[side], old[side])
                state["exp_avg_sq"] = state["exp_avg_sq"].index_select(axis, order)
            state[f"{side}_basis"] = new[side]
        turn_left, turn_right = new["left"].mT @ old["left"], old["right"].mT @ new["right"]
        state["exp_avg"] = turn_left @ state["exp_avg"] @ turn_right


def _norms(tensors: list[Tensor]) -> Tensor:
    """Euclidean norms of tensors of one device and dtype, as one tensor."""
    return torch.stack([torch.linalg.vector_norm(x) for x in tensors])


def _adam_direction(g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> tuple[Tensor, float]:
    """Adam's moments at `state["step"]`, in place; (direction, scale) whose product is mhat / (sqrt(vhat) + eps).

    The scale is left out of the tensor because that saves two passes over it.
    """
    beta1, beta2 = group["betas"]
    if "exp_avg" not in state:
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(g), torch.zeros_like(g)
    mean = state["exp_avg"].lerp_(g, 1.0 - beta1)
    square = state["exp_avg_sq"].mul_(beta2).addcmul_(g, g, value=1.0 - beta2)
    first, root = bias_corrections(group["betas"], state["step"])
    below = square.sqrt().add_(group["eps"] * root)
    return torch.div(mean, below, out=below), root / first


def _decay(p: Tensor, group: dict[str, Any], lr: float) -> None:
    if group["weight_decay"]:
        p.mul_(1.0 - lr * group["weight_decay"])


def _plain(hyper: dict[str, Any]) -> dict[str, Any]:
    """Hyperparameters with a learning rate that is a tensor, as torch.optim allows, made a number."""
    plain = {name: value for name, value in hyper.items() if name != "params"}
    if isinstance(lr := plain.get("lr"), Tensor):
        if lr.numel() != 1:
            raise ValueError(f"lr must be one number, got a tensor of shape {tuple(lr.shape)}")
        plain["lr"] = lr.item()
    return plain
