"""Right and wrong answers to an exercise, with which its tests are tested; the folder of each exercise holds them.

`right_*.py` are right answers in several styles. `wrong.py` is a table of patches on them, `WRONG`: name -> `Patch`. A
wrong answer that is no small patch is a file `wrong_*.py`; its first line, a comment, says what the messages must name:

    # names: phrase | other phrase
"""

from __future__ import annotations

import importlib
import itertools
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograde.bank import folder_of


@dataclass(frozen=True)
class Patch:
    """A wrong answer that differs little from a right one.

    `on` is the name of the right answer's file, without its ending. `changes` maps old lines to new ones: whole lines,
    one or several, each of which must occur exactly once in the right answer. How far they are indented in the table
    makes no difference: the new lines are put where the old ones were. `names` is what the messages must name: phrases
    between `|`, one of which must occur.
    """

    on: str
    changes: Mapping[str, str]
    names: str


@dataclass(frozen=True)
class KnownAnswer:
    """One answer: `name` is that of its file or patch; `promise` says what the messages for a wrong one must name."""

    name: str
    right: bool
    source: str
    promise: str = ""


def known_answers(exercise_id: str) -> list[KnownAnswer]:
    """All answers of the bank to this exercise, the right ones first, each kind by name.

    Raises ValueError when a patch does not fit.
    """
    folder = folder_of(exercise_id)
    right, wrong = files(folder, right=True), files(folder, right=False) + patched(exercise_id, folder)
    return right + sorted(wrong, key=lambda answer: answer.name.removeprefix("wrong_"))


def first_answer(exercise_id: str, right: bool) -> KnownAnswer:
    """The first right, or the first wrong, answer of the bank. Raises ValueError when there is none."""
    for answer in known_answers(exercise_id):
        if answer.right == right:
            return answer
    raise ValueError(f"there is no {'right' if right else 'wrong'} answer to {exercise_id} in {folder_of(exercise_id)}")


def files(folder: Path, right: bool) -> list[KnownAnswer]:
    """The answers `right_*.py`, or `wrong_*.py`, of a folder."""
    found = []
    for path in sorted(folder.glob("right_*.py" if right else "wrong_*.py")):
        source = path.read_text(encoding="utf-8")
        if right:
            found.append(KnownAnswer(path.name, True, source))
        else:
            first, _, rest = source.partition("\n")
            found.append(KnownAnswer(path.name, False, rest if first.startswith("#") else source, first.strip("# ")))
    return found


def patched(exercise_id: str, folder: Path) -> list[KnownAnswer]:
    """The answers of `wrong.py` in the folder of an exercise of the bank."""
    if not (folder / "wrong.py").is_file():
        return []
    table = importlib.import_module(f"autograde.bank.{folder.name}.wrong").WRONG
    rights = {answer.name.removesuffix(".py"): answer.source for answer in files(folder, right=True)}
    found = []
    for name, patch in table.items():
        try:
            if patch.on not in rights:
                raise ValueError(f"there is no {patch.on}.py; there are: {', '.join(rights)}")
            source = apply(patch.changes, rights[patch.on], patch.on)
        except ValueError as error:
            raise ValueError(f"{exercise_id}, wrong answer {name!r}: {error}") from None
        found.append(KnownAnswer(name, False, source, f"names: {patch.names}"))
    return found


def apply(changes: Mapping[str, str], source: str, name: str) -> str:
    """`source` with old lines replaced by new ones.

    Raises ValueError when old lines do not occur exactly once or overlap.
    """
    lines = source.splitlines()
    places = []
    for old, new in changes.items():
        block = without_indent(old)
        found = [
            start
            for start in range(len(lines))
            if without_indent("\n".join(lines[start : start + len(block)])) == block
        ]
        if len(found) != 1:
            raise ValueError(f"these lines must occur once in {name}.py, not {len(found)} times:\n{old}")
        (start,) = found
        indent = margin("\n".join(lines[start : start + len(block)]))
        # Where both are blocks indented alike, new lines may stand further in than the old ones.
        fresh = without_indent(new, min(margin(old), margin(new)) or margin(new))
        text = textwrap.indent("\n".join(fresh), " " * indent)
        places.append((start, start + len(block), text.splitlines()))
    places.sort()
    for (_, end, _), (start, _, _) in itertools.pairwise(places):
        if start < end:
            raise ValueError(f"two changes meet at line {start + 1} of {name}.py: make one of them")
    for start, end, new in reversed(places):
        lines[start:end] = new
    return "\n".join(lines) + "\n"


def without_indent(text: str, width: int | None = None) -> list[str]:
    """The lines of `text`, `width` characters narrower (by default their margin), without empty ones at both ends."""
    width = margin(text) if width is None else width
    return [line[width:].rstrip() for line in text.strip("\n").rstrip().splitlines()]


def margin(text: str) -> int:
    """The width of the indentation that all lines have in common, empty ones aside."""
    return min((len(line) - len(line.lstrip()) for line in text.splitlines() if line.strip()), default=0)
