"""What one optimizer step did to the weights, from weights before and after it.

Weights are mappings from layer names to tensors: `snapshot(module)` before and after `optimizer.step()`. All norms are
Euclidean. `ValueError` for layers that do not match.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from noisydescent.arguments import non_negative

Weights = Mapping[str, Tensor]


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    """A copy of the module's parameters by name."""
    return {name: p.detach().clone() for name, p in module.named_parameters()}


def update_to_weight(before: Weights, after: Weights) -> dict[str, float]:
    """norm(after - before) / norm(before) of each layer, inf for weights all zero that moved, 0 for any that did not.

    About 1e-3 a step is what a well-tuned training of a deep network has shown; far above it the weights are forgotten
    faster than averaged, far below nothing moves. Cost: a copy of the weights. Rule of thumb from the notes of
    Stanford's CS231n, *Neural Networks Part 3: Learning and Evaluation*.
    """
    _same_layers("before", before, "after", after)
    return {name: ratio_of_norms(float((after[name] - w).norm()), float(w.norm())) for name, w in before.items()}


def trust_ratio(weights: Weights, updates: Weights, eps: float = 0.0) -> dict[str, float]:
    """norm(w) / (norm(update) + eps) of each layer; 1 where either norm is zero.

    `updates` are those before the learning rate: (before - after) / lr of a step that decays no weights, or what
    `update_directions` reads from an optimizer. You, Gitman, Ginsburg, *Large Batch Training of Convolutional
    Networks*, 2017; You et al., *Large Batch Optimization for Deep Learning: Training BERT in 76 Minutes*, 2020.
    """
    eps = non_negative("eps", eps)
    _same_layers("weights", weights, "updates", updates)
    ratios = {}
    for name, w in weights.items():
        weight, update = float(w.norm()), float(updates[name].norm())
        ratios[name] = 1.0 if weight == 0.0 or update == 0.0 else weight / (update + eps)
    return ratios


def applied_learning_rate(
    before: Tensor | Sequence[Tensor], after: Tensor | Sequence[Tensor], direction: Tensor | Sequence[Tensor]
) -> float:
    """The learning rate that a step really had: <before - after, u> / <u, u> for the update direction u, all layers.

    Tensors or lists of tensors. For SGD without momentum and weight decay u is the gradient; `update_directions` reads
    it from other optimizers. Exact where after = before - lr u, to the rounding of the weights: a step too small for
    their precision shows as the smaller rate that it was. NaN where u is zero and nothing can be read.
    """
    lists = [[x] if isinstance(x, Tensor) else list(x) for x in (before, after, direction)]
    shapes = [[tuple(x.shape) for x in tensors] for tensors in lists]
    if not shapes[0] or shapes[0] != shapes[1] or shapes[0] != shapes[2]:
        raise ValueError(f"before, after and direction must have the same shapes, got {shapes}")
    moved = along = 0.0
    for w, new, u in zip(*lists, strict=True):
        u = at_least_single(u)
        moved += float(torch.sum((at_least_single(w) - at_least_single(new)) * u))
        along += float(u.square().sum())
    return moved / along if along > 0 else math.nan


def ratio_of_norms(update: float, weight: float) -> float:
    """update / weight, 0 where nothing moved and inf where zero weights did."""
    if update == 0.0:
        return 0.0
    return math.inf if weight == 0.0 else update / weight


def at_least_single(x: Tensor) -> Tensor:
    """x, in float32 if it has half precision, whose sums would overflow."""
    return x.detach().float() if x.dtype in (torch.float16, torch.bfloat16) else x.detach()


def _same_layers(first_name: str, first: Weights, second_name: str, second: Weights) -> None:
    for name in {**first, **second}:
        if name not in first or name not in second or first[name].shape != second[name].shape:
            raise ValueError(f"{first_name} and {second_name} must hold the same layers: they differ in {name!r}")
