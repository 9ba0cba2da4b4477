"""Gradient noise of any `nn.Module`, layer by layer.

All functions take a module, `loss_fn(module(*inputs), targets)` with a scalar value (a mean over samples), `inputs` (a
tensor or a tuple of tensors) and `targets` (a tensor), each with the N samples along its first dimension. They leave
the parameters, their `.grad` and the random state as they were. Layers are parameters by name; those with
`requires_grad=False` are left out. `ValueError` for a batch without samples, for tensors of different lengths and for
batch normalization in training mode, where a sample's gradient depends on the other samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from noisydescent.arguments import whole_number

Inputs = Tensor | tuple[Tensor, ...]
LossFn = Callable[[Tensor, Tensor], Tensor]


def module_sample_gradients(module: nn.Module, loss_fn: LossFn, inputs: Inputs, targets: Tensor) -> dict[str, Tensor]:
    """Gradient of every sample's loss for each layer, name -> (N, *shape), by `torch.func`'s vmap of grad.

    Each sample goes through the module as a batch of one, with a dropout mask of its own. Cost: N gradients, and the
    memory for N copies of the parameters: `module_gradient_variance` needs less. The module must consist of operations
    that vmap knows; for any other `microbatch_gradient_variance` serves.
    """
    inputs, _ = _checked(module, inputs, targets)
    named = _trained(module)
    weights = {name: p.detach() for name, p in named.items()}

    def loss(weights: dict[str, Tensor], one: tuple[Tensor, ...], target: Tensor) -> Tensor:
        batch = tuple(x[None] for x in one)
        return loss_fn(torch.func.functional_call(module, weights, batch), target[None])

    over_samples = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0), randomness="different")
    with _random_state_kept(module):
        return over_samples(weights, inputs, targets)


def module_gradient_variance(
    module: nn.Module, loss_fn: LossFn, inputs: Inputs, targets: Tensor, chunk_size: int = 16
) -> dict[str, float]:
    """tr Sigma of each layer, from the gradients of N >= 2 single samples: sum over coordinates, divided by N - 1.

    N - 1, because the samples stand for the data that they were drawn from. The values sum to tr Sigma of the module;
    divided by B they are tr Cov(g_B). Cost: N gradients, and memory for `chunk_size` copies of the parameters. Chunks
    are merged as in Chan, Golub, LeVeque, *Updating Formulae and a Pairwise Algorithm for Computing Sample Variances*,
    1979.
    """
    inputs, n = _checked(module, inputs, targets, least=2)
    chunk_size = whole_number("chunk_size", chunk_size)
    means: dict[str, Tensor] = {}
    spread: dict[str, Tensor] = {}
    done = 0
    for first in range(0, n, chunk_size):
        rows = slice(first, first + chunk_size)
        fresh = min(chunk_size, n - first)
        for name, g in module_sample_gradients(module, loss_fn, tuple(x[rows] for x in inputs), targets[rows]).items():
            mean = g.mean(dim=0)
            square = (g - mean).square().sum()
            if name in means:
                gap = mean - means[name]
                square = spread[name] + square + gap.square().sum() * (done * fresh / (done + fresh))
                mean = means[name] + gap * (fresh / (done + fresh))
            means[name], spread[name] = mean, square
        done += fresh
    return {name: float(square) / (n - 1) for name, square in spread.items()}


def microbatch_gradient_variance(
    module: nn.Module, loss_fn: LossFn, inputs: Inputs, targets: Tensor, micro_batch: int
) -> dict[str, float]:
    """tr Sigma of each layer, estimated from the gradients of K = N / m micro-batches of m samples each.

    m times the variance between micro-batch gradients (K - 1): unbiased for what `module_gradient_variance` gives, with
    a relative standard error of about sqrt(2 / (K - 1)) at worst, less when many coordinates share the noise. Cost: K
    backward passes, together that of one pass over the N samples: nothing extra where gradients are accumulated over
    micro-batches anyway. N must be a multiple of m, and K at least 2.
    """
    sums: dict[str, Tensor] = {}
    squares: dict[str, float] = {}
    gradients, count = _microbatches(module, loss_fn, inputs, targets, micro_batch)
    for k, gradient in enumerate(gradients):
        for name, g in gradient.items():
            # Welford's update: the mean of those so far, and the sum of squares about it
            mean = sums.get(name, torch.zeros_like(g))
            gap = g - mean
            sums[name] = mean + gap / (k + 1)
            squares[name] = squares.get(name, 0.0) + float((gap * (g - sums[name])).sum())
    return {name: micro_batch * square / (count - 1) for name, square in squares.items()}


def two_batch_norms(
    module: nn.Module, loss_fn: LossFn, inputs: Inputs, targets: Tensor, micro_batch: int
) -> tuple[float, float, int, int]:
    """(n_small, n_big, b_small, b_big): squared gradient norms at two batch sizes, as `NoiseScale.update` takes them.

    n_small is the mean over the K = N / m micro-batches, n_big that of the whole batch of N. Cost: that of one pass
    over the N samples, in K backward passes. N must be a multiple of m, and K at least 2.
    """
    total: dict[str, Tensor] = {}
    small = 0.0
    gradients, count = _microbatches(module, loss_fn, inputs, targets, micro_batch)
    for gradient in gradients:
        small += _square_norm(gradient) / count
        for name, g in gradient.items():
            total[name] = total[name] + g if name in total else g
    return small, _square_norm(total) / count**2, micro_batch, micro_batch * count


def _square_norm(gradient: dict[str, Tensor]) -> float:
    return sum(float(g.square().sum()) for g in gradient.values())


def _microbatches(
    module: nn.Module, loss_fn: LossFn, inputs: Inputs, targets: Tensor, micro_batch: int
) -> tuple[Iterator[dict[str, Tensor]], int]:
    """The gradients of one micro-batch after the other, and how many there are."""
    inputs, n = _checked(module, inputs, targets)
    micro_batch = whole_number("micro_batch", micro_batch)
    if n % micro_batch or n < 2 * micro_batch:
        raise ValueError(f"micro_batch must divide the {n} samples into at least 2 equal parts, got {micro_batch}")

    def gradients() -> Iterator[dict[str, Tensor]]:
        named = _trained(module)
        with _random_state_kept(module), torch.enable_grad():
            for first in range(0, n, micro_batch):
                rows = slice(first, first + micro_batch)
                loss = loss_fn(module(*(x[rows] for x in inputs)), targets[rows])
                found = torch.autograd.grad(loss, list(named.values()), materialize_grads=True)
                yield dict(zip(named, found, strict=True))

    return gradients(), n // micro_batch


def _trained(module: nn.Module) -> dict[str, Tensor]:
    named = {name: p for name, p in module.named_parameters() if p.requires_grad}
    if not named:
        raise ValueError("module has no parameters that require a gradient")
    return named


def _checked(module: nn.Module, inputs: Inputs, targets: Tensor, least: int = 1) -> tuple[tuple[Tensor, ...], int]:
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    lengths = [len(x) if x.dim() else 0 for x in (*inputs, targets)]
    if len(set(lengths)) != 1 or lengths[0] < least:
        raise ValueError(f"inputs and targets must hold the same number of samples, at least {least}, got {lengths}")
    for name, part in module.named_modules():
        if isinstance(part, _BatchNorm) and (part.training or not part.track_running_stats):
            raise ValueError(
                f"{name or 'module'} normalizes over the batch, so a sample has no gradient of its own: "
                "call module.eval() first, or use layer or group normalization"
            )
    return inputs, lengths[0]


@contextmanager
def _random_state_kept(module: nn.Module) -> Iterator[None]:
    """Dropout inside draws from the global random state, which is put back: a diagnostic must not change a training."""
    used = {p.device for p in module.parameters() if p.device.type == "cuda"}
    with torch.random.fork_rng(devices=sorted({device.index for device in used})):
        yield
