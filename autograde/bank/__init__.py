"""The bank of exercises: a folder each, and beside the folders what several of them use.

The folder `so_svrg` holds all about the exercise so-svrg:

- `exercise.py`: `EXERCISE`, and the pytest functions that grade it;
- `mistakes.py`: the reference, and what typical mistakes return on the same input, as tables: sentence for the learner
  -> the value that this mistake gives (or a function that computes it). The first sentence that matches is shown, so
  the likelier comes first;
- `right_*.py`, `wrong.py` and `wrong_*.py`: answers that the tests themselves are tested with, see
  `autograde.bank.answers`.

Every input is drawn from `generator`, and expected values are closed forms or replays of the same recursion: unless
the docstring of an exercise says otherwise, no test is stochastic beyond its seeded inputs, and the probability that
a right answer fails is zero.
"""

from __future__ import annotations

import difflib
import functools
import importlib
from pathlib import Path

from autograde.judge.exercise import Exercise

FOLDER = Path(__file__).resolve().parent


def ids() -> list[str]:
    """The ids of all exercises, in alphabetical order; nothing is imported for this."""
    return sorted(path.parent.name.replace("_", "-") for path in FOLDER.glob("*/exercise.py"))


def folder_of(exercise_id: str) -> Path:
    """The folder of the exercise with this id."""
    return FOLDER / exercise_id.replace("-", "_")


def find(exercise_id: str) -> Exercise:
    """The exercise with this id. Imports no other. Raises ValueError, with the nearest id, when there is none."""
    known = ids()
    if exercise_id in known:
        return importlib.import_module(f"{__name__}.{folder_of(exercise_id).name}.exercise").EXERCISE
    nearest = difflib.get_close_matches(str(exercise_id), known, n=1, cutoff=0.4)
    hint = f": did you mean {nearest[0]!r}?" if nearest else "; `autograde exercises` lists all of them."
    raise ValueError(f"there is no exercise {exercise_id!r}{hint}")


@functools.cache
def bank() -> dict[str, Exercise]:
    """All exercises by id, notebook by notebook and in the order of each.

    Raises ValueError when two of a notebook have the same number.
    """
    exercises = sorted(map(find, ids()), key=lambda exercise: (exercise.notebook, exercise.number))
    places = {}
    for exercise in exercises:
        other = places.setdefault((exercise.notebook, exercise.number), exercise)
        if other is not exercise:
            raise ValueError(f"{other.id} and {exercise.id} are both number {exercise.number} of {exercise.notebook}")
    return {exercise.id: exercise for exercise in exercises}
