"""Results in nbgrader's gradebook: nbgrader's own rows, one transaction each, and an instructor's work kept."""

import math
from dataclasses import dataclass, replace
from datetime import datetime

import nbformat
import pytest
from nbgrader.api import MissingEntry
from nbgrader.apps import NbGraderAPI
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from autograde.bank import bank
from autograde.classroom import gradebook as book
from autograde.classroom.records import ExerciseResult, SubmissionResult
from autograde.classroom.settings import class_settings, course_settings
from autograde.classroom.submission import Submission
from autograde.sandbox.paths import ROOT
from tests.classroom.gradebook_rows import rows

NAME = "1_1_intuition"
EXERCISES = [exercise for exercise in bank().values() if exercise.notebook == NAME]
RELEASE = nbformat.read(ROOT / "exercises" / NAME / f"{NAME}.ipynb", as_version=4)


@dataclass(frozen=True)
class Released:
    """What the gradebook needs of an assignment."""

    name: str
    release: nbformat.NotebookNode


def result(student="ada", points=1.0, answered=(), **fields):
    notebook = nbformat.from_dict(RELEASE)
    for cell in notebook.cells:
        if cell.metadata.nbgrader.grade_id in answered:
            cell.source = "an answer"
    exercises = tuple(ExerciseResult(exercise.id, points, exercise.max_points, ()) for exercise in EXERCISES)
    return SubmissionResult(
        student, NAME, **{"key": "key", "exercises": exercises, "notebook": nbformat.writes(notebook), **fields}
    )


@pytest.fixture
def config(tmp_path):
    return class_settings(tmp_path)


@pytest.fixture
def gradebook(config):
    with book.open_gradebook(config) as gradebook:
        book.ensure_assignment(gradebook, Released(NAME, RELEASE))
        yield gradebook


def of_kind(gradebook, kind, student="ada"):
    return [row for row in rows(gradebook) if row[0] == kind and student in row]


def grades(gradebook, student="ada"):
    submission = gradebook.find_submission(NAME, student)
    return {grade.name: grade for grade in submission.notebooks[0].grades}


def test_the_assignment_has_the_rows_that_nbgrader_makes(gradebook, tmp_path):
    config = course_settings(tmp_path / "stock", source=ROOT / "solutions")
    (tmp_path / "stock").mkdir()
    stock = NbGraderAPI(config=config)
    stock.log.propagate = False
    assert stock.generate_assignment(NAME)["success"]
    with book.open_gradebook(config) as other:
        expected = rows(other)
        assert schema(gradebook) == schema(other)
    assert rows(gradebook) == expected
    assert sum(row[0] == "grade cell" for row in expected) == len(EXERCISES)
    book.ensure_assignment(gradebook, Released(NAME, RELEASE))
    assert rows(gradebook) == expected


def schema(gradebook):
    """Tables as they were made, and the version that nbgrader notes."""
    with gradebook.engine.connect() as connection:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).all()
        tables = connection.execute(text("SELECT name, sql FROM sqlite_master ORDER BY name")).all()
    # alembic itself and nbgrader's own statement write the table of the version in two ways
    return version, [row for row in tables if "alembic" not in row.name]


def test_cells_cannot_change_below_submissions(gradebook):
    book.record(gradebook, result())
    before = rows(gradebook)
    fewer = nbformat.from_dict(RELEASE)
    del fewer.cells[-1]
    with pytest.raises(ValueError, match="submissions of 1_1_intuition from before its cells changed"):
        book.ensure_assignment(gradebook, Released(NAME, fewer))
    assert rows(gradebook) == before


def test_recording_twice_is_recording_once(gradebook):
    answered = {exercise.id for exercise in EXERCISES[:2]}
    entry = result(points=2.0, answered=answered, timestamp="2026-01-02 03:04:05.000006 UTC")
    book.record(gradebook, entry)
    once = rows(gradebook)
    book.record(gradebook, entry)
    assert rows(gradebook) == once
    assert len(of_kind(gradebook, "student")) == len(of_kind(gradebook, "submission")) == 1
    assert of_kind(gradebook, "submission")[0][3] == datetime(2026, 1, 2, 3, 4, 5, 6)
    assert [row[6:] for row in of_kind(gradebook, "grade")] == [(2.0, None, None, False)] * len(EXERCISES)
    silent = {row[4] for row in of_kind(gradebook, "comment") if row[6] == "No response."}
    assert silent == {exercise.id for exercise in EXERCISES} - answered
    assert book.recorded(gradebook, NAME) == {"ada": book.fingerprint(entry)}


