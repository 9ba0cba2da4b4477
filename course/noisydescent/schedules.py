"""Learning-rate schedules: pure functions of the optimizer step that give a multiplier of the peak.

A schedule knows nothing of optimizers or epochs: step t = 0, 1, 2, ... in, a number in [0, 1] out. The learning rate
of step t is peak * schedule(t).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from noisydescent.arguments import choice, fraction, positive_int

# step t -> multiplier of the peak learning rate
Schedule = Callable[[int], float]


def constant(t: int) -> float:
    """1 at every step."""
    positive_int("t", t, 0)
    return 1.0


def linear(t: int, T: int, end: float = 0.0) -> float:
    """From 1 at t = 0 straight down to `end` at t = T, `end` ever after; PyTorch's LinearLR(1, end, T)."""
    return end + (1.0 - end) * (1.0 - min(positive_int("t", t, 0) / positive_int("T", T), 1.0))


def cosine(t: int, T: int, end: float = 0.0) -> float:
    """Half a cosine from 1 at t = 0 to `end` at t = T, `end` ever after (Loshchilov, Hutter, *SGDR*, 2017)."""
    progress = min(positive_int("t", t, 0) / positive_int("T", T), 1.0)
    return end + (1.0 - end) * (1.0 + math.cos(math.pi * progress)) / 2.0


def step_decay(t: int, every: int, gamma: float = 0.1) -> float:
    """Multiplied by `gamma` after each `every` steps; PyTorch's StepLR."""
    if not 0.0 < gamma <= 1.0:
        raise ValueError(f"gamma must lie in (0, 1], got {gamma!r}")
    return gamma ** (positive_int("t", t, 0) // positive_int("every", every))


def inverse_time(t: int, t0: float, power: float = 1.0) -> float:
    """(t0 / (t + t0))**power: the Robbins-Monro schedule c / (t + t0)**power divided by its first value.

    Robbins, Monro, *A Stochastic Approximation Method*, 1951.
    """
    if t0 <= 0:
        raise ValueError(f"t0 must be positive, got {t0!r}: the first step would have an infinite learning rate")
    return (t0 / (positive_int("t", t, 0) + t0)) ** power


def with_warmup(schedule: Schedule, warmup: int) -> Schedule:
    """(t + 1) / warmup for t < warmup, then `schedule` from its own step 0; no step has multiplier zero."""
    warmup = positive_int("warmup", warmup, 0)
    return lambda t: (t + 1) / warmup if positive_int("t", t, 0) < warmup else schedule(t - warmup)


# name -> schedule over a horizon of T steps, for sliders and sweeps
_SHAPES: dict[str, Callable[[int], Schedule]] = {
    "constant": lambda T: constant,
    "linear": lambda T: partial(linear, T=T),
    "cosine": lambda T: partial(cosine, T=T),
    "step": lambda T: partial(step_decay, every=math.ceil(T / 3)),
    "inverse time": lambda T: partial(inverse_time, t0=max(1.0, T / 20)),
    "inverse square root": lambda T: partial(inverse_time, t0=max(1.0, T / 20), power=0.5),
}
NAMES = tuple(_SHAPES)


def named(name: str, steps: int, warmup_fraction: float = 0.0) -> Schedule:
    """The schedule called `name` over `steps` optimizer steps, the first `warmup_fraction` of them warmup.

    Names: constant, linear, cosine, step (a tenth after each third), inverse time and inverse square root (t0 is a
    twentieth of the horizon). The shape after the warmup ends at `steps`.
    """
    steps = positive_int("steps", steps)
    warmup = round(steps * fraction("warmup_fraction", warmup_fraction))
    shape = _SHAPES[choice("schedule", name, NAMES)](max(1, steps - warmup))
    return with_warmup(shape, warmup)


def multipliers(schedule: Schedule, steps: int) -> Tensor:
    """schedule(0), ..., schedule(steps - 1) as a tensor (steps,), float64."""
    return torch.tensor([schedule(t) for t in range(positive_int("steps", steps, 0))], dtype=torch.float64)
