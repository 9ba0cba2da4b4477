"""Gradient of a minibatch: the exercise and its tests."""

from __future__ import annotations

import numpy as np
import torch

from autograde.bank.inputs import columns_first, normal, strided
from autograde.bank.so_minibatch_gradient.mistakes import logistic_gradient, logistic_mistakes
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import AnswerError, Mistake, expect_close, expect_error

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_1_intuition",
    number=1,
    title="Gradient of a minibatch",
    functions=("minibatch_gradient",),
    difficulty=2,
    minutes=15,
)


def logistic_data(generator, n_rows, dim):
    theta, rows = normal(generator, dim), normal(generator, n_rows, dim)
    labels = torch.where(torch.rand(n_rows, generator=generator) < 0.5, -1.0, 1.0).double()
    labels[0] = -1.0  # some mistakes show on one label only
    labels[-1] = 1.0 if n_rows > 1 else -1.0
    return theta, rows, labels


def check_minibatch(answer, theta, rows, labels, idx, name, **tolerance):
    got = answer.minibatch_gradient(theta, rows, labels, idx)
    mistakes = logistic_mistakes(theta, rows, labels, idx)
    expect_close(got, logistic_gradient(theta, rows, labels, idx), name=name, mistakes=mistakes, **tolerance)


@grade(EXERCISE, points=2)
def test_minibatch_gradient_formula(answer, generator):
    """Gradient of the mean logistic loss over the rows idx"""
    for n_rows, dim, size in [(12, 3, 5), (40, 6, 16)]:
        theta, rows, labels = logistic_data(generator, n_rows, dim)
        idx = torch.randperm(n_rows, generator=generator)[:size]
        name = f"minibatch_gradient(theta, X, y, idx) with N = {n_rows}, d = {dim}, B = {size}"
        check_minibatch(answer, theta, rows, labels, idx, name)


@grade(EXERCISE, points=1)
def test_minibatch_gradient_repeats(answer, generator):
    """A row drawn twice counts twice"""
    theta, rows, labels = logistic_data(generator, 6, 4)
    # One row three times, another twice; then a batch larger than the data.
    first, second, third = torch.randperm(6, generator=generator)[:3].tolist()
    for idx in [[first, second, first, third, first, second], [*range(6), *range(6), first, first, first]]:
        name = "minibatch_gradient(theta, X, y, idx) with repeated rows in idx"
        check_minibatch(answer, theta, rows, labels, torch.tensor(idx), name)


@grade(EXERCISE, points=1, hidden=True)
def test_minibatch_gradient_shapes(answer, generator):
    """One coordinate, one row, all rows in another order"""
    for n_rows, dim, size in [(9, 1, 4), (7, 5, 1), (1, 3, 1), (10, 3, 10), (25, 30, 6)]:
        theta, rows, labels = logistic_data(generator, n_rows, dim)
        idx = torch.randperm(n_rows, generator=generator)[:size]
        name = f"minibatch_gradient(theta, X, y, idx) with N = {n_rows}, d = {dim}, B = {size}"
        check_minibatch(answer, theta, rows, labels, idx, name)


@grade(EXERCISE, points=1, hidden=True)
def test_minibatch_gradient_stable(answer, generator):
    """Finite and accurate for margins up to 1e4"""
    overflow = "exp of a large margin overflows: use a stable form of the sigmoid, as in `torch.sigmoid`"
    # No margin near zero: beside theta of length 4e3 its rounding would be visible in an answer that works in float32.
    for margins in [
        [-1e4, -900.0, -60.0, -40.0, 35.0, 45.0, 800.0, 1e4],  # some rows right, some wrong
        [-1e4, -5e3, -750.0, -720.0],  # all wrong: the weights are one
        [1e4, 5e3, 900.0, 750.0],  # all right: nothing is left
    ]:
        size, dim = len(margins), 4
        theta, rows, labels = logistic_data(generator, size, dim)
        theta = theta * (4e3 / theta.norm())
        # Move each row along theta until its margin is the one wanted.
        wanted = torch.tensor(margins, dtype=torch.float64) * labels
        rows = rows + torch.outer(wanted - rows @ theta, theta) / theta.square().sum()
        idx = torch.randperm(size, generator=generator)
        try:
            got = answer.minibatch_gradient(theta, rows, labels, idx)
        except AnswerError as failure:
            if isinstance(failure.error, OverflowError):
                raise Mistake(f"OverflowError: {overflow}") from None
            raise
        if isinstance(got, (torch.Tensor, np.ndarray)) and not bool(torch.isfinite(torch.as_tensor(got)).all()):
            raise Mistake(f"NaN or infinite: {overflow}")
        x, y = rows[idx], labels[idx]
        exact = y * (x @ theta)

        def clipped(limit, x=x, y=y, exact=exact):
            return ((-y * torch.sigmoid(-exact.clamp(-limit, limit)))[:, None] * x).mean(dim=0)

        def dropped(limit, x=x, y=y, exact=exact):
            return ((-y * torch.sigmoid(-exact) * (exact > -limit))[:, None] * x).mean(dim=0)

        def dead(limit, x=x, y=y, exact=exact):
            return ((-y * torch.sigmoid(-exact) * (exact.abs() <= limit))[:, None] * x).mean(dim=0)

        mistakes = logistic_mistakes(theta, rows, labels, idx)
        for limit in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0):
            mistakes[f"The margin is clamped at {limit:g}, which changes the result: a stable form needs no clamp"] = (
                lambda limit=limit: clipped(limit)
            )
        for limit in (709.0, 88.0, 50.0, 30.0, 20.0, 10.0):
            mistakes[f"Rows with a margin below -{limit:g} are lost (an overflow turned into 0): each must weigh 1"] = (
                lambda limit=limit: dropped(limit)
            )
            mistakes[f"The gradient is zero for rows with a margin beyond {limit:g}, as behind a clamp"] = (
                lambda limit=limit: dead(limit)
            )
        name = "minibatch_gradient(theta, X, y, idx) with margins up to 1e4"
        expect_close(got, logistic_gradient(theta, rows, labels, idx), name=name, mistakes=mistakes, atol=1e-11)


@grade(EXERCISE, points=1)
def test_minibatch_gradient_layouts(answer, generator):
    """float32 input, and views that are not contiguous"""
    theta, rows, labels = logistic_data(generator, 14, 4)
    idx = torch.randint(14, (6,), generator=generator)
    name = "minibatch_gradient(theta, X, y, idx) with strided views"
    check_minibatch(answer, strided(theta), columns_first(rows), strided(labels), strided(idx), name)
    name = "minibatch_gradient(theta, X, y, idx) in float32"
    check_minibatch(answer, theta.float(), rows.float(), labels.float(), idx, name, rtol=1e-4)


@grade(EXERCISE, points=1)
def test_minibatch_gradient_arguments(answer, generator):
    """ValueError for shapes that disagree and for an empty idx"""
    theta, rows, labels = logistic_data(generator, 8, 3)
    idx = torch.tensor([1, 4, 2])
    gradient = answer.minibatch_gradient
    if gradient(theta, rows, labels, idx) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    empty = torch.empty(0, dtype=torch.int64)
    expect_error(gradient, theta, rows, labels, empty, names=("idx",), what="an empty idx")
    expect_error(gradient, theta, rows[:, 0], labels, idx, names=("X", "theta"), what="an X with one dimension")
    expect_error(
        gradient, theta[:2], rows, labels, idx, names=("theta", "X"), what="theta of 2 entries with X of 3 columns"
    )
    expect_error(gradient, theta, rows, labels[:5], idx, names=("y", "X", "labels"), what="5 labels y for 8 rows of X")
