"""A guarantee for the distance: the exercise and its tests."""

from __future__ import annotations

from autograde.bank.inputs import uniform
from autograde.bank.so_strongly_convex_bound.mistakes import distance_bound, distance_mistakes
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, expect_error, expect_number

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_3_geometry_and_guarantees",
    number=5,
    title="A guarantee for the distance",
    functions=("strongly_convex_bound",),
    difficulty=2,
    minutes=10,
)


def check_distance(answer, d0_sq, lr, mu, noise_trace, batch_size, steps, name):
    expect_number(
        answer.strongly_convex_bound(d0_sq, lr, mu, noise_trace, batch_size, steps),
        distance_bound(d0_sq, lr, mu, noise_trace, batch_size, steps),
        name=f"strongly_convex_bound(d0_sq, lr, mu, noise_trace, batch_size, steps) with {name}",
        mistakes=distance_mistakes(d0_sq, lr, mu, noise_trace, batch_size, steps),
    )


def convex_run(generator):
    """d0_sq, lr, mu, noise_trace: a floor and a start that both show after a few steps."""
    mu = uniform(generator, 0.3, 0.7)
    return uniform(generator, 6.0, 12.0), uniform(generator, 0.15, 0.4), mu, uniform(generator, 8.0, 20.0)


@grade(EXERCISE, points=2)
def test_strongly_convex_bound_formula(answer, generator):
    """(1 - lr mu)^t d0_sq + lr noise_trace / (mu B)"""
    for size, steps in [(4, 3), (7, 9), (12, 5)]:
        check_distance(answer, *convex_run(generator), size, steps, f"B = {size}, steps = {steps}")


@grade(EXERCISE, points=1)
def test_strongly_convex_bound_noiseless(answer, generator):
    """Without noise the start fades geometrically"""
    d0_sq, lr, mu, _ = convex_run(generator)
    for steps in (4, 10):
        check_distance(answer, d0_sq, lr, mu, 0.0, 5, steps, f"noise_trace = 0, steps = {steps}")


@grade(EXERCISE, points=1)
def test_strongly_convex_bound_ends(answer, generator):
    """No step, many steps, a start at the optimum"""
    d0_sq, lr, mu, noise = convex_run(generator)
    check_distance(answer, d0_sq, lr, mu, noise, 6, 0, "steps = 0")
    check_distance(answer, d0_sq, lr, mu, noise, 6, 5000, "steps = 5000")
    check_distance(answer, 0.0, lr, mu, noise, 6, 7, "d0_sq = 0")


@grade(EXERCISE, points=2, hidden=True)
def test_strongly_convex_bound_large_rates(answer, generator):
    """lr mu above one, after an even and an odd number of steps; a batch of one; whole numbers"""
    d0_sq, _, mu, noise = convex_run(generator)
    for steps in (3, 4, 1):
        # Far enough above one that no power of 1 - lr mu fades beside the floor.
        lr = uniform(generator, 1.65, 1.9) / mu
        check_distance(answer, d0_sq, lr, mu, noise, 5, steps, "lr mu above one")
    d0_sq, lr, mu, noise = convex_run(generator)
    check_distance(answer, d0_sq, lr, 6 * mu, noise, 1, 2, "B = 1")
    check_distance(answer, 7, 0.25, 3, 11, 4, 5, "whole numbers")
    named = {"d0_sq": d0_sq, "lr": lr, "mu": mu, "noise_trace": noise, "batch_size": 9, "steps": 6}
    expect_number(
        answer.strongly_convex_bound(**named),
        distance_bound(**named),
        name="strongly_convex_bound(d0_sq=.., lr=.., mu=.., noise_trace=.., batch_size=.., steps=..)",
        mistakes=distance_mistakes(**named),
    )


@grade(EXERCISE, points=1)
def test_strongly_convex_bound_arguments(answer, generator):
    """ValueError for batch sizes below one, and for negative steps, lr or noise_trace"""
    d0_sq, lr, mu, noise = convex_run(generator)
    bound = answer.strongly_convex_bound
    if bound(d0_sq, lr, mu, noise, 4, 3) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    for size in (0, -3):
        expect_error(bound, d0_sq, lr, mu, noise, size, 3, names=("batch_size",), what=f"batch size {size}")
    expect_error(bound, d0_sq, lr, mu, noise, 4, -1, names=("steps",), what="steps = -1")
    expect_error(bound, d0_sq, -lr, mu, noise, 4, 3, names=("lr", "learning rate"), what="a negative lr")
    expect_error(bound, d0_sq, lr, mu, -noise, 4, 3, names=("noise_trace",), what="a negative noise_trace")
