"""The shapes: each a pure function of the optimizer step t = 0, 1, 2, ... that gives a multiplier of the peak."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable

from noisydescent.arguments import choice, fraction, number, positive, whole_number

# step t -> multiplier of the peak learning rate
Schedule = Callable[[int], float]

_COOLDOWNS: dict[str, Callable[[float], float]] = {
    "linear": lambda progress: 1.0 - progress,
    "sqrt": lambda progress: 1.0 - math.sqrt(progress),
}


class PastHorizon(ValueError):
    """A schedule was asked for a step after its last one."""


def function_of_step(schedule: Schedule, also: str = "") -> Schedule:
    """`schedule` if it can be called; otherwise a `ValueError` that says what it must be, or be `also`."""
    if not callable(schedule):
        raise ValueError(
            f"schedule must be a function of the step{also}, got {reprlib.repr(schedule)}: for a name use "
            "schedules.named(name, steps)"
        )
    return schedule


def _decay_factor(gamma: float) -> float:
    if not 0.0 < number("gamma", gamma) <= 1.0:
        raise ValueError(f"gamma must lie in (0, 1], got {gamma!r}")
    return gamma


def _progress(t: int, T: int) -> float:
    """Fraction of the horizon gone, 1 at and after T."""
    return min(whole_number("t", t, 0) / whole_number("T", T), 1.0)


def constant(t: int, warmup_steps: int = 0) -> float:
    """1 at every step; (t + 1) / warmup_steps before, while t < warmup_steps."""
    t, warmup_steps = whole_number("t", t, 0), whole_number("warmup_steps", warmup_steps, 0)
    return (t + 1) / warmup_steps if t < warmup_steps else 1.0


def linear(t: int, T: int, end: float = 0.0) -> float:
    """From 1 at t = 0 straight down to `end` at t = T, `end` ever after; PyTorch's LinearLR(1, end, T)."""
    return fraction("end", end) + (1.0 - end) * (1.0 - _progress(t, T))


def polynomial(t: int, T: int, power: float, end: float = 0.0) -> float:
    """end + (1 - end)(1 - t/T)**power, `end` at and after T; power > 0. PyTorch's PolynomialLR where `end` is 0."""
    return fraction("end", end) + (1.0 - end) * (1.0 - _progress(t, T)) ** positive("power", power)


def cosine(t: int, T: int, end: float = 0.0) -> float:
    """Half a cosine from 1 at t = 0 to `end` at t = T, `end` ever after (Loshchilov, Hutter, *SGDR*, 2017).

    PyTorch's CosineAnnealingLR up to T, where that rises again.
    """
    return fraction("end", end) + (1.0 - end) * (1.0 + math.cos(math.pi * _progress(t, T))) / 2.0


def cosine_restarts(t: int, T0: int, mult: int = 1, end: float = 0.0) -> float:
    """Half cosines over periods of T0, T0 mult, T0 mult**2, ... steps; the first step of each has multiplier 1.

    The last step of a period is one short of `end`, which is never reached. PyTorch's CosineAnnealingWarmRestarts;
    Loshchilov, Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts*, 2017.
    """
    t, period = whole_number("t", t, 0), whole_number("T0", T0)
    if whole_number("mult", mult) == 1:
        return cosine(t % period, period, end)
    # whole numbers all the way: a logarithm would be off by one at some restarts
    while t >= period:
        t, period = t - period, period * mult
    return cosine(t, period, end)


