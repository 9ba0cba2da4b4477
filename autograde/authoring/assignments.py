"""The cells of an assignment from the short marks in its source.

The author of `solutions/NOTEBOOK/NOTEBOOK.py` types the text of a statement, the solution, and a mark on each cell:

    # %% [markdown] statement="so-svrg"
    # %% solution="so-svrg"
    # %% locked="setup"

What the bank and course/concepts.toml know is written here: a statement gets its heading and the line with difficulty,
minutes, points and the lesson; a solution is followed by the cell that checks it; and every cell gets nbgrader's
metadata. `locked` cells keep their text and are put back before grading.

The lesson is announced by "lesson: <a>"; `lesson="read first: <a>"` beside `statement` announces it otherwise. In it,
`<a>` becomes a link to the latest concept of the exercise, and `[]` the same in Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import nbformat
from nbformat import NotebookNode

from autograde.bank import find
from autograde.bank.concepts import Concept, concepts
from autograde.judge.exercise import Exercise
from autograde.judge.report import number

MARKS = {"statement": "markdown", "solution": "code", "locked": None}  # kind of cell, None for either
LINE = 140  # characters; a longer line breaks before its link
COURSE = "../../course/"  # from the folder of an assignment


def assemble(cells: Sequence[NotebookNode], notebook: str, exercises: Mapping[str, Exercise]) -> list[NotebookNode]:
    """The cells with their marks replaced; those without marks as they are.

    `exercises` are those of the bank that belong to `notebook`, by id and in order.
    Raises ValueError, with one sentence, for a mark that makes no sense and for an exercise without its cells.
    """
    made: list[NotebookNode] = []
    seen: dict[str, list[str]] = {mark: [] for mark in MARKS}
    for cell in cells:
        found = [mark for mark in MARKS if mark in cell.metadata]
        strange = (
            set(cell.metadata) - set(found) - {"nbgrader", "tags"} - ({"lesson"} if "statement" in found else set())
        )
        if strange or len(found) > 1:
            names = " ".join(f"{name}={cell.metadata[name]!r}" for name in sorted(strange) or found)
            raise ValueError(f"{names}: a cell has one mark of {', '.join(MARKS)}; `lesson` may stand with `statement`")
        if not found:
            made.append(cell)
            continue
        (mark,) = found
        value, lesson = cell.metadata.pop(mark), cell.metadata.pop("lesson", "lesson: <a>")
        if cell.cell_type != (MARKS[mark] or cell.cell_type):
            raise ValueError(f"{mark}={value!r} stands on a {cell.cell_type} cell: it belongs on a {MARKS[mark]} cell")
        if value in seen[mark]:
            raise ValueError(f"{mark}={value!r} occurs twice")
        seen[mark].append(value)
        if mark == "locked":
            made.append(marked(cell, value, locked=True))
            continue
        exercise = find(value)
        if value not in exercises:
            raise ValueError(f"{mark}={value!r}: this exercise belongs to {exercise.notebook}, not to {notebook}")
        if mark == "statement":
            cell.source = f"{heading(exercise, lesson)}\n\n{cell.source}"
            made.append(marked(cell, f"{value}-statement", locked=True))
        else:
            check = nbformat.v4.new_code_cell(f'check("{value}")')
            made.append(marked(cell, value, solution=True))
            made.append(marked(check, f"{value}-check", locked=True, points=exercise.max_points))
    for mark in ("statement", "solution"):
        missing = [name for name in exercises if name not in seen[mark]]
        if missing:
            raise ValueError(f"there is no cell {mark}={missing[0]!r}")
        if seen[mark] != list(exercises):
            raise ValueError(f"the {mark}s stand in another order than the numbers in the bank: {', '.join(exercises)}")
    return made


def marked(
    cell: NotebookNode, name: str, locked: bool = False, solution: bool = False, points: float | None = None
) -> NotebookNode:
    """The cell with nbgrader's metadata; with `points` it is one that nbgrader takes points from."""
    cell.metadata["nbgrader"] = {
        "grade": points is not None,
        "grade_id": name,
        "locked": locked,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    if points is not None:
        cell.metadata["nbgrader"]["points"] = int(points) if points == int(points) else points
    return cell


def heading(exercise: Exercise, lesson: str) -> str:
    """The heading of a statement, and the line about the exercise."""
    found = concepts().get(exercise.id)
    if not found:
        raise ValueError(f"{exercise.id} belongs to no concept: enter it into `exercises` of one in concepts.toml")
    lesson = lesson.replace("[]", markdown_link(found[0])).replace("<a>", html_link(found[0]))
    facts = f"Difficulty {exercise.difficulty}/5 · {exercise.minutes} minutes · {number(exercise.max_points)} points"
    line = f"{facts} · {lesson}"
    if len(line) > LINE:
        line = re.sub(r" (?=\[|<a )", "\n", line, count=1)
    return f"## {exercise.number} · {exercise.title}\n\n{line}"


def markdown_link(concept: Concept) -> str:
    return f"[{concept.name}]({COURSE}{concept.place})"


def html_link(concept: Concept) -> str:
    return f'<a href="{COURSE}{concept.place}">{concept.name}</a>'