def test_a_new_result_replaces_the_old_rows(gradebook):
    book.record(gradebook, result(points=2.0, timestamp="2026-01-02 03:04:05.000000 UTC"))
    book.record(gradebook, result("boris"))
    book.record(gradebook, result(points=3.0, key="other", answered={exercise.id for exercise in EXERCISES}))
    assert {row[6] for row in of_kind(gradebook, "grade")} == {3.0}
    assert {row[6] for row in of_kind(gradebook, "comment")} == {None}
    assert of_kind(gradebook, "submission")[0][3] is None  # a time that is not trusted any more is not kept
    assert {row[6] for row in of_kind(gradebook, "grade", "boris")} == {1.0}


def test_a_review_and_points_that_are_none_ask_for_a_person(gradebook):
    book.record(gradebook, result(review=("look",)))
    assert all(grade.needs_manual_grade and grade.auto_score == 1.0 for grade in grades(gradebook).values())
    for wrong in (math.nan, math.inf, -1.0, 1000.0):
        book.record(gradebook, result(f"s{wrong}", points=wrong))
        for grade in grades(gradebook, f"s{wrong}").values():
            assert grade.needs_manual_grade and grade.auto_score is None and grade.score == 0
    partial = result("chen")
    book.record(gradebook, replace(partial, exercises=partial.exercises[1:]))
    found = grades(gradebook, "chen")
    missing = found.pop(f"{EXERCISES[0].id}-check")
    assert missing.needs_manual_grade and missing.score == 0
    assert not any(grade.needs_manual_grade for grade in found.values())


def test_an_instructors_work_is_kept(gradebook):
    book.record(gradebook, result(points=2.0))
    first, second = (f"{exercise.id}-check" for exercise in EXERCISES[:2])
    grade = grades(gradebook)[first]
    grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 5.5, 0.5, False
    comment = gradebook.find_comment(EXERCISES[0].id, NAME, NAME, "ada")
    comment.manual_comment = "well done"
    gradebook.find_submission_notebook(NAME, NAME, "ada").flagged = True
    gradebook.db.commit()

    book.record(gradebook, result(points=2.0, key="the same points"))
    assert not grades(gradebook)[first].needs_manual_grade
    book.record(gradebook, result(points=1.0, key="other points"))
    grade = grades(gradebook)[first]
    assert (grade.auto_score, grade.manual_score, grade.extra_credit, grade.score) == (1.0, 5.5, 0.5, 6.0)
    assert grade.needs_manual_grade
    assert not grades(gradebook)[second].needs_manual_grade
    assert gradebook.find_comment(EXERCISES[0].id, NAME, NAME, "ada").manual_comment == "well done"
    assert gradebook.find_submission_notebook(NAME, NAME, "ada").flagged


@pytest.mark.parametrize("table", ["student", "submitted_assignment", "grade", "comment", "autograde_recorded"])
def test_an_error_in_the_middle_leaves_the_gradebook_as_it_was(gradebook, table):
    book.record(gradebook, result())
    before, marks = rows(gradebook), book.recorded(gradebook, NAME)

    def refuse(connection, cursor, statement, *_):
        if statement.startswith(("INSERT", "UPDATE")) and f" {table} " in statement.replace('"', " "):
            raise RuntimeError("the disk is full")

    event.listen(gradebook.engine, "before_cursor_execute", refuse)
    with pytest.raises(RuntimeError, match="the disk is full"):
        book.record(gradebook, result("boris"))
    if table not in ("student", "submitted_assignment", "comment"):
        with pytest.raises(RuntimeError, match="the disk is full"):
            book.record(gradebook, result(points=3.0, key="changed"))
    event.remove(gradebook.engine, "before_cursor_execute", refuse)
    assert rows(gradebook) == before
    assert book.recorded(gradebook, NAME) == marks
    book.record(gradebook, result("boris"))  # and it still works
    assert len(of_kind(gradebook, "grade", "boris")) == len(EXERCISES)


