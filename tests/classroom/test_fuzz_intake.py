"""More than a thousand damaged submissions through intake and rebuild: refused with a sentence, or rebuilt whole."""

import ast
import json
import pickle

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograde.bank import bank
from autograde.classroom.intake import read_submission, students
from autograde.classroom.rebuild import Rebuilt, rebuild, to_notebook
from autograde.classroom.submission import Submission
from tests.classroom import damage

EXERCISES = [exercise for exercise in bank().values() if exercise.notebook == damage.ASSIGNMENT]
NAMES = {exercise.id: exercise for exercise in EXERCISES}
RELEASE = nbformat.read(damage.RELEASE, as_version=4)
SUBMISSIONS = 1200
BATCHES = 12
KINDS = [*damage.TAMPERING, *damage.STRUCTURE, *damage.BYTES, *damage.FILES]


def is_sentence(text: str) -> bool:
    return text.isprintable() and text.isascii() and text.endswith(".") and len(text) < 600


def assert_whole(rebuilt: Rebuilt) -> None:
    """Every cell of the release once and in order, all but the solutions with the released source."""
    kept = [cell for cell in rebuilt.cells if cell.pristine is not None]
    assert [cell.pristine for cell in kept] == list(range(len(RELEASE.cells)))
    for cell, released in zip(kept, RELEASE.cells, strict=True):
        assert cell.cell_type == released.cell_type
        assert cell.source == released.source or cell.kind == "solution"
        assert not cell.answered or (cell.kind == "solution" and cell.source != released.source)
    assert {cell.kind for cell in rebuilt.cells if cell.pristine is None} <= {"extra"}
    assert all(is_sentence(repair) for repair in rebuilt.repairs)
    notebook = to_notebook(RELEASE, rebuilt)
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode()
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def definitions(notebook_cells) -> dict[str, str]:
    """Function -> its last definition in these code cells."""
    found = {}
    for source in notebook_cells:
        try:
            body = ast.parse(source).body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            continue
        found |= {node.name: ast.unparse(node) for node in body if isinstance(node, ast.FunctionDef)}
    return found


ANSWERS = definitions(damage.text_of(cell) for cell in damage.solutions(damage.answered_notebook()))


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
def test_damaged_submissions_are_refused_or_rebuilt(tmp_path, batch):
    share = SUBMISSIONS // BATCHES
    outcomes = {"refused": 0, "rebuilt": 0}
    clean = tmp_path / "submitted" / "clean" / damage.ASSIGNMENT
    clean.mkdir(parents=True)
    (clean / damage.NOTEBOOK).write_text(json.dumps(damage.answered_notebook()), encoding="utf-8")
    before = read_submission(Submission(tmp_path, "clean", damage.ASSIGNMENT))
    handed_in = {"clean"}
    for seed in range(batch * share, (batch + 1) * share):
        student, kinds = damage.damaged(seed, tmp_path)
        handed_in.add(student)
        intake = read_submission(Submission(tmp_path, student, damage.ASSIGNMENT))
        note = f"seed {seed}: {kinds}"
        assert read_submission(Submission(tmp_path, student, damage.ASSIGNMENT)) == intake, note
        assert pickle.loads(pickle.dumps(intake)) == intake, note
        assert all(is_sentence(text) for text in (*intake.refusals, *intake.reviews)), note
        assert all(name.isprintable() and name.isascii() for name in intake.ignored), note
        assert (intake.notebook is None) == bool(intake.refusals), note
        outcomes["refused" if intake.refusals else "rebuilt"] += 1
        if intake.notebook is not None:
            rebuilt = rebuild(RELEASE, intake.notebook, EXERCISES)
            assert_whole(rebuilt)
            assert rebuild(RELEASE, intake.notebook, EXERCISES) == rebuilt, note
    assert set(students(tmp_path, damage.ASSIGNMENT)) == handed_in
    assert min(outcomes.values()) > share // 10  # the damage is neither always deadly nor always harmless
    assert read_submission(Submission(tmp_path, "clean", damage.ASSIGNMENT)) == before
    assert before.refusals == before.reviews == ()


def test_there_are_many_kinds_of_damage_and_each_one_occurs(tmp_path):
    assert len(KINDS) >= 25
    seen = {kind for seed in range(400) for kind in damage.damaged(seed, tmp_path)[1]}
    assert seen == {kind.__name__ for kind in KINDS}


@pytest.mark.parametrize("batch", range(4))
def test_tampering_loses_no_answer(batch):
    for seed in range(batch * 100, (batch + 1) * 100):
        notebook, kinds = damage.tampered(seed)
        rebuilt = rebuild(RELEASE, notebook, EXERCISES)
        assert_whole(rebuilt)
        for position, cell in enumerate(rebuilt.cells):
            if cell.kind == "check":
                at_check = definitions(
                    earlier.source for earlier in rebuilt.cells[:position] if earlier.cell_type == "code"
                )
                for function in NAMES[cell.exercise].functions:
                    assert at_check.get(function) == ANSWERS[function], f"seed {seed}: {function} after {kinds}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
SOURCES = st.sampled_from(
    ["def sgd(grad, theta0, lr, steps):\n    return 1", "def robbins_monro(c): pass", "x ==", "\ud800"]
)
GRADE_IDS = st.sampled_from([*NAMES, "so-sgd-check", "intuition-setup", "unknown"])
CELLS = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw"]) | JSON,
        "source": SOURCES | st.text() | st.lists(st.text(), max_size=3) | JSON,
        "id": GRADE_IDS | JSON,
        "metadata": st.fixed_dictionaries({"nbgrader": st.fixed_dictionaries({"grade_id": GRADE_IDS | JSON})}) | JSON,
    },
)


@settings(max_examples=300, deadline=None)
@given(st.fixed_dictionaries({"cells": st.lists(CELLS | JSON, max_size=12) | JSON}) | JSON)
def test_any_json_is_rebuilt(data):
    assert_whole(rebuild(RELEASE, data, EXERCISES))
