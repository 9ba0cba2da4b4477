"""Steps and examples on the hyperbola: the exercise and its tests."""

from __future__ import annotations

import torch

from autograde.bank.comparisons import check_numbers, pair_of, shown
from autograde.bank.inputs import minima, uniform
from autograde.bank.so_steps_examples.mistakes import examples_mistakes, examples_needed, steps_mistakes, steps_needed
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import expect_error

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_4_algorithms_and_dynamics",
    number=2,
    title="Steps and examples on the hyperbola",
    functions=("steps_and_examples",),
    difficulty=2,
    minutes=10,
)


def check_hyperbola(answer, cases, parts=("S", "E")):
    """`cases` are tuples (batch, s_min, e_min); `parts` says which entries of the pair are compared."""
    names, pairs = [], []
    for batch, s_min, e_min in cases:
        name = shown(
            f"steps_and_examples({batch:g}, {s_min:.5g}, {e_min:.6g})", "steps_and_examples(batch, s_min, e_min)"
        )
        pairs.append(pair_of(answer.steps_and_examples(batch, s_min, e_min), name, "S", "E"))
        names.append(name)
    for part, expected, mistakes in [
        ("S", steps_needed, steps_mistakes),
        ("E", examples_needed, examples_mistakes),
    ]:
        if part in parts:
            check_numbers(
                [pair["SE".index(part)] for pair in pairs],
                [expected(*case) for case in cases],
                [mistakes(*case) for case in cases],
                [f"{part} of {name}" for name in names],
            )


def hyperbola_cases(generator):
    return [(batch, *minima(generator)) for batch in (8, 32, 200)]


@grade(EXERCISE, points=2)
def test_steps_and_examples_steps(answer, generator):
    """The first number: optimizer steps S"""
    check_hyperbola(answer, hyperbola_cases(generator), parts=("S",))


@grade(EXERCISE, points=2)
def test_steps_and_examples_examples(answer, generator):
    """The second number: examples E"""
    check_hyperbola(answer, hyperbola_cases(generator), parts=("E",))


@grade(EXERCISE, points=1, hidden=True)
def test_steps_and_examples_range(answer, generator):
    """Far below and far above the critical batch size; small minima; whole numbers"""
    s_min, e_min = minima(generator)
    small = uniform(generator, 0.2, 0.8)
    whole = int(torch.randint(101, 300, (1,), generator=generator))
    cases = [
        (1, s_min, e_min),
        (100_000, s_min, e_min),
        (3, small, 7.3 * small),
        (24, whole, 50 * whole + 7),
        (6.5, s_min, e_min),
    ]
    check_hyperbola(answer, cases)


@grade(EXERCISE, points=1)
def test_steps_and_examples_arguments(answer, generator):
    """ValueError for a batch that is not positive"""
    s_min, e_min = minima(generator)
    call = answer.steps_and_examples
    pair_of(call(8, s_min, e_min), "steps_and_examples(batch, s_min, e_min)", "S", "E")
    for bad in (0, -8):
        expect_error(call, bad, s_min, e_min, names=("batch",), what=f"batch {bad}")
