"""What a `torch.optim` optimizer's state tells, read and never changed: call these after `optimizer.step()`.

Formulas are PyTorch's, so they are known for its SGD, Adagrad, RMSprop, Adam and AdamW, with all their options; a
subclass may step in another way and is refused. The learning rate is the one the parameter groups hold now: before
`scheduler.step()` that of the last step, after it that of the next. Layers are named as in `module` if one is given,
else by the names the optimizer was given, else "group.index". `ValueError` for an optimizer whose formula is not known,
for one that has not stepped yet, and for a module that lacks a parameter of the optimizer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

from noisydescent.arguments import fraction
from noisydescent.diagnostics.steps import at_least_single

Group = Mapping[str, Any]
# whose update directions can be read; classes, not subclasses, which may step in another way
KNOWN = (SGD, Adagrad, RMSprop, Adam, AdamW)


def effective_learning_rate(optimizer: Optimizer, module: nn.Module | None = None) -> dict[str, Tensor]:
    """lr / (sqrt(vhat) + eps) of each coordinate, name -> tensor shaped as the parameter; `quantiles` sums it up.

    Adam and AdamW: vhat = v / (1 - beta2^t), with amsgrad its running maximum. RMSprop: v, centered less the squared
    mean. Adagrad: the sum of squares, and lr / (1 + (t - 1) lr_decay). Cost: one tensor the size of the model.
    Kingma, Ba, *Adam: A Method for Stochastic Optimization*, 2015.
    """
    rates = {}
    for name, _, group, state in _stepped(optimizer, module, (Adagrad, RMSprop, Adam, AdamW)):
        rates[name] = _rate(optimizer, group, state) / (_root(optimizer, group, state) + group["eps"])
    return rates


def quantiles(tensors: Mapping[str, Tensor], at: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95)) -> dict[str, Tensor]:
    """Quantiles `at` of the entries of each tensor, name -> (len(at),) on the CPU, and under "all" of all together.

    Between two entries linearly, as `torch.quantile`, but for tensors of any size. Cost: sorting.
    """
    if not tensors or not at:
        raise ValueError("tensors and at must not be empty")
    places = torch.tensor([fraction("at", q) for q in at], dtype=torch.float64)

    def of(entries: Tensor) -> Tensor:
        ordered = entries.sort().values
        where = places * (len(ordered) - 1)
        low, high = where.floor().long(), where.ceil().long()
        below, above = (ordered[index.to(ordered.device)].cpu().double() for index in (low, high))
        return below + (above - below) * (where - low)

    flat = {name: at_least_single(x).flatten().cpu() for name, x in tensors.items()}
    return {**{name: of(x) for name, x in flat.items()}, "all": of(torch.cat(list(flat.values())))}


def epsilon_fraction(optimizer: Optimizer) -> float:
    """Share of coordinates with sqrt(vhat) < eps, where eps and no longer the gradient sets the step.

    vhat as in `effective_learning_rate`; Adagrad, RMSprop, Adam and AdamW. Cost: one tensor the size of a layer.
    """
    below = total = 0
    for _, p, group, state in _stepped(optimizer, None, (Adagrad, RMSprop, Adam, AdamW)):
        below += int((_root(optimizer, group, state) < group["eps"]).sum())
        total += p.numel()
    return below / total


def update_directions(
    optimizer: Optimizer,
    before: Mapping[str, Tensor],
    module: nn.Module | None = None,
    gradients: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """u of the last step, w <- w - lr u, name -> tensor: what `trust_ratio` and `applied_learning_rate` ask for.

    Read from the state and the gradients that the step used: copies of them, or by default `.grad`, so before
    `zero_grad()`. SGD with Nesterov momentum needs copies, because PyTorch's foreach form, the default on CUDA, changes
    `.grad`. `before` holds the weights before the step, for the part of weight decay; both by the same names as the
    result. Known for SGD, Adagrad, RMSprop, Adam, AdamW. Parameters without gradient are left out. Cost: about the
    arithmetic of a step.
    """
    directions = {}
    for name, p, group, state in _stepped(optimizer, module, KNOWN):
        if gradients is None and group.get("nesterov"):
            raise ValueError("give `gradients`, copies from before the step: Nesterov's may have changed `.grad`")
        gradient = p.grad if gradients is None else gradients.get(name)
        if gradient is None:
            continue
        if name not in before:
            raise ValueError(f"before lacks {name!r}: give `module` too if its names are those of a module")
        directions[name] = update_direction(optimizer, dense(gradient), before[name], group, state).clone()
    return directions


def update_direction(optimizer: Optimizer, gradient: Tensor, before: Tensor, group: Group, state: Group) -> Tensor:
    """u of the last step of one parameter, from its gradient and weights before it; `type(optimizer)` in `KNOWN`."""
    if isinstance(optimizer, Adam):
        mean = state["exp_avg"] / _correction(group["betas"][0], state["step"])
        u = mean / (_root(optimizer, group, state) + group["eps"])
        # Adam's own weight decay is part of the gradient, so of the moments
        return u.add_(before, alpha=group["weight_decay"]) if group["decoupled_weight_decay"] else u
    gradient = -gradient if group["maximize"] else gradient
    if group["weight_decay"]:
        gradient = gradient.add(before, alpha=group["weight_decay"])
    if isinstance(optimizer, SGD):
        if not group["momentum"]:
            return gradient
        buffer = state["momentum_buffer"]
        return gradient.add(buffer, alpha=group["momentum"]) if group["nesterov"] else buffer
    if isinstance(optimizer, RMSprop) and group["momentum"]:
        return state["momentum_buffer"]
    return gradient / (_root(optimizer, group, state) + group["eps"])


def state_bytes_per_parameter(optimizer: Optimizer, counters: bool = False) -> float:
    """Bytes of optimizer state for one parameter, measured: all tensors in `state_dict()["state"]` over all parameters.

    Any torch optimizer. Step counters (entries called "step") count only if `counters`; one tensor of 4 bytes a layer.
    0 for an optimizer without state, and for any before its first step. Cost: none to speak of.
    """
    parameters = sum(p.numel() for group in optimizer.param_groups for p in group["params"])
    if not parameters:
        raise ValueError("optimizer holds no parameters")

    def size(value: Any) -> int:
        if isinstance(value, Tensor):
            return value.numel() * value.element_size()
        if isinstance(value, Mapping):
            return sum(size(v) for key, v in value.items() if counters or key != "step")
        return sum(size(v) for v in value) if isinstance(value, (list, tuple)) else 0

    return size(optimizer.state_dict()["state"]) / parameters


def state_report(optimizer: Adam | AdamW) -> dict[str, float]:
    """One line of health from Adam's or AdamW's state, all tensors taken as one vector, after `optimizer.step()`.

    grad_norm         norm of the gradients, so before `zero_grad()`
    update_rms        root mean square of update = lr mhat / (sqrt(vhat) + eps), decoupled weight decay left out
    weight_norm       norm of the weights as they are now
    update_to_weight  norm(update) / weight_norm, inf when the weights are all zero
    eps_fraction      share of coordinates with sqrt(vhat) < eps

    Parameters that have no gradient or never stepped are left out. Cost: two tensors the size of a layer.
    """
    gradients, updates, weights, below, total = [], [], [], 0, 0
    for _, p, group, state in _stepped(optimizer, None, (Adam, AdamW)):
        if p.grad is None:
            continue
        root = _root(optimizer, group, state)
        mean = state["exp_avg"] / _correction(group["betas"][0], state["step"])
        gradients.append(float(at_least_single(dense(p.grad)).norm()))
        updates.append(float(at_least_single(mean / (root + group["eps"])).norm()) * float(group["lr"]))
        weights.append(float(at_least_single(p).norm()))
        below += int((root < group["eps"]).sum())
        total += p.numel()
    if not total:
        raise ValueError("no parameter has a gradient: call state_report after step() and before zero_grad()")
    gradient, update, weight = (math.hypot(*norms) for norms in (gradients, updates, weights))
    return {
        "grad_norm": gradient,
        "update_rms": update / total**0.5,
        "weight_norm": weight,
        "update_to_weight": update / weight if weight else math.inf,
        "eps_fraction": below / total,
    }


def dense(gradient: Tensor) -> Tensor:
    """A gradient without its graph, not sparse."""
    gradient = gradient.detach()
    return gradient.to_dense() if gradient.is_sparse else gradient


def parameter_names(optimizer: Optimizer, module: nn.Module | None) -> dict[Tensor, str]:
    """Names of the optimizer's parameters: the module's, else those the optimizer was given, else "group.index"."""
    known = {} if module is None else {p: name for name, p in module.named_parameters()}
    names = {}
    for g, group in enumerate(optimizer.param_groups):
        for i, p in enumerate(group["params"]):
            if module is not None and p not in known:
                raise ValueError(
                    f"parameter {i} of group {g} is not one of the module's: build the optimizer from "
                    "module.parameters(), after the module has its final form; nn.ModuleList joins several modules"
                )
            names[p] = known[p] if known else group.get("param_names", {i: f"{g}.{i}"})[i]
    return names


def _stepped(
    optimizer: Optimizer, module: nn.Module | None, known: tuple[type, ...]
) -> Iterator[tuple[str, Tensor, Group, Group]]:
    """(name, parameter, group, state) of every parameter that has stepped."""
    if type(optimizer) not in known:
        names = ", ".join(each.__name__ for each in known)
        raise ValueError(f"the formula of {type(optimizer).__name__} is not known here: only those of {names}")
    names = parameter_names(optimizer, module)
    found = []
    for group in optimizer.param_groups:
        for p in group["params"]:
            state = optimizer.state.get(p, {})
            # Adagrad has its sums before the first step; SGD without momentum has no state at all
            if isinstance(optimizer, SGD) or float(state.get("step", 0)) > 0:
                found.append((names[p], p, group, state))
    if not found:
        raise ValueError("optimizer has no state yet: call this after optimizer.step()")
    yield from found


def _rate(optimizer: Optimizer, group: Group, state: Group) -> float:
    if isinstance(optimizer, Adagrad):
        return float(group["lr"]) / (1 + (float(state["step"]) - 1) * group["lr_decay"])
    return float(group["lr"])


def _root(optimizer: Optimizer, group: Group, state: Group) -> Tensor:
    """sqrt(vhat): what the step divides by, without eps."""
    if isinstance(optimizer, Adagrad):
        return state["sum"].sqrt()
    if isinstance(optimizer, RMSprop):
        centre = state["grad_avg"].square() if group["centered"] else 0.0
        return (state["square_avg"] - centre).sqrt()
    second = state["max_exp_avg_sq" if group["amsgrad"] else "exp_avg_sq"]
    return second.sqrt() / _correction(group["betas"][1], state["step"]) ** 0.5


def _correction(beta: float, step: Tensor | float) -> Tensor | float:
    """1 - beta^step, for a step counted on a GPU without waiting for it."""
    if isinstance(step, Tensor) and step.device.type != "cpu" and beta > 0:
        return -torch.expm1(step * math.log(beta))
    return 1 - beta ** float(step)
