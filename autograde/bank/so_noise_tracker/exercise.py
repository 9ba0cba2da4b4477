"""Noise scale over a run: the exercise and its tests."""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.bank.inputs import uniform
from autograde.bank.so_noise_tracker.mistakes import tracked, tracker_mistakes
from autograde.bank.two_batch_norms import measured
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import AnswerError, Mistake, expect_close, expect_error

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_6_advanced_topics",
    number=8,
    title="Noise scale over a run",
    functions=("NoiseScaleTracker",),
    difficulty=3,
    minutes=20,
)


def reading(tracker, name):
    """`b_simple` as a float."""
    try:
        value = tracker.b_simple
    except AnswerError as failure:
        if isinstance(failure.error, ZeroDivisionError):
            raise Mistake("b_simple divides by zero before the first update: return float('nan') there") from None
        raise
    if callable(value) and not isinstance(value, torch.Tensor):
        raise Mistake("b_simple is a method: make it a property, with the decorator @property")
    if value is None:
        raise Mistake("b_simple is None: before the first update it is float('nan'), after it a float")
    # With any value in tolerance, `expect_close` checks no more than that it is a number; NaN equals NaN.
    try:
        infinite = not math.isfinite(float(value))
    except (TypeError, ValueError):
        infinite = False
    if not infinite:
        expect_close(value, 1.0, name=name, rtol=math.inf, atol=math.inf)
    return float(value)


def readings(tracker, updates, name):
    values = []
    for update in updates:
        tracker.update(*update)
        values.append(reading(tracker, name))
    return values


def check_readings(got, updates, decay, name, rtol=None, first=None):
    """`first` maps sentences to functions that give the readings; they come before the usual mistakes."""
    plain = [tuple(float(value) for value in update) for update in updates]
    mistakes = {
        sentence: (lambda value=value: torch.tensor(value(), dtype=torch.float64))
        for sentence, value in ((first or {}) | tracker_mistakes(plain, decay)).items()
    }
    expected = torch.tensor(tracked(plain, decay), dtype=torch.float64)
    have = torch.tensor(got, dtype=torch.float64)
    try:
        expect_close(have, expected, name=name, mistakes=mistakes, rtol=rtol)
    except Mistake as mistake:
        # A Python float does not show that it was computed in float32.
        if str(mistake) in mistakes or not bool(((have - expected).abs() <= 2e-6 * expected.abs()).all()):
            raise


def run_updates(generator, count, sizes, spread=0.15):
    """Updates (n_small, n_big, b_small, b_big) as gradients shrink and the noise stays."""
    updates = []
    for t in range(count):
        b_small, b_big = sizes[t % len(sizes)]
        signal, noise = uniform(generator, 1.5, 2.5) / (1 + 0.15 * t), uniform(generator, 20.0, 40.0)
        small, big = measured(generator, 1, signal, noise, b_small, b_big, spread)
        updates.append((small[0], big[0], b_small, b_big))
    return updates


@grade(EXERCISE, points=2)
def test_tracker_averages(answer, generator):
    """Numerator and denominator are averaged apart, with weight decay on the past"""
    for decay, sizes in [(0.8, (3, 24)), (0.6, (4, 50))]:
        updates = run_updates(generator, 7, [sizes])
        name = f"NoiseScaleTracker({decay}).b_simple after each of 7 updates"
        check_readings(readings(answer.NoiseScaleTracker(decay), updates, name), updates, decay, name)


@grade(EXERCISE, points=1)
def test_tracker_first(answer, generator):
    """nan before the first update, the quotient of the pair after it"""
    for decay in (0.9, 0.7):
        tracker = answer.NoiseScaleTracker(decay)
        name = f"NoiseScaleTracker({decay}).b_simple"
        before = reading(tracker, name)
        if not math.isnan(before):
            raise Mistake(
                f"b_simple is {before:g} before the first update: a new tracker knows nothing yet, return float('nan')"
            )
        updates = run_updates(generator, 1, [(4, 24)])
        (single,) = tracked(updates, decay)
        # Many mistakes show alike after one update: say what is certain.
        factors = {
            "After one update b_simple is 1 - decay times the quotient of the pair: an average that starts at zero is "
            "not corrected, or one of two only": lambda single=single, decay=decay: [(1 - decay) * single],
            "After one update b_simple is the quotient of the pair over 1 - decay: correct both averages or none": (
                lambda single=single, decay=decay: [single / (1 - decay)]
            ),
        }
        check_readings(readings(tracker, updates, name), updates, decay, f"{name} after one update", first=factors)


