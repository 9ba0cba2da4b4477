"""Fitting the critical batch size: the exercise and its tests."""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.bank.comparisons import near, pair_of
from autograde.bank.inputs import minima, strided, uniform
from autograde.bank.so_fit_critical_batch.mistakes import fit_mistakes, fitted
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, expect_close, expect_error

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_4_algorithms_and_dynamics",
    number=3,
    title="Fitting the critical batch size",
    functions=("fit_critical_batch",),
    difficulty=3,
    minutes=20,
)


def check_fit(answer, batches, steps, name, container=list, rtol=1e-4):
    """Compare both estimates; `batches` and `steps` are lists, `container` makes of a list what the answer gets.

    Least squares in float32 loses digits in the intercept in proportion to the largest S, hence `atol` and `rtol`.
    """
    x, y = container(batches), container(steps)
    got = pair_of(answer.fit_critical_batch(x, y), name, "s_min", "e_min")
    x, y = (torch.as_tensor(values, dtype=torch.float64) for values in (x, y))
    expected = fitted(x, y)
    scale = torch.stack([torch.maximum(expected[0].abs(), y.max() / 100), expected[1].abs()])
    parts = []
    for part, value, want in zip(("s_min", "e_min"), got, expected, strict=True):
        # With any value in tolerance, `expect_close` checks no more than that it is a number.
        label = f"{part} of {name}"
        if isinstance(value, (torch.Tensor, np.ndarray)) and value.ndim > 0:
            expect_close(value, want.item(), name=label)
        if not near(value, math.nan):
            expect_close(value, want.item(), name=label, rtol=math.inf, atol=math.inf)
        parts.append(float(value))
    mistakes = {sentence: (lambda value=value: value() / scale) for sentence, value in fit_mistakes(x, y).items()}
    have = torch.tensor(parts, dtype=torch.float64)
    try:
        expect_close(have / scale, expected / scale, name=name, mistakes=mistakes, rtol=0.0, atol=rtol)
    except Mistake as mistake:
        if str(mistake) in mistakes:
            raise
        for part, value, want, size in zip(("s_min", "e_min"), parts, expected.tolist(), scale.tolist(), strict=True):
            expect_close(value, want, name=f"{part} of {name}", rtol=0.0, atol=rtol * size)
        raise


def measured(generator, batches, noise):
    """Steps to target at each of `batches`: on a hyperbola, and `noise` relative to it."""
    s_min, e_min = minima(generator)
    steps = []
    for batch in batches:
        error = noise * (2 * torch.rand((), generator=generator, dtype=torch.float64).item() - 1)
        steps.append((s_min + e_min / batch) * (1 + error))
    return steps


@grade(EXERCISE, points=2)
def test_fit_critical_batch_exact(answer, generator):
    """Exact where the measurements lie on a hyperbola"""
    for batches in ([8, 16, 32, 64, 128], [6, 20, 50], [10, 300]):
        steps = measured(generator, batches, 0.0)
        name = f"fit_critical_batch({batches}, steps) with steps on a hyperbola"
        check_fit(answer, batches, steps, name, rtol=1e-5)


@grade(EXERCISE, points=2)
def test_fit_critical_batch_noisy(answer, generator):
    """Ordinary least squares of S on 1/B where the measurements are noisy"""
    for batches in ([8, 16, 32, 64, 128, 256], [5, 12, 40, 90]):
        steps = measured(generator, batches, 0.15)
        name = f"fit_critical_batch({batches}, steps) with noisy steps"
        check_fit(answer, batches, steps, name)


@grade(EXERCISE, points=2, hidden=True)
def test_fit_critical_batch_runs(answer, generator):
    """Several runs at a batch size, runs in any order, an estimate below zero"""
    for batches in ([64, 8, 8, 128, 16, 8, 64, 32], [20, 160, 40, 5, 80], [4, 9, 4, 4]):
        steps = measured(generator, batches, 0.2)
        check_fit(answer, batches, steps, "fit_critical_batch(batches, steps) with noisy steps")
    # Steps that fall faster than 1/B: the line crosses zero before the largest batch.
    batches = [8, 16, 32, 64]
    level = uniform(generator, 300.0, 500.0)
    steps = [level * (8 / batch) ** 1.5 + 0.2 * level * (8 / batch - 0.4) for batch in batches]
    check_fit(answer, batches, steps, "fit_critical_batch(batches, steps) with a negative least-squares intercept")


@grade(EXERCISE, points=1)
def test_fit_critical_batch_containers(answer, generator):
    """Lists of whole numbers, tensors, views that are not contiguous, float32"""

    def whole(values):
        return [round(value) for value in values]

    def whole_tensor(values):
        return torch.tensor(whole(values))

    def double(values):
        return torch.tensor(values, dtype=torch.float64)

    batches = [8, 24, 48, 96, 200]
    for container, text, rtol in [
        (whole, "lists of whole numbers", 1e-4),
        (whole_tensor, "tensors of whole numbers", 1e-4),
        (double, "float64 tensors", 1e-4),
        (lambda values: strided(double(values)), "strided tensors", 1e-4),
        (lambda values: double(values).float(), "float32 tensors", 1e-3),
    ]:
        steps = measured(generator, batches, 0.15)
        name = f"fit_critical_batch(batches, steps) with {text}"
        check_fit(answer, batches, steps, name, container=container, rtol=rtol)


@grade(EXERCISE, points=1)
def test_fit_critical_batch_arguments(answer, generator):
    """ValueError for lengths that differ and for batch sizes that are not positive"""
    steps = measured(generator, [8, 16, 32], 0.1)
    fit = answer.fit_critical_batch
    pair_of(fit([8, 16, 32], steps), "fit_critical_batch(batches, steps)", "s_min", "e_min")
    both = ("steps", "batches", "length")
    expect_error(fit, [8, 16, 32, 64], steps, names=both, what="4 batches with 3 steps")
    expect_error(fit, [8, 16], steps, names=both, what="2 batches with 3 steps")
    expect_error(fit, [8, 0, 32], steps, names=("batches", "batch"), what="a batch size of 0")
    expect_error(fit, [8, -16, 32], steps, names=("batches", "batch"), what="a batch size of -16")
