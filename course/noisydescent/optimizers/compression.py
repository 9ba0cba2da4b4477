"""Gradients that cost fewer bits to send: top-k, stochastic quantization, and SGD with either, with error feedback.

A compressor is a callable v (R, d) -> (R, d) that acts on each run alone, such as `partial(top_k, k=5)`.
`ValueError` names the argument when a count is not positive or a shape is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from noisydescent.arguments import whole_number
from noisydescent.optimizers.building_blocks import begin
from noisydescent.optimizers.distributed import Client

Compressor = Callable[[Tensor], Tensor]


def top_k(v: Tensor, k: int) -> Tensor:
    """v (..., d) with all but the k entries of largest magnitude in each row set to zero; k >= d keeps all.

    Biased. Stich, Cordonnier, Jaggi, *Sparsified SGD with Memory*, 2018.
    """
    kept = v.abs().topk(min(whole_number("k", k), v.shape[-1]), dim=-1).indices
    return torch.zeros_like(v).scatter(-1, kept, v.gather(-1, kept))


def quantize(v: Tensor, levels: int, generator: torch.Generator) -> Tensor:
    """norm(v) sign(v_i) xi_i for each row of v (..., d): xi_i one of 0, 1/levels, ..., 1, its mean |v_i| / norm(v).

    Unbiased, with variance at most min(d / levels^2, sqrt(d) / levels) norm(v)^2; zero stays zero. Alistarh, Grubic,
    Li, Tomioka, Vojnovic, *QSGD: Communication-Efficient SGD via Gradient Quantization and Encoding*, 2017.
    """
    levels = whole_number("levels", levels)
    norm = torch.linalg.vector_norm(v, dim=-1, keepdim=True)
    scaled = v.abs() / norm.clamp_min(torch.finfo(v.dtype).tiny) * levels
    uniform = torch.rand(v.shape, generator=generator, device=v.device, dtype=v.dtype)
    lower = scaled.floor()
    return norm * v.sign() * (lower + (uniform < scaled - lower)) / levels


def top_k_bits(d: int, k: int, value_bits: int = 32) -> int:
    """Bits to send k values of d with their positions, each ceil(log2 d) bits."""
    d, k = whole_number("d", d), whole_number("k", k)
    return min(k, d) * (whole_number("value_bits", value_bits) + math.ceil(math.log2(d)))


def quantize_bits(d: int, levels: int, value_bits: int = 32) -> int:
    """Bits to send one norm and d signed levels in a code of fixed length (QSGD's Elias code is shorter)."""
    d, levels = whole_number("d", d), whole_number("levels", levels)
    return whole_number("value_bits", value_bits) + d * math.ceil(math.log2(2 * levels + 1))


def with_feedback(v: Tensor, residual: Tensor, compress: Compressor) -> tuple[Tensor, Tensor]:
    """(sent, new residual): what was left unsent before is added to v, and what is left now is kept."""
    wanted = v + residual
    sent = compress(wanted)
    if getattr(sent, "shape", None) != wanted.shape:  # would be broadcast
        got = tuple(sent.shape) if isinstance(sent, Tensor) else repr(sent)
        raise ValueError(f"compress must return the shape that it is given, {tuple(wanted.shape)}, got {got}")
    return sent, wanted - sent


@dataclass(frozen=True)
class Compressed:
    """What `compressed_sgd` did.

    theta          (steps + 1, R, d), theta0 first
    residual_norm  (steps + 1, R), root mean square over the workers of the norm of what they hold back; zeros without
                   error feedback
    """

    theta: Tensor
    residual_norm: Tensor


def compressed_sgd(
    workers: Sequence[Client],
    theta0: Tensor,
    lr: float | Tensor,
    steps: int,
    compress: Compressor,
    error_feedback: bool = True,
) -> Compressed:
    """theta <- theta - mean over workers of compress(lr g_k(theta) + e_k), e_k <- what was not sent.

    workers  callables theta (R, d) -> gradients (R, d); theta0 (R, d); lr a number or (R,)
    Each worker keeps its own memory e_k, from zero; without error feedback e_k stays zero. The learning rate is inside
    the memory, so that it may change. Stich, Cordonnier, Jaggi, *Sparsified SGD with Memory*, 2018; Karimireddy,
    Rebjock, Stich, Jaggi, *Error Feedback Fixes SignSGD and other Gradient Compression Schemes*, 2019.
    """
    steps = whole_number("steps", steps, 0)
    if not workers:
        raise ValueError("workers is empty: give at least one callable theta -> gradient")
    theta, rate = begin(theta0, lr)
    residuals = [torch.zeros_like(theta) for _ in workers]
    iterates, held = [theta], [theta.new_zeros(len(theta))]
    for _ in range(steps):
        total = torch.zeros_like(theta)
        for k, worker in enumerate(workers):
            sent, left = with_feedback(rate * worker(theta), residuals[k], compress)
            total = total + sent
            if error_feedback:
                residuals[k] = left
        theta = theta - total / len(workers)
        iterates.append(theta)
        held.append(torch.stack(residuals).square().sum(dim=-1).mean(dim=0).sqrt())
    return Compressed(torch.stack(iterates), torch.stack(held))
