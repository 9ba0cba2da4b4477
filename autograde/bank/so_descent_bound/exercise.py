"""Descent lemma with noise: the exercise and its tests."""

from __future__ import annotations

from autograde.bank.inputs import uniform
from autograde.bank.so_descent_bound.mistakes import descent_mistakes, lemma
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, expect_error, expect_number

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_3_geometry_and_guarantees",
    number=2,
    title="Descent lemma with noise",
    functions=("descent_bound",),
    difficulty=2,
    minutes=10,
)


def check_descent(answer, f, grad_sq, lr, L, cov_trace, batch_size, name):
    expect_number(
        answer.descent_bound(f, grad_sq, lr, L, cov_trace, batch_size),
        lemma(f, grad_sq, lr, L, cov_trace, batch_size),
        name=f"descent_bound(f, grad_sq, lr, L, cov_trace, batch_size) with {name}",
        mistakes=descent_mistakes(f, grad_sq, lr, L, cov_trace, batch_size),
    )


def point(generator):
    """f, grad_sq, L, cov_trace: none of them near one, where a square would not show."""
    return uniform(generator, 3, 6), uniform(generator, 2, 4), uniform(generator, 5, 9), uniform(generator, 20, 50)


@grade(EXERCISE, points=2)
def test_descent_bound_formula(answer, generator):
    """f - lr (1 - lr L/2) grad_sq + lr^2 L/2 cov_trace/B"""
    for size in (4, 9, 30):
        f, grad_sq, L, trace = point(generator)
        lr = uniform(generator, 0.2, 0.8) / L
        check_descent(answer, f, grad_sq, lr, L, trace, size, f"B = {size}")


@grade(EXERCISE, points=1)
def test_descent_bound_noise(answer, generator):
    """Where the gradient is zero, noise alone raises the bound"""
    for size in (1, 12):
        f, _, L, trace = point(generator)
        lr = uniform(generator, 0.2, 0.8) / L
        check_descent(answer, f, 0.0, lr, L, trace, size, f"grad_sq = 0, B = {size}")


@grade(EXERCISE, points=1)
def test_descent_bound_noiseless(answer, generator):
    """Without noise: the deterministic lemma, whatever the batch size"""
    for size in (1, 25):
        f, grad_sq, L, _ = point(generator)
        lr = uniform(generator, 0.3, 0.9) / L
        check_descent(answer, f, grad_sq, lr, L, 0.0, size, f"cov_trace = 0, B = {size}")


@grade(EXERCISE, points=2, hidden=True)
def test_descent_bound_large_rates(answer, generator):
    """Rates beyond 1/L and beyond 2/L, an objective below zero, whole numbers, arguments by name"""
    for factor, size in [(1.5, 6), (2.6, 5), (2.6, 3)]:
        f, grad_sq, L, trace = point(generator)
        lr = factor * uniform(generator, 0.95, 1.05) / L
        check_descent(answer, f, grad_sq, lr, L, trace, size, "lr above 1/L" if factor < 2 else "lr above 2/L")
    f, grad_sq, L, trace = point(generator)
    check_descent(answer, -2 * f, grad_sq, 0.4 / L, L, trace, 7, "f below zero")
    check_descent(answer, 11, 3, 2, 5, 7, 3, "whole numbers")
    named = {"f": f, "grad_sq": grad_sq, "lr": 0.6 / L, "L": L, "cov_trace": trace, "batch_size": 13}
    expect_number(
        answer.descent_bound(**named),
        lemma(**named),
        name="descent_bound(f=.., grad_sq=.., lr=.., L=.., cov_trace=.., batch_size=..)",
        mistakes=descent_mistakes(**named),
    )


@grade(EXERCISE, points=1)
def test_descent_bound_arguments(answer, generator):
    """ValueError for a batch size below one, a negative lr and a negative cov_trace"""
    f, grad_sq, L, trace = point(generator)
    bound = answer.descent_bound
    if bound(f, grad_sq, 0.5 / L, L, trace, 4) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    for size in (0, -2):
        expect_error(bound, f, grad_sq, 0.5 / L, L, trace, size, names=("batch_size",), what=f"batch size {size}")
    expect_error(bound, f, grad_sq, -0.01, L, trace, 4, names=("lr", "learning rate"), what="lr = -0.01")
    expect_error(bound, f, grad_sq, 0.5 / L, L, -trace, 4, names=("cov_trace",), what="a negative cov_trace")
