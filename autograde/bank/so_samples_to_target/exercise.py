"""Samples to a target loss: the exercise and its tests."""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.bank.inputs import strided, uniform
from autograde.bank.so_samples_to_target.mistakes import samples_mistakes, samples_seen
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import expect_equal, expect_error

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_1_intuition",
    number=4,
    title="Samples to a target loss",
    functions=("samples_to_target",),
    difficulty=1,
    minutes=10,
)


def check_samples(answer, cases, container=list):
    """Compare on `cases`, tuples (losses, batch_size, target); `container` makes of a list what the answer gets.

    Small whole numbers coincide easily, so the mistake that is named is the one that explains most of the results.
    """
    results = []
    for losses, batch_size, target in cases:
        got = answer.samples_to_target(container(losses), batch_size, target)
        results.append(got.item() if isinstance(got, (torch.Tensor, np.generic)) and got.ndim == 0 else got)
    tables = [samples_mistakes(*case) for case in cases]
    expected = [samples_seen(*case) for case in cases]
    wrong = [index for index, (got, want) in enumerate(zip(results, expected, strict=True)) if not alike(got, want)]

    def explained(sentence, indices):
        return sum(alike(results[i], tables[i].get(sentence, expected[i])) for i in indices)

    for index, (got, want) in enumerate(zip(results, expected, strict=True)):
        losses, batch_size, target = cases[index]
        shown = ", ".join(f"{loss:.3g}" for loss in losses[:6]) + (", ..." if len(losses) > 6 else "")
        # The sentence must explain this result and most of the others.
        fitting = [s for s in tables[index] if explained(s, [index]) and 2 * explained(s, wrong) > len(wrong)]
        best = max(fitting, key=lambda sentence: explained(sentence, range(len(cases))), default=None)
        name = f"samples_to_target([{shown}], {batch_size}, {target:.3g})"
        expect_equal(got, want, name=name, mistakes={best: tables[index][best]} if best else {})


def alike(got, value):
    """Equal as plain values, where NaN equals NaN and a truth value is no number."""
    if isinstance(got, float) and math.isnan(got):
        return isinstance(value, float) and math.isnan(value)
    return (type(got) is bool) == (type(value) is bool) and type(got) in (int, float, bool, type(None)) and got == value


def noisy_curve(generator, length):
    """Falling losses whose noise makes them come back above any level."""
    curve = 3.0 * torch.exp(-0.25 * torch.arange(length, dtype=torch.float64)) + 0.5
    return (curve + 0.3 * torch.rand(length, generator=generator, dtype=torch.float64)).tolist()


def as_tensor(losses):
    return torch.tensor(losses, dtype=torch.float64)


@grade(EXERCISE, points=2)
def test_samples_to_target_first(answer, generator):
    """Steps to the first loss <= target, times the batch size"""
    level = uniform(generator, 0.6, 0.8)
    falling = [5 * level, 4 * level, 3 * level, 2 * level, 1.5 * level, 0.9 * level, 0.5 * level]
    # In the last two the loss equals the target: these numbers are exact in binary.
    exact = [3.0, 2.25, 1.5, 0.75, 1.25]
    cases = [
        (falling, 32, level),
        (falling, 7, 2.5 * level),
        (falling, 10, 0.6 * level),
        (exact, 16, 1.5),
        (exact, 20, 2.25),
    ]
    check_samples(answer, cases)


@grade(EXERCISE, points=1, hidden=True)
def test_samples_to_target_noisy(answer, generator):
    """A loss that rises above the target again"""
    cases = [([4.0, 1.5, 3.0, 3.5, 0.5, 1.0, 6.0], 10, 2.0), ([4.0, math.inf, 3.0, 1.0, 2.5], 4, 2.0)]
    for batch_size in (8, 5):
        losses = noisy_curve(generator, 14)
        target = losses[6]
        losses[9], losses[12], losses[13] = 2 * target, 0.4 * target, 3 * target
        cases += [(losses, batch_size, target), (losses[:13], batch_size, target)]
    check_samples(answer, cases)


@grade(EXERCISE, points=1)
def test_samples_to_target_ends(answer, generator):
    """No step needed gives 0, a target never met gives None"""
    start = uniform(generator, 1.0, 2.0)
    cases = [
        ([start, 0.8 * start, 0.5 * start], 64, start + 0.5),
        ([start, 2.0 * start, 1.5 * start, 0.5 * start], 64, start),
        ([start], 64, 2 * start),
        ([start, 0.8 * start, 0.7 * start, 0.75 * start], 64, 0.5 * start),
        ([start], 64, 0.5 * start),
        # Losses can be negative (a log density), and so can targets.
        ([start, 0.0, -start, -2 * start], 3, -1.5 * start),
    ]
    check_samples(answer, cases)


@grade(EXERCISE, points=1)
def test_samples_to_target_containers(answer, generator):
    """losses as a list or as a tensor"""
    for container in (list, as_tensor, lambda losses: strided(as_tensor(losses))):
        losses = noisy_curve(generator, 9)
        check_samples(answer, [(losses, 12, losses[5] + 1e-9), (losses, 12, losses[7]), (losses, 12, 0.1)], container)


@grade(EXERCISE, points=1)
def test_samples_to_target_arguments(answer, generator):
    """ValueError for empty losses and for a batch size that is not positive"""
    samples = answer.samples_to_target
    start = uniform(generator, 1.0, 2.0)
    samples([start, 0.5 * start], 4, 0.7 * start)
    expect_error(samples, [], 4, start, names=("losses",), what="empty losses")
    expect_error(
        samples, torch.empty(0, dtype=torch.float64), 4, start, names=("losses",), what="an empty tensor of losses"
    )
    expect_error(samples, [start, 0.5 * start], 0, 0.7 * start, names=("batch_size",), what="batch size 0")
    expect_error(samples, [start, 0.5 * start], -8, 0.7 * start, names=("batch_size",), what="batch size -8")
