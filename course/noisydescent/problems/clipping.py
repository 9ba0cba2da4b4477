"""Clipping: what makes one vector, or one sample's gradient, no longer than a threshold."""

from __future__ import annotations

import torch
from torch import Tensor

from noisydescent.arguments import number


def clip_norm(v: Tensor, threshold: float) -> Tensor:
    """v (..., d) with every row longer than `threshold` scaled down to that length; inf leaves all as they are.

    `torch.nn.utils.clip_grad_norm_` divides by norm + 1e-6 instead of the norm, in place, and takes all parameters as
    one vector.
    """
    norm = torch.linalg.vector_norm(v, dim=-1, keepdim=True)
    return v * (clip_threshold(threshold) / norm.clamp_min(torch.finfo(v.dtype).tiny)).clamp_max(1.0)


def clip_factor(square: Tensor, threshold: float) -> Tensor:
    """What clipping leaves of vectors with this squared norm, from 0 to 1; the shape of `square`."""
    return (threshold * square.clamp_min(torch.finfo(square.dtype).tiny).rsqrt()).clamp_max(1.0)


def clip_threshold(threshold: float, name: str = "threshold") -> float:
    """`threshold` if it is a number above zero, inf included; `ValueError` naming `name` otherwise."""
    threshold = number(name, threshold)
    if not threshold > 0:
        raise ValueError(f"{name} must be positive, got {threshold!r}: inf clips nothing")
    return threshold
