"""Exercises and the points of their tests."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class GradedTest:
    """One pytest function that carries points.

    `title` is what a learner reads; a `hidden` test never shows its inputs or numbers, only the diagnosis.
    """

    name: str
    title: str
    points: float
    hidden: bool
    function: Callable[..., None]


@dataclass(frozen=True)
class Exercise:
    """One exercise: who it is for, which functions the answer defines, and the tests that grade it.

    `number` is its place in `notebook`, counted from 1; `difficulty` goes from 1 to 5; `minutes` is the expected time
    for a learner. Limits: `time_limit` in seconds for one test, `cell_time` in seconds
    for running the cell that answers, `memory` in bytes; where a worker runs the answer they are seconds of processor
    time. `needs` names earlier exercises whose functions this one calls. `tests` is filled by the `grade` decorator, in
    the order of the module.
    """

    id: str
    notebook: str
    number: int
    title: str
    functions: tuple[str, ...]
    difficulty: int
    minutes: int
    time_limit: float = 5.0
    cell_time: float = 15.0
    memory: int = 2**30
    needs: tuple[str, ...] = ()
    tests: dict[str, GradedTest] = field(default_factory=dict, compare=False, repr=False)

    @property
    def max_points(self) -> float:
        return float(sum(test.points for test in self.tests.values()))


def id_of(package: str) -> str:
    """The id of the exercise in that package: "autograde.bank.so_svrg" -> "so-svrg"."""
    return package.rpartition(".")[2].replace("_", "-")


def grade(exercise: Exercise, points: float, hidden: bool = False) -> Callable[[Callable], Callable]:
    """Decorator: the pytest function is worth `points` of `exercise`.

    The first line of its docstring is the title shown to the learner.
    Raises ValueError when `points` is not a positive number or the exercise already has a test of that name.
    """
    if not (isinstance(points, (int, float)) and math.isfinite(points) and points > 0):
        raise ValueError(f"points must be a positive number, got {points!r}")

    def register(function: Callable) -> Callable:
        name = function.__name__
        if name in exercise.tests:
            raise ValueError(f"{exercise.id} has two tests named {name}")
        title = (inspect.getdoc(function) or name.removeprefix("test_").replace("_", " ")).splitlines()[0].strip()
        exercise.tests[name] = GradedTest(name, title.rstrip("."), float(points), hidden, function)
        return function

    return register
