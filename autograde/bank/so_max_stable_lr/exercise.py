"""Noise that sets the speed limit: the exercise and its tests."""

from __future__ import annotations

from autograde.bank.inputs import uniform
from autograde.bank.so_max_stable_lr.mistakes import limit_mistakes, stable_limit
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, expect_close, expect_error, expect_number

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_3_geometry_and_guarantees",
    number=4,
    title="Noise that sets the speed limit",
    functions=("max_stable_lr",),
    difficulty=2,
    minutes=15,
)


def check_limit(answer, lam, batch_size, name):
    expect_number(
        answer.max_stable_lr(lam, batch_size),
        stable_limit(lam, batch_size),
        name=f"max_stable_lr({name})",
        mistakes=limit_mistakes(lam, batch_size),
    )


@grade(EXERCISE, points=2)
def test_max_stable_lr_formula(answer, generator):
    """2 / (lam (1 + 2/B))"""
    for size, low, high in [(5, 0.2, 0.6), (10, 2.0, 5.0), (20, 0.5, 0.9)]:
        lam = uniform(generator, low, high)
        check_limit(answer, lam, size, f"{lam:.3g}, {size}")


@grade(EXERCISE, points=1)
def test_max_stable_lr_one_sample(answer, generator):
    """A single sample a step: a third of the full-batch limit"""
    for low, high in [(0.2, 0.8), (3.0, 7.0)]:
        lam = uniform(generator, low, high)
        check_limit(answer, lam, 1, f"{lam:.3g}, 1")


@grade(EXERCISE, points=1, hidden=True)
def test_max_stable_lr_large_batch(answer, generator):
    """A huge batch: nearly 2/lam; steep and flat problems; whole numbers"""
    check_limit(answer, uniform(generator, 2.0, 5.0), 1024, "lam, 1024")
    check_limit(answer, uniform(generator, 1e3, 4e3), 6, "lam, 6")
    check_limit(answer, uniform(generator, 1e-3, 4e-3), 6, "lam, 6")
    check_limit(answer, 3, 5, "lam, 5")


@grade(EXERCISE, points=1, hidden=True)
def test_max_stable_lr_second_moment(answer, generator):
    """At this rate the mean squared error neither shrinks nor grows"""
    for size in (6, 11, 40):
        lam = uniform(generator, 0.3, 4.0)
        limit = answer.max_stable_lr(lam, size)
        # The number itself is compared first, for a diagnosis; then what it is for.
        name = f"max_stable_lr(lam, {size})"
        expect_number(limit, stable_limit(lam, size), name=name, mistakes=limit_mistakes(lam, size))
        rate = float(limit)
        factor = 1 - 2 * rate * lam + (rate * lam) ** 2 * (1 + 2 / size)
        expect_close(factor, 1.0, name=f"the factor of the mean squared error at {name}", rtol=1e-5)


@grade(EXERCISE, points=1)
def test_max_stable_lr_arguments(answer, generator):
    """ValueError for a batch size below one"""
    lam = uniform(generator, 0.5, 2.0)
    limit = answer.max_stable_lr
    if limit(lam, 4) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    for size in (0, -2, -8):
        expect_error(limit, lam, size, names=("batch_size",), what=f"batch size {size}")
