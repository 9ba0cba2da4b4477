"""A Robbins-Monro schedule: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import torch


def rate_mistakes(c, t0, power, steps):
    """Sentence -> what that mistake returns at all `steps` together."""
    t = torch.tensor(steps, dtype=torch.float64)
    return {
        "The power is applied to t0 alone, c / (t + t0**power): raise the whole sum t + t0 to the power": lambda: (
            c / (t + t0**power)
        ),
        "The power is applied to t alone, c / (t**power + t0): raise the whole sum t + t0 to the power": lambda: (
            c / (t**power + t0)
        ),
        "The power is applied to c as well, (c / (t + t0))**power: only t + t0 is raised to the power": lambda: (
            (c / (t + t0)) ** power
        ),
        "The power is ignored: this is c / (t + t0)": lambda: c / (t + t0),
        "The offset t0 is ignored: this is c / t**power": lambda: c / t**power,
        "t0 is ignored: this is c / (t + 1)**power": lambda: c / (t + 1) ** power,
        "Off by one: t is counted from 0, so the rate at t is c / (t + t0)**power, not c / (t + 1 + t0)**power": (
            lambda: c / (t + 1 + t0) ** power
        ),
        "Off by one: the rate at t is c / (t + t0)**power, not c / (t - 1 + t0)**power": lambda: (
            c / (t - 1 + t0) ** power
        ),
        "The offset is subtracted: t0 is added to t": lambda: c / (t - t0).abs() ** power,
        "t is multiplied by t0: the sum t + t0 is raised to the power": lambda: c / (t * t0) ** power,
        "The larger of t and t0 is used: the sum t + t0 is raised to the power": lambda: c / t.clamp(min=t0) ** power,
        "t0 is used as a time scale, c / (1 + t/t0)**power: the formula is c / (t + t0)**power": lambda: (
            c / (1 + t / t0) ** power
        ),
        "t0 is used as a decay rate, c / (1 + t0 t)**power: the formula is c / (t + t0)**power": lambda: (
            c / (1 + t0 * t) ** power
        ),
        "The power is negative twice: the rate grows with t; divide by (t + t0)**power": lambda: c * (t + t0) ** power,
        "The factor c is missing: the rate is c / (t + t0)**power": lambda: 1 / (t + t0) ** power,
        "The rate is divided by c: multiply by it": lambda: 1 / (c * (t + t0) ** power),
        "The root is taken instead of the power: the exponent is power, not 1/power": lambda: (
            c / (t + t0) ** (1 / power)
        ),
        "The power is doubled: the rate itself is c / (t + t0)**power, its square has twice the power": lambda: (
            c / (t + t0) ** (2 * power)
        ),
        "t + t0 is multiplied by the power: the sum t + t0 is raised to the power": lambda: c / ((t + t0) * power),
        "Floor division, //, rounds the rate down to a whole number: divide with /": lambda: (
            c / (t + t0) ** power
        ).floor(),
        "The rate is held at c up to t0: the decay c / (t + t0)**power begins at t = 0": lambda: torch.where(
            t < t0, torch.full_like(t, c), c * (t0 / t) ** power
        ),
        "Exponential decay came back: this schedule is the power law c / (t + t0)**power": lambda: (
            c * torch.exp(-power * (t + t0))
        ),
        "Exponential decay, c * power**t, came back: this schedule is the power law c / (t + t0)**power": lambda: (
            c * power**t
        ),
        "A missing bracket, c / t + t0**power: divide by the whole of (t + t0)**power": lambda: c / t + t0**power,
        "A missing bracket, (c / t + t0)**power: divide by the whole of (t + t0)**power": lambda: (c / t + t0) ** power,
        "The rate is capped at 1: return c / (t + t0)**power as it is": lambda: (c / (t + t0) ** power).clamp(max=1.0),
        "The rate is capped at c: return c / (t + t0)**power as it is": lambda: (c / (t + t0) ** power).clamp(max=c),
        "The rate does not depend on t: use the t that the schedule is called with": lambda: torch.full_like(
            t, c / t0**power
        ),
    }


RANGES = {
    "Both ends are wrong: the range is 1/2 < power <= 1": lambda p: 0.5 <= p < 1,
    "power = 1/2 is not enough: the squares are then 1/t, whose sum diverges, so 1/2 itself is excluded": lambda p: (
        0.5 <= p <= 1
    ),
    "power = 1 belongs to the range: the sum of 1/t still diverges": lambda p: 0.5 < p < 1,
    "Only the sum of squares is checked: for power > 1 the rates themselves have a finite sum": lambda p: p > 0.5,
    "Only the sum of squares is checked, and its end 1/2 is wrongly included": lambda p: p >= 0.5,
    "Only the divergence of the sum is checked: for power <= 1/2 the squares have an infinite sum": lambda p: p <= 1,
    "Only the divergence of the sum is checked: the squares need power > 1/2": lambda p: 0 < p <= 1,
    "Only the divergence of the sum is checked, with its end 1 wrongly excluded": lambda p: 0 < p < 1,
    "The lower end is 1/2, not 0: the squares need 2 power > 1": lambda p: 0 <= p <= 1,
    "The answer is inverted: True means that both conditions hold": lambda p: not 0.5 < p <= 1,
    "The conditions are joined by `or`: both must hold": lambda p: True,
    "False for every power: both conditions hold for 1/2 < power <= 1": lambda p: False,
    "Only power = 1 is accepted: every power above 1/2 up to 1 will do": lambda p: p == 1,
    "The first condition is swapped: the sum must diverge, so power <= 1, and the squares need power > 1/2": lambda p: (
        p > 1
    ),
    "The range is that of the squared rate: it is the power of the rate that must lie in 1/2 < power <= 1": lambda p: (
        1 < p <= 2
    ),
    "The upper end is 1, not 2: for power > 1 the rates have a finite sum": lambda p: 0.5 < p <= 2,
    "The upper end is 1, not 2: for power > 1 already the rates have a finite sum": lambda p: 0.5 < p < 2,
}