@grade(EXERCISE, points=1, hidden=True)
def test_tracker_batch_sizes(answer, generator):
    """Batch sizes that change during the run"""
    decay = uniform(generator, 0.7, 0.85)
    updates = run_updates(generator, 8, [(4, 24), (3, 40), (10, 64)])
    name = "b_simple with batch sizes that change"
    check_readings(readings(answer.NoiseScaleTracker(decay), updates, name), updates, decay, name)


@grade(EXERCISE, points=1, hidden=True)
def test_tracker_decays(answer, generator):
    """No memory at decay 0, a long one near 1, negative quotients"""
    for decay in (0, uniform(generator, 0.96, 0.98), uniform(generator, 0.25, 0.4)):
        updates = run_updates(generator, 5, [(5, 40)])
        name = "b_simple after each of 5 updates"
        check_readings(readings(answer.NoiseScaleTracker(decay), updates, name), updates, decay, name)
    decay = 0.75
    updates = []
    for signal in (-0.5, -0.3, 2.0, 3.0):
        small, big = measured(generator, 1, signal, uniform(generator, 28.0, 36.0), 4, 32, 0.01)
        updates.append((small[0], big[0], 4, 32))
    name = "b_simple where G2 is negative at first"
    check_readings(readings(answer.NoiseScaleTracker(decay), updates, name), updates, decay, name)


@grade(EXERCISE, points=1)
def test_tracker_state(answer, generator):
    """Reading changes nothing, and every tracker has its own averages"""
    ours, theirs = run_updates(generator, 4, [(4, 24)]), run_updates(generator, 4, [(6, 30)])
    first, second = answer.NoiseScaleTracker(0.8), answer.NoiseScaleTracker(0.5)
    name = "b_simple of two trackers in turn"
    mine, other, again = [], [], []
    for one, another in zip(ours, theirs, strict=True):
        first.update(*one)
        second.update(*another)
        mine.append(reading(first, name))
        other.append(reading(second, name))
        again.append(reading(first, name))
    if any(one != two and not math.isnan(one) for one, two in zip(mine, again, strict=True)):
        raise Mistake("Reading b_simple twice gives two values: only update may change the averages")
    try:
        check_readings(mine, ours, 0.8, name)
        check_readings(other, theirs, 0.5, name)
    except Mistake:
        alone = readings(answer.NoiseScaleTracker(0.8), ours, name)
        if np.array_equal(alone, mine, equal_nan=True):
            raise
        raise Mistake("Two trackers share their averages: keep them on the object, set in __init__") from None


@grade(EXERCISE, points=1)
def test_tracker_tensors(answer, generator):
    """Squared norms as tensors of one number, float64 and float32"""
    updates = run_updates(generator, 4, [(4, 24)])
    for dtype, rtol in [(torch.float64, None), (torch.float32, 1e-4)]:
        handed = [(torch.tensor(u[0], dtype=dtype), torch.tensor(u[1], dtype=dtype), *u[2:]) for u in updates]
        name = f"b_simple with norms as {str(dtype).removeprefix('torch.')} tensors"
        check_readings(readings(answer.NoiseScaleTracker(0.8), handed, name), handed, 0.8, name, rtol=rtol)


@grade(EXERCISE, points=1)
def test_tracker_arguments(answer, generator):
    """ValueError for a decay outside [0, 1)"""
    make = answer.NoiseScaleTracker
    tracker = make(0.9)
    tracker.update(*run_updates(generator, 1, [(4, 24)])[0])
    reading(tracker, "NoiseScaleTracker(0.9).b_simple")
    for decay in (1.0, 1.5, -0.1):
        expect_error(make, decay, names=("decay",), what=f"decay = {decay}")
