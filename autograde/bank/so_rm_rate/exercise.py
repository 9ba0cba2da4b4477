"""What a 1/t schedule leaves: the exercise and its tests."""

from __future__ import annotations

import torch

from autograde.bank.comparisons import check_numbers, shown
from autograde.bank.inputs import uniform
from autograde.bank.so_rm_rate.mistakes import asymptotic_mistakes, asymptotic_variance
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import AnswerError, Mistake, expect_error

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_4_algorithms_and_dynamics",
    number=4,
    title="What a 1/t schedule leaves",
    functions=("rm_asymptotic_variance",),
    difficulty=3,
    minutes=15,
)


def check_asymptotic(answer, cases):
    """`cases` are tuples (c, lam, noise_var)."""
    results, names = [], []
    for c, lam, noise_var in cases:
        name = shown(
            f"rm_asymptotic_variance({c:.5g}, {lam:.5g}, {noise_var:.5g})", "rm_asymptotic_variance(c, lam, noise_var)"
        )
        side = "2 c lam <= 1: return inf there" if 2 * c * lam <= 1 else "2 c lam > 1: the limit is finite there"
        try:
            got = answer.rm_asymptotic_variance(c, lam, noise_var)
        except AnswerError as failure:
            if isinstance(failure.error, (ZeroDivisionError, ValueError)):
                raise Mistake(f"raised {type(failure.error).__name__} although {side}") from None
            raise
        if got is None and 2 * c * lam <= 1:
            raise Mistake("returned None where 2 c lam <= 1: return float('inf') there")
        results.append(got)
        names.append(name)
    expected = [asymptotic_variance(*case) for case in cases]
    check_numbers(results, expected, [asymptotic_mistakes(*case) for case in cases], names)


def curvature_and_rate(generator, low, high):
    """c and lam with c lam between low and high, neither near 1."""
    lam = uniform(generator, 1.6, 3.0) if torch.rand((), generator=generator) < 0.5 else uniform(generator, 0.3, 0.6)
    return uniform(generator, low, high) / lam, lam


@grade(EXERCISE, points=2)
def test_rm_rate_formula(answer, generator):
    """Above the threshold: c^2 noise_var / (2 c lam - 1)"""
    products = [(1.2, 1.8), (2.2, 4.0), (1.2, 1.8)]
    check_asymptotic(
        answer, [(*curvature_and_rate(generator, *ends), uniform(generator, 1.5, 4.0)) for ends in products]
    )


@grade(EXERCISE, points=1)
def test_rm_rate_below(answer, generator):
    """Below the threshold: inf"""
    products = [(0.1, 0.3), (0.35, 0.45)]
    check_asymptotic(
        answer, [(*curvature_and_rate(generator, *ends), uniform(generator, 1.5, 4.0)) for ends in products]
    )


@grade(EXERCISE, points=1, hidden=True)
def test_rm_rate_threshold(answer, generator):
    """inf on the threshold 2 c lam = 1, finite just above it"""
    noise_var = uniform(generator, 1.5, 4.0)
    # Powers of two: 2 c lam is exactly 1 in any order of multiplication.
    exact = [(2.0**-power, 2.0 ** (power - 1), noise_var) for power in (0, 3, -2)]
    above = [(*curvature_and_rate(generator, low, high), noise_var) for low, high in [(0.55, 0.7), (0.75, 0.95)]]
    check_asymptotic(answer, exact + above)


@grade(EXERCISE, points=1, hidden=True)
def test_rm_rate_parameters(answer, generator):
    """Steep and flat curvature, weak and strong noise"""
    cases = []
    for lam, noise_var in [(uniform(generator, 80.0, 200.0), 1e-3), (uniform(generator, 0.002, 0.008), 50.0)]:
        cases.append((uniform(generator, 0.6, 0.9) / lam, lam, noise_var * uniform(generator, 1.0, 2.0)))
        cases.append((uniform(generator, 5.0, 9.0) / lam, lam, noise_var * uniform(generator, 1.0, 2.0)))
        cases.append((uniform(generator, 0.2, 0.4) / lam, lam, noise_var * uniform(generator, 1.0, 2.0)))
    cases.append((3, 2, 5))
    check_asymptotic(answer, cases)


@grade(EXERCISE, points=1)
def test_rm_rate_arguments(answer, generator):
    """ValueError for a negative noise_var"""
    noise_var = uniform(generator, 1.5, 4.0)
    call = answer.rm_asymptotic_variance
    if call(1.5, 2.5, noise_var) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(call, 1.5, 2.5, -noise_var, names=("noise_var", "noise variance"), what="a negative noise_var")
