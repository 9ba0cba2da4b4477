"""Metrics of averaging: over the iterates of a run, over micro-batches, over workers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from noisydescent.arguments import whole_number


def last_and_averaged(loss: Callable[[Tensor], Tensor], path: Tensor, start: int = 0) -> tuple[Tensor, Tensor]:
    """Loss of the last iterate and loss of the mean of path[start:], each (R,), from path (T + 1, R, d).

    `loss` maps (R, d) to (R,). Cost in training: one more copy of the weights, which can be kept as a running mean, and
    a second evaluation. ValueError when `start` leaves nothing to average. Polyak, Juditsky, *Acceleration of
    Stochastic Approximation by Averaging*, 1992.
    """
    if whole_number("start", start, 0) >= len(path):
        raise ValueError(f"start must be below the {len(path)} iterates of path, got {start}")
    return loss(path[-1]), loss(path[start:].mean(dim=0))


def max_difference(ours: Tensor, reference: Tensor) -> float:
    """Largest absolute difference of two tensors of one shape, such as the weights of a replica and of another run.

    inf where one of them is not finite and the other differs. Cost: one pass over the weights.
    """
    _same_shape(ours, reference)
    gap = (ours.double() - reference.double()).abs()
    gap = torch.where(ours == reference, torch.zeros_like(gap), gap)
    return float(torch.nan_to_num(gap, nan=float("inf"), posinf=float("inf")).max()) if gap.numel() else 0.0


def relative_difference(ours: Tensor, reference: Tensor) -> float:
    """norm(ours - reference) / norm(reference), 0 for equal tensors and inf when only the reference is zero.

    For an accumulated gradient against that of the same samples in one batch it is 1e-7 or so in float32, and at least
    a percent when a denominator is wrong. Cost there: one batch that is computed twice.
    """
    _same_shape(ours, reference)
    gap, size = float((ours - reference).double().norm()), float(reference.double().norm())
    return gap / size if size else (float("inf") if gap else 0.0)


def client_drift(models: Tensor) -> Tensor:
    """Mean squared distance of the clients' models (K, R, d) from their mean, (R,): what averaging removes.

    To be taken just before the models are averaged. Cost: one pass over the weights, and one number to be summed over
    the clients.
    """
    if models.dim() != 3:
        raise ValueError(f"models must be (K, R, d), one (R, d) for each client, got shape {tuple(models.shape)}")
    return (models - models.mean(dim=0)).square().sum(dim=-1).mean(dim=0)


def _same_shape(ours: Tensor, reference: Tensor) -> None:
    if ours.shape != reference.shape:
        raise ValueError(f"ours and reference must have one shape, got {tuple(ours.shape)}, {tuple(reference.shape)}")
