"""The knee: critical batch size: the exercise and its tests."""

from __future__ import annotations

import math

import torch

from autograde.bank.inputs import columns_first, gradients, strided
from autograde.bank.so_critical_batch_knee.mistakes import knee_mistakes, noise_to_signal
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import AnswerError, Mistake, expect_close, expect_error, expect_number

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_1_intuition",
    number=5,
    title="The knee: critical batch size",
    functions=("simple_critical_batch",),
    difficulty=2,
    minutes=10,
)


def check_knee(answer, per_sample, **tolerance):
    n_rows, dim = per_sample.shape
    g = per_sample.double()
    mean = g.mean(dim=0)
    variances = (g - mean).square().mean(dim=0)
    expect_number(
        answer.simple_critical_batch(per_sample),
        noise_to_signal(per_sample),
        name=f"simple_critical_batch(per_sample) with N = {n_rows}, d = {dim}",
        mistakes=knee_mistakes(per_sample),
        tensors={
            "One ratio a coordinate, shape (d,), came back: sum the variances and the squares first, then divide": (
                variances / mean.square()
            ),
            "One number a coordinate, shape (d,), came back: the trace is the sum of the variances": (
                variances / mean.square().sum()
            ),
            "The whole covariance matrix (d, d) is divided by the squared norm: take its trace first": (
                (g - mean).T @ (g - mean) / n_rows / mean.square().sum()
            ),
        },
        **tolerance,
    )


@grade(EXERCISE, points=2)
def test_critical_batch_formula(answer, generator):
    """tr(Cov) / norm(mean)^2 with the population covariance"""
    for n_rows, dim in [(8, 3), (20, 6), (5, 4)]:
        check_knee(answer, gradients(generator, n_rows, dim))


@grade(EXERCISE, points=1, hidden=True)
def test_critical_batch_shapes(answer, generator):
    """One coordinate, many coordinates, large and small gradients"""
    for n_rows, dim, scale in [(9, 1, 1.0), (3, 25, 1.0), (12, 4, 100.0), (12, 4, 1e-3)]:
        check_knee(answer, gradients(generator, n_rows, dim, scale))


@grade(EXERCISE, points=1)
def test_critical_batch_extremes(answer, generator):
    """A zero mean gradient gives inf, rows that all agree give 0"""
    # Whole numbers in pairs of opposite sign: the mean is exactly zero in any order of summation.
    half = torch.randint(1, 9, (4, 3), generator=generator).double()
    expected = "The mean gradient is zero: return float('inf')"
    try:
        got = answer.simple_critical_batch(torch.cat([half, -half]))
    except AnswerError as failure:
        if isinstance(failure.error, (ZeroDivisionError, ValueError)):
            raise Mistake(f"{expected} instead of raising {type(failure.error).__name__}") from None
        raise
    if got is None:
        raise Mistake(f"{expected}, not None")
    if type(got) in (float, int) and got != math.inf:
        found = "a large number" if math.isfinite(got) and got > 1e3 else f"{got:.6g}"
        raise Mistake(f"{expected}, not {found}")
    expect_close(got, math.inf, name="simple_critical_batch(per_sample) with mean zero")
    row = torch.randint(1, 9, (1, 4), generator=generator).double()
    single = "With one row the population variance is 0: dividing by N - 1 = 0 gives NaN"
    mistakes = {single: math.nan}
    for per_sample, name in [
        (row.repeat(4, 1), "simple_critical_batch(per_sample) with four equal rows"),
        (row, "simple_critical_batch(per_sample) with one row"),
    ]:
        table = mistakes if len(per_sample) == 1 else {}
        got = answer.simple_critical_batch(per_sample)
        expect_close(got, 0.0, name=name, mistakes=table | knee_mistakes(per_sample), atol=1e-6)


@grade(EXERCISE, points=1)
def test_critical_batch_layouts(answer, generator):
    """float32 input, and views that are not contiguous"""
    per_sample = gradients(generator, 13, 3)
    check_knee(answer, columns_first(per_sample))
    check_knee(answer, strided(per_sample))
    check_knee(answer, per_sample.float(), rtol=1e-4)


@grade(EXERCISE, points=1)
def test_critical_batch_arguments(answer, generator):
    """ValueError for a per_sample that is not a matrix with rows"""
    per_sample = gradients(generator, 6, 3)
    knee = answer.simple_critical_batch
    if knee(per_sample) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(knee, per_sample[0], names=("per_sample",), what="a per_sample with one dimension")
    expect_error(knee, per_sample[None], names=("per_sample",), what="a per_sample with three dimensions")
    expect_error(knee, per_sample[:0], names=("per_sample",), what="a per_sample without rows")