def step_decay(t: int, every: int, gamma: float = 0.1) -> float:
    """Multiplied by `gamma` after each `every` steps; PyTorch's StepLR."""
    return _decay_factor(gamma) ** (whole_number("t", t, 0) // whole_number("every", every))


def exponential(t: int, gamma: float) -> float:
    """gamma**t, 0 < gamma <= 1; PyTorch's ExponentialLR. The multipliers sum to 1 / (1 - gamma)."""
    return _decay_factor(gamma) ** whole_number("t", t, 0)


def inverse_time(t: int, t0: float, power: float = 1.0) -> float:
    """(t0 / (t + t0))**power: the Robbins-Monro schedule c / (t + t0)**power divided by its first value.

    Robbins, Monro, *A Stochastic Approximation Method*, 1951.
    """
    # t0 = 0 would give the first step an infinite learning rate
    return (positive("t0", t0) / (whole_number("t", t, 0) + t0)) ** positive("power", power)


def inverse_sqrt(t: int, warmup: int) -> float:
    """min(t / warmup, sqrt(warmup / t)): up to 1 at t = warmup, then down as 1 / sqrt(t).

    0 at t = 0, so that the first optimizer step changes nothing, unlike with `with_warmup`. Vaswani et al., *Attention
    Is All You Need*, 2017, without its factor of the width and counted from 0.
    """
    t, warmup = whole_number("t", t, 0), whole_number("warmup", warmup)
    return t / warmup if t <= warmup else math.sqrt(warmup / t)


def triangular(t: int, up: int, down: int, low: float = 0.0) -> float:
    """From `low` at t = 0 to 1 at t = up, back to `low` at t = up + down, and so on for ever.

    PyTorch's CyclicLR(low, 1, up, down); Smith, *Cyclical Learning Rates for Training Neural Networks*, 2017.
    """
    return fraction("low", low) + (1.0 - low) * _triangle(t, up, down)


def exp_range(t: int, up: int, down: int, gamma: float, low: float = 0.0) -> float:
    """`triangular` whose height over `low` shrinks by `gamma` at every step; CyclicLR(..., mode="exp_range")."""
    shrink = _decay_factor(gamma) ** whole_number("t", t, 0)
    return fraction("low", low) + (1.0 - low) * _triangle(t, up, down) * shrink


def _triangle(t: int, up: int, down: int) -> float:
    up, down = whole_number("up", up), whole_number("down", down)
    position = whole_number("t", t, 0) % (up + down)
    return position / up if position <= up else (up + down - position) / down


def one_cycle(t: int, T: int, pct_start: float = 0.3, div: float = 25.0, final_div: float = 1e4) -> float:
    """Half a cosine up from 1/div to 1 at t = pct_start T - 1, half a cosine down to 1/(div final_div) at T - 1.

    The peak may fall between two steps. Defined for t = 0 .. T - 1; `PastHorizon`, a ValueError, after that. 0 <
    pct_start < 1 and pct_start T > 1. PyTorch's OneCycleLR without its cycle of the momentum, which is
    `one_cycle_momentum`. Smith, Topin, *Super-Convergence*, 2019.
    """
    start = 1.0 / positive("div", div)
    end = start / positive("final_div", final_div)
    rising, progress = _one_cycle_phase(t, T, pct_start)
    return _cosine_between(start, 1.0, progress) if rising else _cosine_between(1.0, end, progress)


def one_cycle_momentum(t: int, T: int, pct_start: float = 0.3, low: float = 0.85, high: float = 0.95) -> float:
    """The momentum itself, not a multiplier, of each step of `one_cycle`: `low` where the learning rate is highest.

    PyTorch's OneCycleLR(..., base_momentum=low, max_momentum=high).
    """
    low, high = fraction("low", low), fraction("high", high)
    rising, progress = _one_cycle_phase(t, T, pct_start)
    return _cosine_between(high, low, progress) if rising else _cosine_between(low, high, progress)


def _one_cycle_phase(t: int, T: int, pct_start: float) -> tuple[bool, float]:
    """Whether the rate still rises at t, and how much of that phase is gone."""
    t, T = whole_number("t", t, 0), whole_number("T", T)
    if not 0.0 < number("pct_start", pct_start) < 1.0:
        raise ValueError(f"pct_start must lie strictly between 0 and 1, got {pct_start!r}")
    peak = pct_start * T - 1
    if peak <= 0:
        raise ValueError(f"pct_start must exceed 1 / T = {1 / T:.4g} for the rate to rise at all, got {pct_start!r}")
    if t >= T:
        raise PastHorizon(f"t must be below T = {T}, got {t}: one cycle ends with step T - 1")
    return (True, t / peak) if t <= peak else (False, (t - peak) / (T - 1 - peak))


def _cosine_between(start: float, end: float, progress: float) -> float:
    # this arrangement is exact at the end, which for one_cycle is the smallest value
    return end + (start - end) * (1.0 + math.cos(math.pi * progress)) / 2.0


def branch_cooldown(t: int, t_branch: int, cooldown: int, shape: str = "linear") -> float:
    """1 up to t_branch, then down to 0 at t_branch + cooldown, 0 ever after.

    shape "linear": 1 - progress; "sqrt": 1 - sqrt(progress), Hägele et al., *Scaling Laws and Compute-Optimal
    Training Beyond Fixed Training Durations*, 2024.
    """
    t, t_branch = whole_number("t", t, 0), whole_number("t_branch", t_branch, 0)
    cooldown = whole_number("cooldown", cooldown)
    return _COOLDOWNS[choice("shape", shape, _COOLDOWNS)](min(max(t - t_branch, 0) / cooldown, 1.0))


def wsd(t: int, T: int, warmup: int, cooldown: int, shape: str = "linear") -> float:
    """Warmup, stable, decay: (t + 1) / warmup, then 1 up to t = T - cooldown, then down to 0 at t = T, 0 ever after.

    `shape` of the cooldown as in `branch_cooldown`; with cooldown = 0 it stays 1 for ever. Hu et al., *MiniCPM*, 2024.
    """
    t, T = whole_number("t", t, 0), whole_number("T", T)
    warmup, cooldown = whole_number("warmup", warmup, 0), whole_number("cooldown", cooldown, 0)
    if warmup + cooldown > T:
        raise ValueError(f"warmup + cooldown must not exceed T = {T}, got warmup {warmup} and cooldown {cooldown}")
    choice("shape", shape, _COOLDOWNS)
    if t < warmup:
        return (t + 1) / warmup
    return branch_cooldown(t, T - cooldown, cooldown, shape) if cooldown else 1.0
