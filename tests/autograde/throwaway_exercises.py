"""Small exercises that exist only to test the engine; its tests import this file by path."""

import torch

from autograde.judge.exercise import Exercise, grade
from autograde.judge.expect import expect_close, expect_equal, expect_error, note


def exercise(name, **options):
    return Exercise(
        id=f"so-{name}", notebook="none", number=1, title=name, functions=("f",), difficulty=1, minutes=1, **options
    )


DOUBLE = exercise("double", time_limit=1.0)
HIDDEN = exercise("hidden")
INPUTS = exercise("inputs")
BUILT = exercise("built")
BROKEN = exercise("broken")
SLOW = exercise("slow", time_limit=1.0)


@grade(DOUBLE, points=2)
def test_double_value(answer, generator):
    """Twice the input.

    Only the first line is shown.
    """
    x = torch.randn(3, generator=generator, dtype=torch.float64)
    expect_close(answer.f(x), 2 * x, name="f(x)", mistakes={"The input is squared": lambda: x * x})


@grade(DOUBLE, points=1)
def test_double_bad_input(answer):
    """A negative number is refused."""
    expect_error(answer.f, -1.0, names=("x",), what="x = -1")


@grade(HIDDEN, points=1, hidden=True)
def test_hidden_value(answer):
    """Hidden inputs."""
    expect_close(answer.f(torch.tensor([31.5, 2.0, 4.0])), torch.tensor([63.0, 4.0, 8.0]), name="f(x)")


@grade(INPUTS, points=1)
def test_inputs_are_recorded(answer, generator, seed):
    """Inputs come from the seed."""
    answer.f(torch.randn(2, generator=generator).tolist(), seed, torch.rand(()).item())


@grade(INPUTS, points=1)
def test_inputs_nested(answer):
    """Lists and dicts of tensors stay as they were."""
    answer.f([torch.ones(2), {"w": torch.zeros(2)}], 0, 0)


@grade(BUILT, points=1)
def test_built_function(answer):
    """A function that returns a function."""
    expect_close(answer.f(3.0)(4.0), 12.0, name="f(3)(4)")


@grade(BROKEN, points=1)
def test_broken_grader(answer):
    """The test itself trips over the result."""
    answer.f(1.0).no_such_attribute()


@grade(BROKEN, points=1)
def test_broken_next(answer):
    """A test after it still runs."""
    note("this one ran")
    expect_equal(answer.f(1.0), 1, name="f(1)")


@grade(SLOW, points=1)
def test_slow_first(answer):
    """An endless loop."""
    answer.f(1)


@grade(SLOW, points=1)
def test_slow_second(answer):
    """A quick one after it."""
    answer.f(0)
