"""Metrics worth logging: each a pure function of per-sample gradients, gradients or losses."""

from __future__ import annotations

import torch
from torch import Tensor

from noisydescent.arguments import whole_number


def gradient_variance(per_sample: Tensor, batch_size: int = 1) -> Tensor:
    """tr Cov(g_B) = tr Sigma / B from per-sample gradients (..., N, d), population covariance; shape (...)."""
    return per_sample.var(dim=-2, correction=0).sum(dim=-1) / whole_number("batch_size", batch_size)


def gradient_variance_by_layer(per_sample: dict[str, Tensor]) -> dict[str, float]:
    """tr Sigma of each layer from its per-sample gradients (N, *shape), by name. The values sum to the whole trace."""
    return {name: float(gradient_variance(g.flatten(1))) for name, g in per_sample.items()}


def noise_scale(per_sample: Tensor) -> float:
    """B_simple = tr Sigma / norm(mean)^2 of per-sample gradients (N, d). Cost: N gradients.

    The squared norm of a sample mean is too large by tr Sigma / N on average; that part is taken off. Returns inf
    when nothing is left, that is when N samples cannot tell the gradient from zero. ValueError for N < 2.
    """
    if per_sample.dim() != 2 or len(per_sample) < 2:
        raise ValueError(f"per_sample must be (N, d) with at least 2 samples, got {tuple(per_sample.shape)}")
    trace = per_sample.var(dim=0, correction=1).sum()
    square = per_sample.mean(dim=0).square().sum() - trace / len(per_sample)
    return float(trace / square) if square > 0 else float("inf")


def signal_to_noise(per_sample: Tensor, batch_size: int) -> float:
    """SNR = norm(grad f)^2 / E norm(g_B)^2 = 1 / (1 + B_simple / B) from per-sample gradients (N, d): from 0 to 1.

    The share of a minibatch gradient's squared length that is gradient and not noise. Cost: N gradients.
    """
    return 1 / (1 + noise_scale(per_sample) / whole_number("batch_size", batch_size))


def minibatch_means(
    per_sample: Tensor, batch_size: int, draws: int, generator: torch.Generator, replacement: bool = True
) -> Tensor:
    """Means of `draws` minibatches of rows of per_sample (N, d), shape (draws, d)."""
    n = len(per_sample)
    if not replacement and batch_size > n:
        raise ValueError(f"batch_size must not be greater than N = {n} without replacement, got {batch_size}")
    shape = (whole_number("draws", draws), whole_number("batch_size", batch_size))
    if replacement:
        index = torch.randint(n, shape, generator=generator, device=per_sample.device)
    else:
        noise = torch.rand(shape[0], n, generator=generator, device=per_sample.device)
        index = noise.argsort(dim=1)[:, : shape[1]]
    # counts @ rows: no (draws, B, d) tensor is ever made
    counts = torch.zeros(shape[0], n, dtype=per_sample.dtype, device=per_sample.device)
    counts.scatter_add_(1, index, torch.ones_like(index, dtype=per_sample.dtype))
    return counts @ per_sample / batch_size


def sampled_variance(
    per_sample: Tensor, batch_size: int, draws: int, generator: torch.Generator, replacement: bool = True
) -> tuple[Tensor, Tensor]:
    """norm(g_B - mean)^2 over `draws` minibatches of per_sample (N, d): its mean and its standard error."""
    means = minibatch_means(per_sample, batch_size, draws, generator, replacement)
    return mean_and_error((means - per_sample.mean(dim=0)).square().sum(dim=1))


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Cosine of the angle between gradients (..., d); 0 where either is zero."""
    return torch.nn.functional.cosine_similarity(a, b, dim=-1)


def mean_and_error(values: Tensor, dim: int = 0) -> tuple[Tensor, Tensor]:
    """Mean and standard error (n - 1) of independent measurements along `dim`."""
    return values.mean(dim=dim), values.std(dim=dim) / values.shape[dim] ** 0.5


def steps_to_target(losses: Tensor, target: float) -> Tensor:
    """First index at which losses (..., T) reach <= target, as float; inf where they never do."""
    reached = losses <= target
    first = reached.to(torch.int8).argmax(dim=-1).double()
    return torch.where(reached.any(dim=-1), first, torch.inf)
