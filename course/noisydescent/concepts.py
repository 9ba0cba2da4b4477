"""The concepts of the course: where each is taught, measured, quizzed and graded, and what it needs first."""

from __future__ import annotations

from pathlib import Path

import msgspec

from noisydescent.toml_files import Text, parse


class Concept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One concept. `notebook` is relative to the folder of concepts.toml, `anchor` a heading of it as links write it,
    `metric` the dotted name of what logs it; `questions` and `exercises` are ids, `needs` names of earlier concepts."""

    name: Text
    lesson: Text
    notebook: Text
    anchor: Text
    metric: Text
    questions: tuple[Text, ...]
    exercises: tuple[Text, ...]
    needs: tuple[Text, ...]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    concept: tuple[Concept, ...]


def read(path: Path) -> tuple[Concept, ...]:
    """The concepts in a concepts.toml, in the order of the course.

    Raises ValueError, naming the file and the concept, for the first thing that is missing or wrong.
    """
    return parse(path.read_text(encoding="utf-8"), _File, path.name).concept