def test_an_unknown_assignment_enters_nothing(gradebook):
    before = rows(gradebook)
    with pytest.raises(MissingEntry):
        book.record(gradebook, replace(result(), assignment="9_9_nothing"))
    assert rows(gradebook) == before


@pytest.mark.parametrize(("method", "penalty"), [("none", None), ("zero", 6.0)])
def test_late_penalties_are_nbgraders(gradebook, config, method, penalty):
    config.LateSubmissionPlugin.penalty_method = method
    gradebook.update_or_create_assignment(NAME, duedate="2026-01-01 00:00:00.000000 UTC")
    book.record(gradebook, result(timestamp="2026-01-02 00:00:00.000000 UTC"), config)
    book.record(gradebook, result("boris", timestamp="2025-12-31 00:00:00.000000 UTC"), config)
    assert gradebook.find_submission_notebook(NAME, NAME, "ada").late_submission_penalty == penalty
    assert gradebook.find_submission_notebook(NAME, NAME, "boris").late_submission_penalty is None
    book.record(gradebook, result(key="new", timestamp="2025-12-31 00:00:00.000000 UTC"), config)
    assert gradebook.find_submission_notebook(NAME, NAME, "ada").late_submission_penalty is None


def enter(folder, writer, entry):
    writer.record(Submission(folder, entry.student, NAME), entry)


def test_the_writer_enters_what_is_not_there_yet(tmp_path):
    entries = [result(name) for name in ("ada", "boris")]
    changes = []

    def count(connection, cursor, statement, *_):
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            changes.append(statement)

    with book.GradebookWriter(tmp_path, Released(NAME, RELEASE)) as writer:
        for entry in entries:
            enter(tmp_path, writer, entry)
        expected = rows(writer.gradebook)
    paths = [Submission(tmp_path, name, NAME).autograded_path for name in ("ada", "boris")]
    for path in paths:
        assert path.read_text() == entries[0].notebook and path.stat().st_mode & 0o777 == 0o444

    paths[1].unlink()
    with book.GradebookWriter(tmp_path, Released(NAME, RELEASE)) as writer:
        event.listen(writer.gradebook.engine, "before_cursor_execute", count)
        for entry in entries:
            enter(tmp_path, writer, entry)
        assert changes == []
        assert rows(writer.gradebook) == expected and paths[1].exists()
        enter(tmp_path, writer, replace(entries[0], key="refused", refused=True, review=("no notebook",), notebook=""))
        assert changes and writer.unrecorded == {}
        silent = [row for row in of_kind(writer.gradebook, "comment") if row[6] is not None]
        assert silent == []  # a notebook that nobody could read is not an unanswered one
    assert not paths[0].exists()


def test_one_result_that_the_gradebook_refuses_does_not_stop_the_others(tmp_path):
    with book.GradebookWriter(tmp_path, Released(NAME, RELEASE)) as writer:
        enter(tmp_path, writer, result("ada", notebook="{}"))
        enter(tmp_path, writer, result("boris"))
        assert list(writer.unrecorded) == ["ada"]
        assert "did not take the result" in writer.unrecorded["ada"]
        assert not of_kind(writer.gradebook, "submission") and of_kind(writer.gradebook, "submission", "boris")


def test_a_gradebook_that_is_busy_or_broken_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setattr(book, "BUSY_MILLISECONDS", 50)
    with book.GradebookWriter(tmp_path, Released(NAME, RELEASE)) as writer:
        with writer.gradebook.engine.connect() as other:
            other.execute(text("BEGIN IMMEDIATE"))
            with pytest.raises(ValueError, match=r"cannot be written .*locked.*: the results are kept"):
                enter(tmp_path, writer, result())
            with pytest.raises(OperationalError):
                book.record(writer.gradebook, result())
        enter(tmp_path, writer, result())
        assert of_kind(writer.gradebook, "submission")
    (tmp_path / "gradebook.db").write_text("this is not a database, but it is long enough to be looked at" * 100)
    with pytest.raises(ValueError, match="the gradebook cannot be opened: file is not a database"):
        book.GradebookWriter(tmp_path, Released(NAME, RELEASE))
