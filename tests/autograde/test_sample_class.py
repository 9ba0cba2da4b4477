"""The sample class, graded by nbgrader from release to feedback; and nbgrader's own commands on this project."""

import csv
import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from autograde import verify
from autograde.bank import bank
from autograde.bank.answers import first_answer
from autograde.classroom.sample_class import ASSIGNMENT, grade_sample, table
from autograde.sandbox.paths import ROOT
from tests.patience import HANG_SECONDS

EXERCISES = {name: exercise for name, exercise in bank().items() if exercise.notebook == ASSIGNMENT}
MAXIMUM = sum(exercise.max_points for exercise in EXERCISES.values())

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class") / "sample"
    (folder / "left over").mkdir(parents=True)  # a second run starts from nothing
    return folder, {grades.student.id: grades for grades in grade_sample(folder)}


def test_scores(graded):
    _, grades = graded
    assert len(grades) >= 5
    assert grades["ada"].total == grades["fay"].total == MAXIMUM
    assert grades["dara"].total == grades["emil"].total == 0
    half = list(EXERCISES)[: len(EXERCISES) // 2]
    for name, exercise in EXERCISES.items():
        assert grades["boris"].scores[name] == (exercise.max_points if name in half else 0)
    wrong = {name: first_answer(name, right=False) for name in EXERCISES}
    for name, exercise in EXERCISES.items():
        assert grades["chen"].scores[name] == verify.grade_answer(exercise, wrong[name]).points < exercise.max_points
    assert 0 < grades["chen"].total < MAXIMUM


def test_feedback_says_why(graded):
    _, grades = graded
    for student in grades.values():
        assert student.feedback.is_file()
    page = text_of(grades["chen"].feedback)
    for name, exercise in EXERCISES.items():
        report = verify.grade_answer(exercise, first_answer(name, right=False))
        for message in verify.failed_messages(report):
            if " at line " not in message:  # in a notebook the line is that of the cell
                assert squeeze(message.replace("`", "")) in page, message
    assert "is not answered yet" in text_of(grades["dara"].feedback)
    assert "is not defined: run the cell that defines it first" in text_of(grades["emil"].feedback)


def test_table_and_export(graded):
    folder, grades = graded
    text = table(list(grades.values()))
    assert all(name in text for name in [*EXERCISES, *grades, "total"])
    with open(folder / "grades.csv") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert {name: float(row["score"]) for name, row in rows.items()} == {
        name: row.total for name, row in grades.items()
    }
    assert {float(row["max_score"]) for row in rows.values()} == {MAXIMUM}
    assert not (folder / "left over").exists()


def text_of(page):
    return squeeze(html.unescape(re.sub(r"<[^>]*>", "", page.read_text(encoding="utf-8"))))


def squeeze(text):
    return " ".join(text.split())


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of what nbgrader needs of this project, so that no real class is touched."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "solutions", root / "solutions")
    shutil.copytree(ROOT / "exercises", root / "exercises")
    (root / "autograde").mkdir()
    shutil.copy(ROOT / "autograde" / "nbgrader_config.py", root / "autograde")
    return root


def nbgrader(folder, *arguments, **environment):
    """Run nbgrader as an instructor does who has not activated the environment."""
    programs = str(Path(sys.executable).parent)
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part != programs)
    result = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments], cwd=folder, capture_output=True, text=True,
        timeout=HANG_SECONDS, env={**os.environ, "PATH": path, **environment},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def test_nbgrader_commands_from_release_to_export(course):
    folder = course / "autograde"
    notebook = f"{ASSIGNMENT}.ipynb"
    before = (course / "exercises" / ASSIGNMENT / notebook).read_bytes()
    nbgrader(folder, "generate_assignment", ASSIGNMENT)
    assert (course / "exercises" / ASSIGNMENT / notebook).read_bytes() == before
    assert [path.name for path in (course / "exercises" / ASSIGNMENT).iterdir()] == [notebook]

    nbgrader(folder, "release_assignment", ASSIGNMENT)
    released = folder / "class" / "exchange" / "noisydescent" / "outbound" / ASSIGNMENT
    assert [path.name for path in released.iterdir()] == [notebook]

    text = nbgrader(folder, "validate", str(course / "solutions" / ASSIGNMENT / notebook))
    assert "Success! Your notebook passes all the tests." in text
    text = nbgrader(folder, "validate", str(course / "exercises" / ASSIGNMENT / notebook))
    assert f"VALIDATION FAILED ON {len(EXERCISES)} CELL(S)" in text and "Partial credit" in text

    submitted = folder / "class" / "submitted" / "gina" / ASSIGNMENT
    submitted.mkdir(parents=True)
    shutil.copy(course / "solutions" / ASSIGNMENT / notebook, submitted)
    nbgrader(folder, "autograde", ASSIGNMENT)
    nbgrader(folder, "generate_feedback", ASSIGNMENT)
    assert (folder / "class" / "feedback" / "gina" / ASSIGNMENT / f"{ASSIGNMENT}.html").is_file()
    nbgrader(folder, "export")
    nbgrader(course, "export", f"--to={course / 'from_root.csv'}", JUPYTER_CONFIG_PATH="autograde")
    for path in (folder / "class" / "grades.csv", course / "from_root.csv"):
        (row,) = csv.DictReader(path.read_text().splitlines())
        assert (row["student_id"], float(row["score"]), float(row["max_score"])) == ("gina", MAXIMUM, MAXIMUM)

    graded = nbformat.read(folder / "class" / "autograded" / "gina" / ASSIGNMENT / notebook, as_version=4)
    outputs = [output for cell in graded.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not any(output.get("name") == "stderr" or output.output_type == "error" for output in outputs)
