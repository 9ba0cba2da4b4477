"""Empirical risk: the exercise and its tests."""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.bank.inputs import columns_first, normal, strided, uniform
from autograde.bank.so_empirical_risk.mistakes import logistic_risk, risk_mistakes, risk_tensors, unstable_mistakes
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import AnswerError, Mistake, expect_error, expect_number

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_2_formal_definitions",
    number=1,
    title="Empirical risk",
    functions=("empirical_risk",),
    difficulty=2,
    minutes=15,
)


def labelled_data(generator, n_rows, dim):
    """theta, rows and labels of both kinds; entries of theta are of unequal size, so that no norm equals another."""
    theta, rows = normal(generator, dim) + 0.3, normal(generator, n_rows, dim)
    labels = torch.where(torch.rand(n_rows, generator=generator) < 0.6, 1.0, -1.0).double()
    labels[0], labels[-1] = -1.0, 1.0
    return theta, rows, labels


def check_risk(answer, theta, rows, labels, l2, name, rtol=None, **how):
    """Compare; the arguments after `labels` are handed over as `how` says, by default l2 by name."""
    got = answer.empirical_risk(theta, rows, labels, **(how or {"l2": l2}))
    expect_number(
        got,
        logistic_risk(theta, rows, labels, l2),
        name=name,
        mistakes=risk_mistakes(theta, rows, labels, l2, rtol or 1e-6),
        tensors=risk_tensors(theta, rows, labels, l2),
        rtol=rtol,
    )


@grade(EXERCISE, points=2)
def test_empirical_risk_loss(answer, generator):
    """Mean logistic loss, without a penalty"""
    for n_rows, dim in [(9, 4), (31, 7)]:
        theta, rows, labels = labelled_data(generator, n_rows, dim)
        name = f"empirical_risk(theta, X, y) with N = {n_rows}, d = {dim}"
        expect_number(
            answer.empirical_risk(theta, rows, labels),
            logistic_risk(theta, rows, labels, 0.0),
            name=name,
            mistakes=risk_mistakes(theta, rows, labels, 0.0)
            | {
                f"The default of `l2` is 0, not {l2:g}: without a fourth argument there is no penalty": (
                    logistic_risk(theta, rows, labels, l2)
                )
                for l2 in (1.0, 0.1, 0.01, 1e-3, 1e-4)
            },
            tensors=risk_tensors(theta, rows, labels, 0.0),
        )
        check_risk(answer, theta, rows, labels, 0.0, name.replace("y)", "y, l2=0.0)"))


@grade(EXERCISE, points=2)
def test_empirical_risk_penalty(answer, generator):
    """Plus l2/2 norm(theta)^2"""
    for n_rows, dim in [(8, 3), (23, 5)]:
        theta, rows, labels = labelled_data(generator, n_rows, dim)
        l2 = uniform(generator, 0.3, 0.8)
        check_risk(answer, theta, rows, labels, l2, f"empirical_risk(theta, X, y, l2={l2:.3g}) with N = {n_rows}")
    theta, rows, labels = labelled_data(generator, 6, 4)
    check_risk(answer, theta, rows, labels, 3, "empirical_risk(theta, X, y, l2=3)")


@grade(EXERCISE, points=1, hidden=True)
def test_empirical_risk_shapes(answer, generator):
    """One coordinate, one row, more columns than rows, one class only"""
    for n_rows, dim in [(7, 1), (1, 4), (5, 12)]:
        theta, rows, labels = labelled_data(generator, n_rows, dim)
        l2 = uniform(generator, 0.05, 0.2)
        name = f"empirical_risk(theta, X, y, l2) with N = {n_rows}, d = {dim}"
        check_risk(answer, theta, rows, labels, l2, name)
    theta, rows, labels = labelled_data(generator, 10, 3)
    for sign in (1.0, -1.0):
        name = f"empirical_risk(theta, X, y, l2) with all labels {sign:+g}"
        check_risk(answer, theta, rows, torch.full_like(labels, sign), 0.25, name)


@grade(EXERCISE, points=1)
def test_empirical_risk_stable(answer, generator):
    """Finite and accurate for margins up to 1e4"""
    overflow = "exp of a large number overflows, or log of 0 is taken: use a stable form such as `torch.logaddexp`"
    for wanted in [
        [-1e4, -900.0, -120.0, -60.0, 25.0, 45.0, 800.0, 1e4],  # rows of both kinds
        [-1e4, -5e3, -750.0, -95.0, -720.0],  # all wrong: the loss is minus the margin
        [1e4, 5e3, 900.0, 750.0, 120.0],  # all right: nothing is left
    ]:
        theta, rows, labels = labelled_data(generator, len(wanted), 4)
        theta = theta * (400.0 / theta.norm())
        l2 = uniform(generator, 1e-3, 4e-3)
        # Move each row along theta until its margin is the one wanted.
        wanted = torch.tensor(wanted, dtype=torch.float64)
        rows = rows + torch.outer(wanted * labels - rows @ theta, theta) / theta.square().sum()
        try:
            got = answer.empirical_risk(theta, rows, labels, l2=l2)
        except AnswerError as failure:
            # math.log(0.0) raises a ValueError, math.exp of a large number an OverflowError.
            if isinstance(failure.error, (OverflowError, ValueError)):
                raise Mistake(f"{type(failure.error).__name__}: {overflow}") from None
            raise
        if type(got) in (float, np.float64, torch.Tensor) and not math.isfinite(torch.as_tensor(got).double().sum()):
            raise Mistake(f"NaN or infinite: {overflow}")
        margins = labels * (rows @ theta)
        penalty = 0.5 * l2 * theta.square().sum()
        expect_number(
            got,
            logistic_risk(theta, rows, labels, l2),
            name="empirical_risk(theta, X, y, l2) with margins up to 1e4",
            mistakes=unstable_mistakes(margins, labels, penalty) | risk_mistakes(theta, rows, labels, l2),
            tensors=risk_tensors(theta, rows, labels, l2),
        )


@grade(EXERCISE, points=1)
def test_empirical_risk_layouts(answer, generator):
    """float32 input, views that are not contiguous, l2 without its name"""
    theta, rows, labels = labelled_data(generator, 13, 4)
    name = "empirical_risk(theta, X, y, l2) with strided views"
    check_risk(answer, strided(theta), columns_first(rows), strided(labels), 0.3, name)
    name = "empirical_risk(theta, X, y, l2) in float32"
    check_risk(answer, theta.float(), rows.float(), labels.float(), 0.3, name, rtol=1e-4)
    expect_number(
        answer.empirical_risk(theta, rows, labels, 0.7),
        logistic_risk(theta, rows, labels, 0.7),
        name="empirical_risk(theta, X, y, 0.7)",
        mistakes=risk_mistakes(theta, rows, labels, 0.7),
    )


@grade(EXERCISE, points=1)
def test_empirical_risk_arguments(answer, generator):
    """ValueError for shapes that disagree and for no rows"""
    theta, rows, labels = labelled_data(generator, 8, 3)
    risk = answer.empirical_risk
    if risk(theta, rows, labels, l2=0.1) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(risk, theta, rows[:, 0], labels, names=("X", "theta"), what="an X with one dimension")
    expect_error(risk, theta[:2], rows, labels, names=("theta", "X"), what="theta of 2 entries with X of 3 columns")
    expect_error(risk, theta, rows, labels[:5], names=("y", "X", "labels"), what="5 labels y for 8 rows of X")
    expect_error(risk, theta, rows[:0], labels[:0], names=("X", "y"), what="an X without rows")
