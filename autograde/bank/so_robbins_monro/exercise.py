"""A Robbins-Monro schedule: the exercise and its tests."""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.bank.inputs import uniform
from autograde.bank.so_robbins_monro.mistakes import RANGES, rate_mistakes
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import AnswerError, Mistake, expect_close, expect_equal, expect_error, matches, note

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_1_intuition",
    number=6,
    title="A Robbins-Monro schedule",
    functions=("robbins_monro", "satisfies_robbins_monro"),
    difficulty=2,
    minutes=15,
)


STEPS = (0, 1, 2, 3, 7, 20, 100, 1000)


def rates(schedule, steps, c, t0, power, name):
    """The values of a returned schedule at `steps`, each checked to be a number."""
    if not callable(schedule) or isinstance(schedule, torch.Tensor):
        kind = type(schedule).__name__
        returned = "None: is `return` missing?" if schedule is None else f"a {kind}: return a function that takes t"
        raise Mistake(f"`{name}` returned {returned}")
    values = []
    for t in steps:
        try:
            value = schedule(t)
        except AnswerError as failure:
            if isinstance(failure.error, ZeroDivisionError):
                raise Mistake(
                    f"{failure}: the denominator (t + t0)**power is positive at t = {t}, is the offset t0 missing?"
                ) from None
            raise
        # With any value in tolerance, `expect_close` checks no more than that it is a number.
        expect_close(value, c / (t + t0) ** power, name=f"{name}({t})", rtol=math.inf, atol=math.inf)
        values.append(float(value))
    return torch.tensor(values, dtype=torch.float64)


def check_rates(answer, c, t0, power, steps=STEPS):
    name = f"robbins_monro({c:.3g}, {t0:.3g}, power={power:.3g})"
    steps = [t for t in steps if t + t0 > 0]
    got = rates(answer.robbins_monro(c, t0, power=power), steps, c, t0, power, name)
    expected = torch.tensor([c / (t + t0) ** power for t in steps], dtype=torch.float64)
    compare_rates(got, expected, steps, f"{name}(t)", rate_mistakes(c, t0, power, steps))


def compare_rates(got, expected, steps, name, mistakes):
    # Small late rates must not hide behind a large first one, so every step is compared relative to its own rate.
    relative = {sentence: (lambda value=value: value() / expected) for sentence, value in mistakes.items()}
    try:
        expect_close(got / expected, torch.ones_like(expected), name=name, mistakes=relative)
    except Mistake as mistake:
        if str(mistake) in mistakes:
            raise
        if bool(((got / expected - 1).abs() <= 2e-6).all()):
            note(f"`{name}` is accurate to about six digits: was it computed in float32?")
            return
        worst = int((got / expected - 1).abs().nan_to_num(nan=math.inf).argmax())
        ratio = got[worst] / expected[worst]
        raise Mistake(f"`{name}` is {ratio:.6g} times c / (t + t0)**power at t = {steps[worst]}") from None


@grade(EXERCISE, points=2)
def test_robbins_monro_rates(answer, generator):
    """The rate is c / (t + t0)**power, and power is 1 by default"""
    for t0, power in [(10, 0.75), (3, 0.6), (5, 1.0)]:
        check_rates(answer, uniform(generator, 0.5, 3.0), t0, power)
    c, t0 = uniform(generator, 0.5, 3.0), 4
    name = f"robbins_monro({c:.3g}, {t0})"
    got = rates(answer.robbins_monro(c, t0), STEPS, c, t0, 1.0, name)
    half = "The default of `power` is 1.0"
    mistakes = {f"{half}, not {power:g}": [c / (t + t0) ** power for t in STEPS] for power in (0.5, 0.75, 2.0, 0.0)}
    mistakes = {
        sentence: (lambda value=value: torch.tensor(value, dtype=torch.float64)) for sentence, value in mistakes.items()
    }
    expected = torch.tensor([c / (t + t0) for t in STEPS], dtype=torch.float64)
    compare_rates(got, expected, STEPS, f"{name}(t)", mistakes | rate_mistakes(c, t0, 1.0, STEPS))


@grade(EXERCISE, points=1, hidden=True)
def test_robbins_monro_parameters(answer, generator):
    """Other powers and offsets: t0 a fraction, t0 = 0 from step 1 on, powers outside the Robbins-Monro range"""
    for t0, power in [
        (uniform(generator, 1.2, 8.0), uniform(generator, 0.55, 0.95)),
        (0, 0.8),
        (0.5, 1.0),
        (2, 0.3),
        (2, 1.7),
    ]:
        check_rates(answer, uniform(generator, 0.01, 0.4), t0, power)
    check_rates(answer, uniform(generator, 20.0, 50.0), 3, 0.7)


