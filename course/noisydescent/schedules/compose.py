"""Schedules made from schedules, and the names under which sweeps and sliders know them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from noisydescent.arguments import choice, fraction, non_negative, whole_number
from noisydescent.schedules.shapes import (
    Schedule,
    branch_cooldown,
    constant,
    cosine,
    cosine_restarts,
    exp_range,
    exponential,
    function_of_step,
    inverse_sqrt,
    inverse_time,
    linear,
    one_cycle,
    polynomial,
    step_decay,
    triangular,
    wsd,
)


def with_warmup(schedule: Schedule, warmup: int) -> Schedule:
    """(t + 1) / warmup for t < warmup, then `schedule` from its own step 0; no step has multiplier zero."""
    # a partial of a named function, not a lambda: such a schedule can be pickled
    return partial(_warmed, schedule=function_of_step(schedule), warmup=whole_number("warmup", warmup, 0))


def _warmed(t: int, schedule: Schedule, warmup: int) -> float:
    t = whole_number("t", t, 0)
    return (t + 1) / warmup if t < warmup else schedule(t - warmup)


def with_cooldown(schedule: Schedule, t_branch: int, cooldown: int, shape: str = "linear") -> Schedule:
    """`schedule` up to t_branch, then its value there times `branch_cooldown`: a cooldown from any point of a run."""
    branch_cooldown(0, t_branch, cooldown, shape)  # wrong arguments are told here, not at the first step
    function_of_step(schedule)
    return partial(_cooled, schedule=schedule, t_branch=t_branch, cooldown=cooldown, shape=shape)


def _cooled(t: int, schedule: Schedule, t_branch: int, cooldown: int, shape: str) -> float:
    return branch_cooldown(t, t_branch, cooldown, shape) * schedule(min(t, t_branch))


def rewind(step: int, rewind_to: int, schedule: Schedule) -> float:
    """schedule(rewind_to + step), where `step` counts optimizer steps since the rewinding, from 0.

    Learning-rate rewinding after pruning: Renda, Frankle, Carbin, *Comparing Rewinding and Fine-tuning in Neural
    Network Pruning*, 2020. As a schedule: partial(rewind, rewind_to=..., schedule=...).
    """
    return function_of_step(schedule)(whole_number("rewind_to", rewind_to, 0) + whole_number("step", step, 0))


def warmup_steps(T: int, ratio: float) -> int:
    """T * ratio as the nearest whole number of steps, at least one when ratio > 0."""
    steps = round(whole_number("T", T) * fraction("ratio", ratio))
    return max(steps, 1) if ratio > 0 else 0


def multipliers(schedule: Schedule | Tensor, steps: int) -> Tensor:
    """schedule(0), ..., schedule(steps - 1) as a tensor (steps,), float64.

    Or a schedule that is a tensor already, (steps,) or (steps, R) with a column for each run, in float64. `ValueError`
    when it is neither, has another length, or a multiplier that is negative or not finite.
    """
    steps = whole_number("steps", steps, 0)
    if not isinstance(schedule, Tensor):
        function_of_step(schedule, " or a tensor of multipliers")
        values = [non_negative(f"schedule({t})", schedule(t)) for t in range(steps)]
        return torch.tensor(values, dtype=torch.float64)
    if schedule.dtype == torch.bool or schedule.is_complex():
        raise ValueError(f"schedule must hold real numbers, got a tensor of {schedule.dtype}")
    if schedule.dim() not in (1, 2) or len(schedule) != steps:
        raise ValueError(
            f"schedule must hold one multiplier for each of {steps} steps, ({steps},) or ({steps}, runs), got shape "
            f"{tuple(schedule.shape)}"
        )
    wrong = ~(torch.isfinite(schedule) & (schedule >= 0))
    if wrong.any():
        at = int(wrong.reshape(steps, -1).any(dim=1).nonzero()[0])
        raise ValueError(f"schedule must be finite and not negative, got {schedule[at].tolist()} at step {at}")
    return schedule.detach().cpu().double()


# name -> schedule over the T steps that follow the warmup
_SHAPES: dict[str, Callable[[int], Schedule]] = {
    "constant": lambda T: constant,
    "linear": lambda T: partial(linear, T=T),
    "cosine": lambda T: partial(cosine, T=T),
    "step": lambda T: partial(step_decay, every=math.ceil(T / 3)),
    "inverse time": lambda T: partial(inverse_time, t0=max(1.0, T / 20)),
    "inverse square root": lambda T: partial(inverse_time, t0=max(1.0, T / 20), power=0.5),
    "exponential": lambda T: partial(exponential, gamma=0.01 ** (1 / T)),
    "polynomial": lambda T: partial(polynomial, T=T, power=2.0),
    "cosine restarts": lambda T: partial(cosine_restarts, T0=math.ceil(T / 7), mult=2),
    "triangular": lambda T: partial(triangular, up=math.ceil(T / 8), down=math.ceil(T / 8), low=0.1),
    "exp range": lambda T: partial(
        exp_range, up=math.ceil(T / 8), down=math.ceil(T / 8), gamma=0.1 ** (1 / T), low=0.1
    ),
    "wsd": lambda T: partial(wsd, T=T, warmup=0, cooldown=math.ceil(T / 5)),
    "wsd sqrt": lambda T: partial(wsd, T=T, warmup=0, cooldown=math.ceil(T / 5), shape="sqrt"),
    "branch cooldown": lambda T: partial(branch_cooldown, t_branch=T // 2, cooldown=T - T // 2),
}


def _one_cycle(steps: int, warmup: int) -> Schedule:
    if steps < 2:
        raise ValueError(f"steps must be at least 2 for one cycle, got {steps}")
    # both phases need some length, also on a slider's shortest horizon
    share = min(max(warmup / steps or 0.3, 1.5 / steps), 1 - 0.5 / steps)
    return partial(one_cycle, T=steps, pct_start=share)


# name -> schedule over all steps, for those that bring a warmup of their own: (steps, warmup), 0 for its default
_OWN_WARMUP: dict[str, Callable[[int, int], Schedule]] = {
    "one cycle": _one_cycle,
    "transformer": lambda steps, warmup: partial(inverse_sqrt, warmup=warmup or math.ceil(steps / 20)),
}
NAMES = (*_SHAPES, *_OWN_WARMUP)


def named(name: str, steps: int, warmup_fraction: float = 0.0) -> Schedule:
    """The schedule called `name` over `steps` optimizer steps, the first `warmup_fraction` of them warmup.

    The shape after the warmup ends at `steps`:
    constant; linear, cosine and polynomial (power 2), all to zero; exponential (to a hundredth); step (a tenth after
    each third); inverse time and inverse square root (t0 is a twentieth of the horizon); cosine restarts (periods of
    1, 2 and 4 sevenths); triangular and exp range (four cycles from a tenth up, exp range losing nine tenths of its
    height over the horizon); wsd and wsd sqrt (cooldown over the last fifth); branch cooldown (over the second half).
    Two have a warmup of their own, which takes `warmup_fraction` if there is one: one cycle (else 0.3) and
    transformer, which is `inverse_sqrt` (else a twentieth).

    An unknown name raises ValueError with the nearest known one. `with_warmup`, `with_cooldown` and `rewind` change
    any of them further.
    """
    steps = whole_number("steps", steps)
    warmup = round(steps * fraction("warmup_fraction", warmup_fraction))
    if choice("schedule", name, NAMES) in _OWN_WARMUP:
        return _OWN_WARMUP[name](steps, warmup)
    return with_warmup(_SHAPES[name](max(1, steps - warmup)), warmup)
