"""A sample class, graded by nbgrader from submission to feedback (`make grade`).

Six submissions of one assignment go through nbgrader's own steps, in a course tree of their own under
`autograde/class/sample/` with their own gradebook: an instructor's class beside it is never touched.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat

from autograde.bank import bank
from autograde.bank.answers import first_answer
from autograde.classroom.rebuild import grade_id
from autograde.classroom.settings import PROJECT_CLASS, class_settings
from autograde.judge.exercise import Exercise
from autograde.judge.report import number
from autograde.sandbox.paths import ROOT

SAMPLE = PROJECT_CLASS / "sample"
ASSIGNMENT = "1_1_intuition"
SEED = 0  # the public one: the sample's points are those that `check` shows


@dataclass(frozen=True)
class SampleStudent:
    """`answer(exercise, worked)` is the source of a solution cell; None leaves the released cell as it is."""

    id: str
    first_name: str
    description: str
    answer: Callable[[Exercise, str], str | None]


@dataclass(frozen=True)
class Grades:
    """Scores of one student by exercise id, and the feedback page."""

    student: SampleStudent
    scores: dict[str, float]
    feedback: Path

    @property
    def total(self) -> float:
        return sum(self.scores.values())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m autograde.classroom.sample_class", description="Grade a sample class with nbgrader."
    )
    parser.parse_args(arguments)
    grades = grade_sample(SAMPLE)
    print(table(grades))
    print(f"\nfeedback pages: {SAMPLE / 'feedback'}/<student>/{ASSIGNMENT}/{ASSIGNMENT}.html")
    print(f"grades (nbgrader export): {SAMPLE / 'grades.csv'}")
    return 0


def grade_sample(folder: Path) -> list[Grades]:
    """Build, grade and give feedback to a fresh class in `folder`, which is emptied first.

    Raises RuntimeError with nbgrader's log when one of its steps fails.
    """
    from nbgrader.api import Gradebook
    from nbgrader.apps import NbGraderAPI
    from sqlalchemy.exc import SAWarning

    from autograde.classroom.export import SafeCsvExport
    from autograde.classroom.seeds import seed_of

    if folder.exists():
        make_writable(folder)
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    folder = folder.resolve()
    config = class_settings(folder)
    seed_of(folder, ASSIGNMENT, SEED)
    warnings.simplefilter("ignore", SAWarning)  # the table below would drown in them
    api = NbGraderAPI(config=config)
    api.log.setLevel(logging.ERROR)
    api.log.propagate = False

    expect_success(api.generate_assignment(ASSIGNMENT))
    exercises = [exercise for exercise in bank().values() if exercise.notebook == ASSIGNMENT]
    students = sample_students(exercises)
    for student in students:
        submit(folder, student, exercises)
    with Gradebook(config.CourseDirectory.db_url, config.CourseDirectory.course_id) as gradebook:
        for student in students:
            gradebook.add_student(student.id, first_name=student.first_name)
    for student in students:
        expect_success(api.autograde(ASSIGNMENT, student.id))
        expect_success(api.generate_feedback(ASSIGNMENT, student.id))
    with Gradebook(config.CourseDirectory.db_url, config.CourseDirectory.course_id) as gradebook:
        exporter = SafeCsvExport()
        exporter.to = str(folder / "grades.csv")
        exporter.export(gradebook)
        return [grades_of(gradebook, student, exercises, folder) for student in students]


def sample_students(exercises: list[Exercise]) -> list[SampleStudent]:
    answered = exercises[: len(exercises) // 2]
    raising = "raise RuntimeError('this cell does not run')"
    return [
        SampleStudent("ada", "Ada", "the worked solutions", lambda exercise, worked: worked),
        SampleStudent(
            "boris", "Boris", "half answered", lambda exercise, worked: worked if exercise in answered else None
        ),
        SampleStudent("chen", "Chen", "a known mistake in each", lambda exercise, worked: known(exercise, right=False)),
        SampleStudent("dara", "Dara", "nothing answered", lambda exercise, worked: None),
        SampleStudent("emil", "Emil", "cells that raise", lambda exercise, worked: raising),
        SampleStudent("fay", "Fay", "right in another way", lambda exercise, worked: known(exercise, right=True)),
    ]


def known(exercise: Exercise, right: bool) -> str:
    return first_answer(exercise.id, right).source


def submit(folder: Path, student: SampleStudent, exercises: list[Exercise]) -> None:
    """Put the student's notebook where nbgrader collects submissions: the release with the solution cells filled in."""
    name = f"{ASSIGNMENT}.ipynb"
    notebook = nbformat.read(folder / "exercises" / ASSIGNMENT / name, as_version=4)
    source = nbformat.read(ROOT / "solutions" / ASSIGNMENT / name, as_version=4)
    worked = {grade_id(cell): cell.source for cell in source.cells}
    cells = {grade_id(cell): cell for cell in notebook.cells}
    for exercise in exercises:
        answer = student.answer(exercise, worked[exercise.id])
        if answer is not None:
            cells[exercise.id].source = answer
    target = folder / "submitted" / student.id / ASSIGNMENT / name
    target.parent.mkdir(parents=True)
    nbformat.write(notebook, target)


def grades_of(gradebook, student: SampleStudent, exercises: list[Exercise], folder: Path) -> Grades:
    submission = gradebook.find_submission(ASSIGNMENT, student.id)
    scores = {grade.name: float(grade.score) for notebook in submission.notebooks for grade in notebook.grades}
    feedback = folder / "feedback" / student.id / ASSIGNMENT / f"{ASSIGNMENT}.html"
    return Grades(student, {exercise.id: scores[f"{exercise.id}-check"] for exercise in exercises}, feedback)


def expect_success(result: dict) -> None:
    if not result["success"]:
        raise RuntimeError(f"nbgrader failed:\n{result.get('log', '')}{result['error']}")


def make_writable(folder: Path) -> None:
    """nbgrader writes its results read-only."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o700)


def table(grades: list[Grades]) -> str:
    """Points of every student in every exercise."""
    exercises = [exercise for exercise in bank().values() if exercise.notebook == ASSIGNMENT]
    names = [exercise.id for exercise in exercises]
    width = max(len(name) for name in names)
    header = f"{'':<{width}}  " + "  ".join(f"{row.student.id:>6}" for row in grades) + "     max"
    lines = [header]
    for exercise in exercises:
        points = "  ".join(f"{number(row.scores[exercise.id]):>6}" for row in grades)
        lines.append(f"{exercise.id:<{width}}  {points}  {number(exercise.max_points):>6}")
    total = sum(exercise.max_points for exercise in exercises)
    totals = "  ".join(f"{number(row.total):>6}" for row in grades)
    lines.append(f"{'total':<{width}}  {totals}  {number(total):>6}")
    lines.append("")
    lines += [f"{row.student.id}: {row.student.description}" for row in grades]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