@grade(EXERCISE, points=1, hidden=True)
def test_robbins_monro_calls(answer, generator):
    """Steps in any order, the same step twice, two schedules at once"""
    c, t0, power = uniform(generator, 0.5, 3.0), 6, 0.7
    first, second = answer.robbins_monro(c, t0, power), answer.robbins_monro(2 * c, t0 + 3, 0.9)
    for steps in [(0, 1, 2), (5, 2, 9, 2, 0), (1000, 0)]:
        expected = torch.tensor([c / (t + t0) ** power for t in steps], dtype=torch.float64)
        rates(second, steps, 2 * c, t0 + 3, 0.9, "second schedule")
        got = rates(first, steps, c, t0, power, "schedule")
        counted = "The schedule counts its own calls: the rate must depend on the t it is given"
        if steps != (0, 1, 2) and not matches(got, expected, "schedule"):
            in_order = rates(answer.robbins_monro(c, t0, power), range(3), c, t0, power, "schedule")
            if matches(
                in_order, torch.tensor([c / (t + t0) ** power for t in range(3)], dtype=torch.float64), "schedule"
            ):
                raise Mistake(counted)
        shared = "Two schedules share their settings: each must keep the c, t0 and power it was built with"
        mistakes = {
            shared: lambda steps=steps: torch.tensor([2 * c / (t + t0 + 3) ** 0.9 for t in steps], dtype=torch.float64)
        }
        compare_rates(got, expected, steps, "schedule(t)", mistakes | rate_mistakes(c, t0, power, steps))


@grade(EXERCISE, points=1)
def test_robbins_monro_arguments(answer, generator):
    """ValueError for a negative t0 when built, and where t + t0 <= 0 when called"""
    build, c = answer.robbins_monro, uniform(generator, 0.5, 2.0)
    if not callable(build(c, 2)):
        raise Mistake("`robbins_monro` must return a function that takes t")
    expect_error(build, c, -1, names=("t0",), what="t0 = -1")
    expect_error(build, c, -0.5, 0.8, names=("t0",), what="t0 = -0.5")
    try:
        schedule = build(c, 0)
    except AnswerError as failure:
        if isinstance(failure.error, ValueError):
            raise Mistake(
                "refused t0 = 0 when the schedule was built: it is undefined at t = 0 only, so raise at that call"
            ) from None
        raise
    expect_error(schedule, 0, names=("t", "t0", "step"), what="t = 0 with t0 = 0, where the rate is undefined,")
    expect_error(build(c, 2), -3, names=("t", "t0", "step"), what="t = -3 with t0 = 2, where t + t0 <= 0,")


# Well inside and outside; the two ends and close neighbours.
INTERIOR = (-1.0, 0.0, 0.1, 0.3, 0.45, 0.55, 0.6, 0.75, 0.9, 0.97, 1.05, 1.3, 2.0, 3.0)


ENDS = (0.5, 0.5 - 1e-6, 0.5 + 1e-6, 1.0, 1, 1.0 - 1e-6, 1.0 + 1e-6)


def check_range(answer, powers):
    """Compare on `powers`; a failure is explained by the answers on all powers together."""
    everything = list(INTERIOR) + list(ENDS)
    got = {power: answer.satisfies_robbins_monro(power) for power in everything}
    for power in powers:
        try:
            expect_equal(got[power], 0.5 < power <= 1, name=f"satisfies_robbins_monro({power!r})")
        except Mistake as failure:
            for sentence, rule in RANGES.items():
                if all(answered(got[p]) is bool(rule(p)) for p in everything):
                    raise Mistake(sentence) from None
            raise failure from None


def answered(value):
    """True, False, or None for anything that is not a truth value."""
    if type(value) in (torch.Tensor, np.ndarray) and value.ndim == 0:
        value = value.item()
    return bool(value) if type(value) in (bool, np.bool_) else None


@grade(EXERCISE, points=1)
def test_satisfies_robbins_monro_inside(answer):
    """satisfies_robbins_monro well inside and well outside the range"""
    check_range(answer, INTERIOR)


@grade(EXERCISE, points=1, hidden=True)
def test_satisfies_robbins_monro_ends(answer):
    """satisfies_robbins_monro at the two ends of the range"""
    check_range(answer, ENDS)
