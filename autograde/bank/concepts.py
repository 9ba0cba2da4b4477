"""Which concepts an exercise is about, from `course/concepts.toml`, where the link between the two has its home."""

from __future__ import annotations

import functools
from collections import defaultdict
from dataclasses import dataclass

from autograde.sandbox.paths import ROOT
from noisydescent import concepts as course

TABLE = ROOT / "course" / "concepts.toml"


@dataclass(frozen=True)
class Concept:
    """`place` is where it is taught: the path under `course/` of a notebook, and the anchor of a heading in it."""

    name: str
    place: str


@functools.cache
def concepts() -> dict[str, tuple[Concept, ...]]:
    """Exercise id -> its concepts, the latest of the course first.

    Empty where there is no checkout of the course, as on Colab, which has the packages alone.
    """
    if not TABLE.is_file():
        return {}
    found: dict[str, tuple[Concept, ...]] = defaultdict(tuple)
    for row in course.read(TABLE):
        concept = Concept(row.name, f"{row.notebook}#{row.anchor}")
        for exercise_id in row.exercises:
            found[exercise_id] = (concept, *found[exercise_id])
    return dict(found)
