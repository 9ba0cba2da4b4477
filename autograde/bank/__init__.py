"""The bank of all exercises."""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil

from autograde import graders
from autograde.judge.exercise import Exercise


@functools.cache
def bank() -> dict[str, Exercise]:
    """All exercises by id, in the order of the grader modules. Raises ValueError when an id occurs twice."""
    exercises: dict[str, Exercise] = {}
    for module_info in sorted(pkgutil.iter_modules(graders.__path__), key=lambda info: info.name):
        if not module_info.name.startswith("test_"):
            continue
        module = importlib.import_module(f"{graders.__name__}.{module_info.name}")
        for value in vars(module).values():
            if not isinstance(value, Exercise):
                continue
            if exercises.setdefault(value.id, value) is not value:
                raise ValueError(f"two exercises have the id {value.id}")
    return exercises


def find(exercise_id: str) -> Exercise:
    """The exercise with this id. Raises ValueError, with the nearest id, when there is none."""
    exercises = bank()
    if exercise_id in exercises:
        return exercises[exercise_id]
    nearest = difflib.get_close_matches(str(exercise_id), exercises, n=1, cutoff=0.4)
    hint = f": did you mean {nearest[0]!r}?" if nearest else "; `autograde exercises` lists all of them."
    raise ValueError(f"there is no exercise {exercise_id!r}{hint}")
