"""The page an instructor reads after grading: how the class did, which mistakes are common, what needs a look."""

from __future__ import annotations

import csv
import io
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograde.bank import bank
from autograde.classroom.histogram import Histogram, histogram
from autograde.classroom.records import SubmissionResult
from autograde.classroom.submission import results_folder
from autograde.judge.escape import spreadsheet
from autograde.judge.templating import number, render

# How many rows of mistakes (for each exercise) and of slow answers are worth an instructor's time.
MISTAKES = 8
SLOWEST = 10
# Names listed beside a mistake before the rest is only counted.
NAMES = 12


@dataclass(frozen=True)
class CommonMistake:
    """One kind of mistake in one exercise: a typical message, and who made it."""

    message: str
    students: tuple[str, ...]


def write_report(assignment_name: str, class_folder: Path) -> Path:
    """Write `report/<assignment>.html` and, beside it, `.csv` in the class folder; returns the page's path.

    Raises ValueError when nothing of this assignment has been graded yet.
    """
    results = read_results(assignment_name, class_folder)
    if not results:
        raise ValueError(f"no submission of {assignment_name} has been graded yet: run `autograde grade` first")
    folder = Path(class_folder) / "report"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{assignment_name}.html"
    path.write_text(page(assignment_name, results), encoding="utf-8")
    path.with_suffix(".csv").write_text(points_table(results), encoding="utf-8", newline="")
    return path


def read_results(assignment_name: str, class_folder: Path) -> list[SubmissionResult]:
    """All results of the assignment, ordered by student. Raises ValueError, naming the file, for a damaged one."""
    results = []
    for path in sorted(results_folder(class_folder, assignment_name).glob("*.json")):
        try:
            results.append(SubmissionResult.loads(path.read_text(encoding="utf-8")))
        except (ValueError, OSError) as error:
            raise ValueError(f"{path} cannot be read ({error}): delete it and grade again") from None
    return sorted(results, key=lambda result: result.student)


def points_table(results: Sequence[SubmissionResult]) -> str:
    """CSV: student, points of each exercise, total, and the reasons for review; nothing in it runs as a formula."""
    exercises = exercise_ids(results)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([spreadsheet(name) for name in ("student", *exercises, "total", "review")])
    for result in results:
        points = {entry.exercise: entry.points for entry in result.exercises}
        row = [result.student, *(points.get(name, 0.0) for name in exercises), result.points, " ".join(result.review)]
        table.writerow([spreadsheet(value) for value in row])
    return text.getvalue()


def exercise_ids(results: Iterable[SubmissionResult]) -> list[str]:
    return list(dict.fromkeys(entry.exercise for result in results for entry in result.exercises))


def page(assignment_name: str, results: Sequence[SubmissionResult]) -> str:
    """The whole page; every text that came from outside is escaped."""
    graded = [result for result in results if not result.refused]
    exercises = exercise_ids(results)
    return render(
        Path(__file__).with_name("templates") / "report_page.html",
        assignment=assignment_name,
        results=results,
        graded=graded,
        overview=overview(results, graded),
        waiting=to_be_reviewed(results),
        charts=charts(graded, exercises),
        mistakes={exercise: common_mistakes(graded, exercise) for exercise in exercises},
        slowest=slowest(graded),
        repairs=repairs(results),
        most_mistakes=MISTAKES,
        most_names=NAMES,
    )


def overview(results: Sequence[SubmissionResult], graded: Sequence[SubmissionResult]) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [
        ("Submissions", len(results)),
        ("To be reviewed", len(to_be_reviewed(results))),
        ("Refused, not executed", len(results) - len(graded)),
    ]
    if graded:
        points = [result.points for result in graded]
        most = number(max(result.max_points for result in graded))
        rows.append(("Mean of the total", f"{statistics.fmean(points):.1f} of {most}"))
        rows.append(("Median of the total", f"{statistics.median(points):.1f} of {most}"))
    return rows


def to_be_reviewed(results: Sequence[SubmissionResult]) -> list[SubmissionResult]:
    return [result for result in results if result.review or result.refused]


def charts(graded: Sequence[SubmissionResult], exercises: Sequence[str]) -> list[Histogram]:
    """The distribution of the total and of each exercise; none when nothing was executed."""
    if not graded:
        return []
    titles = {name: exercise.title for name, exercise in bank().items()}
    found = [histogram("Total", [(result.points, result.max_points) for result in graded])]
    for name in exercises:
        entries = [entry for result in graded for entry in result.exercises if entry.exercise == name]
        found.append(histogram(titles.get(name, name), [(entry.points, entry.max_points) for entry in entries]))
    return found


def common_mistakes(graded: Sequence[SubmissionResult], exercise: str) -> list[CommonMistake]:
    """The kinds of mistakes in this exercise, the most frequent first.

    Messages that differ only in their numbers are one kind; a student counts once for each kind.
    """
    kinds: dict[str, tuple[str, list[str]]] = {}
    for result in graded:
        for entry in result.exercises:
            if entry.exercise != exercise:
                continue
            reason = [entry.reason] if entry.reason else []
            for message in reason or [test.message for test in entry.tests if not test.passed and test.message]:
                kind = re.sub(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", "#", " ".join(message.split()))
                _, students = kinds.setdefault(kind, (message, []))
                if result.student not in students:
                    students.append(result.student)
    mistakes = [CommonMistake(message, tuple(students)) for message, students in kinds.values()]
    return sorted(mistakes, key=lambda mistake: -len(mistake.students))


def slowest(graded: Sequence[SubmissionResult]) -> list[tuple[float, str, str]]:
    """(seconds in its tests, student, exercise) of the slowest answers, the slowest first."""
    times = [(entry.seconds, result.student, entry.exercise) for result in graded for entry in result.exercises]
    return sorted((time for time in times if time[0] > 0), key=lambda time: (-time[0], *time[1:]))[:SLOWEST]


def repairs(results: Sequence[SubmissionResult]) -> dict[str, list[str]]:
    """Student -> what was repaired in the notebook, or stood in for an exercise."""
    found = {}
    for result in results:
        remarks = [f"{entry.exercise}: {remark}" for entry in result.exercises for remark in entry.remarks]
        found[result.student] = [*result.repairs, *remarks]
    return {student: sentences for student, sentences in found.items() if sentences}
