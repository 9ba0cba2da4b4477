"""What all update rules share: checks of their arguments, and learning rates, norms and steps of every run.

A *run* is one training trajectory. A parameter of shape `shape` is a tensor (R, *shape) for R runs, so a sweep over
seeds and learning rates is one tensor program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from noisydescent.arguments import below_one, choice, non_negative, number, positive, whole_number

State = dict[str, Any]
# (params, grads, state or None, lr, **hyper) -> (new params, new state)
Rule = Callable[..., tuple[list[Tensor], State]]


def _betas(name: str, value: tuple[float, float]) -> tuple[float, float]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ValueError(f"{name} must be a pair (beta1, beta2), got {value!r}")
    return below_one(f"{name}[0]", value[0]), below_one(f"{name}[1]", value[1])


def _decay_power(name: str, value: float) -> float:
    if not -float("inf") < number(name, value) <= 0.0:
        raise ValueError(f"{name} must be finite and not positive, got {value!r}: 1 - t**{name} has to stay below one")
    return value


# hyperparameter -> its check; one name means the same in every rule and every optimizer
_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(["lr", "eps", "eps1", "weight_decay", "lr_decay", "initial_accumulator_value"], non_negative),
    **dict.fromkeys(["momentum", "alpha"], below_one),
    "trust_coefficient": non_negative,
    "betas": _betas,
    "beta2_decay": _decay_power,
    "d": positive,
    "precondition_frequency": whole_number,
    "max_dim": whole_number,
    "basis": lambda name, value: choice(name, value, ["eigh", "qr"]),
    "ns_steps": lambda name, value: whole_number(name, value, 0),
}


def check_hyper(hyper: Mapping[str, Any]) -> None:
    """`ValueError` naming the first hyperparameter whose value makes no sense; names without a check pass."""
    for name, value in hyper.items():
        if name in _CHECKS:
            _CHECKS[name](name, value)


def checked_rates(
    params: Sequence[Tensor], grads: Sequence[Tensor], state: State | None, lr: float | Tensor, **hyper: Any
) -> list[float | Tensor]:
    """Checks the arguments of a rule; the learning rate of each parameter, shaped to multiply it.

    `ValueError` when lengths, shapes or the number of runs disagree, or a hyperparameter makes no sense.
    """
    check_hyper(hyper)
    if len(params) != len(grads):
        raise ValueError(f"params and grads must have the same length, got {len(params)} and {len(grads)}")
    for i, (w, g) in enumerate(zip(params, grads, strict=True)):
        if w.shape != g.shape:
            raise ValueError(f"grads[{i}] has shape {tuple(g.shape)}, params[{i}] {tuple(w.shape)}: they must agree")
        if w.dim() == 0 or len(w) != len(params[0]):
            raise ValueError(
                f"params[{i}] has shape {tuple(w.shape)}: every parameter needs the same leading run dimension "
                "(R, *shape); use unsqueeze(0) for a single run"
            )
    for name, value in (state or {}).items():
        if isinstance(value, list) and len(value) != len(params):
            raise ValueError(
                f"state holds {len(value)} tensors {name!r} for {len(params)} params: it belongs to others"
            )
    if not isinstance(lr, Tensor):
        return [non_negative("lr", lr)] * len(params)
    if params and lr.shape not in [(), (len(params[0]),)]:
        raise ValueError(f"lr must be a number or a tensor ({len(params[0])},), one a run, got {tuple(lr.shape)}")
    # reading a value back from a GPU would stall it at every step
    if lr.device.type == "cpu" and type(lr) is Tensor and not (lr >= 0).all():
        raise ValueError(f"lr must not be negative or NaN, got {lr.min().item()!r}")
    return [lr.to(w.device, w.dtype).reshape(-1, *[1] * (w.dim() - 1)) for w in params]


def begin(theta0: Tensor, lr: float | Tensor) -> tuple[Tensor, float | Tensor]:
    """A copy of theta0 (R, d) and the learning rate shaped to multiply it; `ValueError` for other shapes."""
    if theta0.dim() != 2:
        raise ValueError(f"theta0 must be (R, d), one row for each run, got shape {tuple(theta0.shape)}")
    return theta0.clone(), checked_rates([theta0], [theta0], None, lr)[0]


def moved(w: Tensor, rate: float | Tensor, update: Tensor) -> Tensor:
    """w - rate * update, a new tensor."""
    if isinstance(rate, Tensor):
        return torch.addcmul(w, rate, update, value=-1)
    return torch.sub(w, update, alpha=rate)


def decayed(params: Sequence[Tensor], grads: Sequence[Tensor], weight_decay: float) -> list[Tensor]:
    """Gradients with coupled l2 decay, g + weight_decay * w."""
    if weight_decay == 0.0:
        return list(grads)
    return [torch.add(g, w, alpha=weight_decay) for w, g in zip(params, grads, strict=True)]


def norms(x: Tensor) -> Tensor:
    """Euclidean norm of each run's tensor, (R, *shape) -> (R, 1, ..., 1)."""
    return torch.linalg.vector_norm(x.reshape(len(x), -1), dim=1).view(-1, *[1] * (x.dim() - 1))


def lerp_all(old: Sequence[Tensor], new: Sequence[Tensor], weight: float) -> list[Tensor]:
    """(1 - weight) old + weight new for each pair."""
    return [torch.lerp(a, b, weight) for a, b in zip(old, new, strict=True)]


def square_ema(old: Sequence[Tensor], grads: Sequence[Tensor], beta: float) -> list[Tensor]:
    """beta old + (1 - beta) g^2 for each pair."""
    return [(v * beta).addcmul_(g, g, value=1.0 - beta) for v, g in zip(old, grads, strict=True)]


def zeros(params: Sequence[Tensor]) -> list[Tensor]:
    """A zero tensor like each of `params`."""
    return [torch.zeros_like(w) for w in params]


def require_matrices(params: Sequence[Tensor], optimizer: str) -> None:
    """`ValueError` unless every parameter is one matrix a run, (R, rows, cols)."""
    for i, w in enumerate(params):
        if w.dim() != 3:
            raise ValueError(
                f"{optimizer} updates matrices, (R, rows, cols), but params[{i}] has shape {tuple(w.shape)}: "
                "give biases and other shapes to another rule, such as adamw"
            )
