"""Scaling the learning rate: the exercise and its tests."""

from __future__ import annotations

import torch

from autograde.bank.comparisons import check_numbers, shown
from autograde.bank.inputs import uniform
from autograde.bank.so_scale_lr.mistakes import scale_mistakes, scaled_rate
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, expect_error

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_4_algorithms_and_dynamics",
    number=1,
    title="Scaling the learning rate",
    functions=("scale_lr",),
    difficulty=1,
    minutes=10,
)


def check_scale(answer, cases):
    """`cases` are tuples (base_lr, base_batch, batch, rule)."""
    results = [answer.scale_lr(*case) for case in cases]
    names = [
        shown(f'scale_lr({lr:.4g}, {base}, {batch}, "{rule}")', f'scale_lr(base_lr, base_batch, batch, "{rule}")')
        for lr, base, batch, rule in cases
    ]
    tables = [scale_mistakes(*case) for case in cases]
    check_numbers(results, [scaled_rate(*case) for case in cases], tables, names)


@grade(EXERCISE, points=2)
def test_scale_lr_linear(answer, generator):
    """Rule "linear": in proportion to the batch size"""
    rates = [uniform(generator, 0.02, 0.3) for _ in range(3)]
    check_scale(answer, [(rates[0], 64, 200, "linear"), (rates[1], 256, 96, "linear"), (rates[2], 30, 1000, "linear")])


@grade(EXERCISE, points=2)
def test_scale_lr_sqrt(answer, generator):
    """Rule "sqrt": in proportion to the square root of the batch size"""
    rates = [uniform(generator, 0.02, 0.3) for _ in range(3)]
    check_scale(answer, [(rates[0], 48, 200, "sqrt"), (rates[1], 300, 96, "sqrt"), (rates[2], 20, 1000, "sqrt")])


@grade(EXERCISE, points=1, hidden=True)
def test_scale_lr_sizes(answer, generator):
    """Small and large batches, the same batch, large and tiny rates"""
    cases = []
    for rule in ("linear", "sqrt"):
        base = int(torch.randint(5, 60, (1,), generator=generator))
        cases += [
            (uniform(generator, 0.02, 0.3), 7 * base, base + 1, rule),
            (uniform(generator, 2e-5, 9e-5), base, 9 * base + 2, rule),
            (uniform(generator, 1.5, 4.0), 1, 5 * base + 1, rule),
            (uniform(generator, 0.02, 0.3), 3 * base, 3 * base, rule),
            (2, base + 3, 11 * base, rule),
        ]
    check_scale(answer, cases)


@grade(EXERCISE, points=1)
def test_scale_lr_arguments(answer, generator):
    """ValueError for an unknown rule and for a batch size that is not positive"""
    rate = uniform(generator, 0.02, 0.3)
    scale = answer.scale_lr
    for rule in ("linear", "sqrt"):
        if scale(rate, 32, 80, rule) is None:
            raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(scale, rate, 32, 80, "constant", names=("rule",), what='rule "constant"')
    expect_error(scale, rate, 32, 80, "cubic", names=("rule",), what='rule "cubic"')
    for rule in ("linear", "sqrt"):
        expect_error(scale, rate, 0, 80, rule, names=("base_batch",), what=f'base_batch 0 with rule "{rule}"')
        expect_error(scale, rate, 32, 0, rule, names=("batch",), what=f'batch 0 with rule "{rule}"')
        expect_error(scale, rate, -32, 80, rule, names=("base_batch",), what=f'base_batch -32 with rule "{rule}"')
        expect_error(scale, rate, 32, -80, rule, names=("batch",), what=f'batch -80 with rule "{rule}"')
