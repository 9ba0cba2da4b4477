"""Gradient variance: the exercise and its tests."""

from __future__ import annotations

import math

from autograde.bank.inputs import columns_first, gradients, strided
from autograde.bank.so_gradient_variance.mistakes import minibatch_variance, variance_mistakes, variance_tensors
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, expect_error, expect_number

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_1_intuition",
    number=2,
    title="Gradient variance",
    functions=("gradient_variance",),
    difficulty=2,
    minutes=15,
)


def check_variance(answer, per_sample, batch_size, replacement, rtol=None):
    n_rows, dim = per_sample.shape
    got = answer.gradient_variance(per_sample, batch_size, replacement=replacement)
    mistakes = variance_mistakes(per_sample, batch_size, replacement)
    try:
        expect_number(
            got,
            minibatch_variance(per_sample, batch_size, replacement),
            name=f"gradient_variance(per_sample, {batch_size}, replacement={replacement}) with N = {n_rows}, d = {dim}",
            mistakes=mistakes,
            tensors=variance_tensors(per_sample, batch_size, replacement),
            rtol=rtol,
        )
    except Mistake as mistake:
        again = answer.gradient_variance(per_sample, batch_size, replacement=replacement)
        different = type(got) is type(again) is float and got != again and math.isfinite(got)
        if str(mistake) not in mistakes and different:
            raise Mistake(
                "Two equal calls differ: minibatches are drawn at random where a formula is asked for"
            ) from None
        raise


@grade(EXERCISE, points=2)
def test_gradient_variance_with_replacement(answer, generator):
    """With replacement: trace of the population covariance over B"""
    for n_rows, dim, size in [(10, 3, 4), (24, 5, 7), (6, 2, 20)]:
        check_variance(answer, gradients(generator, n_rows, dim), size, True)
    per_sample = gradients(generator, 10, 3)
    expect_number(
        answer.gradient_variance(per_sample, 4),
        minibatch_variance(per_sample, 4, True),
        name="gradient_variance(per_sample, 4), where replacement is True by default",
        mistakes={
            "The default of `replacement` is True: without the third argument draws are with replacement": (
                minibatch_variance(per_sample, 4, False)
            )
        }
        | variance_mistakes(per_sample, 4, True),
    )


@grade(EXERCISE, points=2)
def test_gradient_variance_without_replacement(answer, generator):
    """Without replacement: times (N - B)/(N - 1)"""
    for n_rows, dim, size in [(10, 3, 4), (24, 5, 7), (9, 2, 8)]:
        check_variance(answer, gradients(generator, n_rows, dim), size, False)


@grade(EXERCISE, points=1, hidden=True)
def test_gradient_variance_edges(answer, generator):
    """Batch of one, the whole data set, a single row, a single coordinate"""
    per_sample = gradients(generator, 7, 3)
    for size, replacement in [(1, True), (1, False), (7, True)]:
        check_variance(answer, per_sample, size, replacement)
    expect_number(
        answer.gradient_variance(per_sample, 7, replacement=False),
        0.0,
        name="gradient_variance(per_sample, N, replacement=False)",
        mistakes={
            "With B = N and no replacement every batch is the whole data set, so the variance is 0: "
            "the factor (N - B)/(N - 1) is missing": minibatch_variance(per_sample, 7, True)
        }
        | variance_mistakes(per_sample, 7, False),
        atol=1e-6,
    )
    check_variance(answer, gradients(generator, 8, 1), 3, True)
    check_variance(answer, gradients(generator, 8, 1), 3, False)
    for scale in (1e-3, 1e3):
        check_variance(answer, gradients(generator, 12, 4, scale), 5, True)
    single = "With one row the population variance is 0: dividing by N - 1 = 0 gives NaN"
    expect_number(
        answer.gradient_variance(per_sample[:1], 2),
        0.0,
        name="gradient_variance(per_sample, 2) with N = 1",
        mistakes={single: math.nan} | variance_mistakes(per_sample[:1], 2, True),
        atol=1e-6,
    )


@grade(EXERCISE, points=1)
def test_gradient_variance_layouts(answer, generator):
    """float32 input, and views that are not contiguous"""
    per_sample = gradients(generator, 11, 4)
    for replacement in (True, False):
        check_variance(answer, columns_first(per_sample), 3, replacement)
        check_variance(answer, strided(per_sample), 3, replacement)
        check_variance(answer, per_sample.float(), 3, replacement, rtol=1e-4)


@grade(EXERCISE, points=1)
def test_gradient_variance_arguments(answer, generator):
    """ValueError for a batch size that is not positive and for a per_sample that is not a matrix with rows"""
    per_sample = gradients(generator, 6, 3)
    variance = answer.gradient_variance
    if variance(per_sample, 2) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(variance, per_sample, 0, names=("batch_size",), what="batch size 0")
    expect_error(variance, per_sample, -4, names=("batch_size",), what="batch size -4")
    expect_error(variance, per_sample, 0, False, names=("batch_size",), what="batch size 0 without replacement")
    expect_error(variance, per_sample[0], 2, names=("per_sample",), what="a per_sample with one dimension")
    expect_error(variance, per_sample[None], 2, names=("per_sample",), what="a per_sample with three dimensions")
    expect_error(variance, per_sample[:0], 2, names=("per_sample",), what="a per_sample without rows")
