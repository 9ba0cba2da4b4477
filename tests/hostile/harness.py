"""A class of two: mallory, who attacks, and ada, who must not notice. `Arena.survives` is the whole of every test."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import os
import re
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from autograde.classroom.batch import grade_class, new_pool
from autograde.classroom.gradebook import GradebookWriter
from autograde.classroom.grading import load_assignment
from autograde.classroom.records import ExerciseResult, SubmissionResult
from autograde.judge import connection
from autograde.sandbox.paths import ROOT
from tests.hostile import cells, watch
from tests.hostile.cells import ASSIGNMENT, SEED, TARGET
from tests.patience import until

SUBMITTED_AT = datetime(2025, 1, 10, 12, 0, tzinfo=UTC)
CHECKOUT = tuple(ROOT / name for name in ("autograde", "solutions", "exercises", "course"))
# What grading writes into a class folder; all else must stay as it is.
WRITTEN = ("results", "autograded", "feedback", "report", "gradebook.db", "seeds.json", ".grading.lock", ".seeds.lock")
WALL_SECONDS = connection.WALL_SECONDS
VOLATILE = ("key", "seconds", "test_seconds")


class Pool:
    """The processes that judge, kept warm; replaced when an attack has broken them, which its own test then reports."""

    def __init__(self, jobs: int):
        self._jobs = jobs
        self._executor: ProcessPoolExecutor | None = None

    def executor(self) -> ProcessPoolExecutor:
        if self._executor is not None and getattr(self._executor, "_broken", False):
            self.close()
        if self._executor is None:
            self._executor = new_pool(self._jobs)
        return self._executor

    def in_each(self, function: Callable, *arguments: object) -> None:
        """Call the function once in every process."""
        with tempfile.TemporaryDirectory() as folder:
            calls = [
                self.executor().submit(when_all_are_there, folder, self._jobs, function, *arguments)
                for _ in range(self._jobs)
            ]
            for call in calls:
                call.result()

    def close(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
            self._executor = None


def when_all_are_there(folder: str, jobs: int, function: Callable, *arguments: object) -> None:
    """Keep each process of a pool from taking the call of another."""
    Path(folder, str(os.getpid())).touch()
    until(lambda: len(os.listdir(folder)) == jobs, f"{jobs} processes of the pool")
    function(*arguments)


def set_limits(limits: dict[tuple[str, str], float]) -> None:
    """(module, name of a limit) -> seconds, in this process."""
    for (module, name), seconds in limits.items():
        setattr(sys.modules[module], name, seconds)


def hurry(factor: float, clock: Callable[[], float] = time.monotonic) -> None:
    """Let the clock on the wall go `factor` times as fast, as it seems to on a machine that much slower; no request
    takes too long by it then."""
    time.monotonic = lambda: factor * clock()
    connection.WALL_SECONDS = math.inf if factor != 1 else WALL_SECONDS


class Arena:
    """One class folder with its surroundings, and what is to be handed in as mallory's notebook.

    `outside` is a folder beside the class that no attack may change. In the sources of cells `@ROOT@` stands for the
    checkout, `@CLASS@` and `@OUTSIDE@` for the two folders, `@PID@` for the process that grades.
    """

    def __init__(self, folder: Path, outcome: str, pool: Pool, clean: dict, gradebook: Path):
        self.outcome = outcome
        self.student = "mallory"
        self.folder = folder / "class"
        self.outside = folder / "outside"
        self.notebook = answered_notebook()
        self.expected = {exercise.id: exercise.max_points for exercise in cells.exercises()}
        self.summary: object = None
        self.pool = pool
        self.clean = clean
        self.outside.mkdir(parents=True)
        self.folder.mkdir()
        shutil.copy(gradebook, self.folder / "gradebook.db")
        (self.outside / "canary.txt").write_text("nothing may touch this\n")
        (self.outside / "secret.txt").write_text("what nobody hands out\n")
        write_submission(self.folder, "ada", answered_notebook())
        self.submission.mkdir(parents=True)

    @property
    def submission(self) -> Path:
        """The folder that mallory hands in."""
        return self.folder / "submitted" / self.student / ASSIGNMENT

    @property
    def file(self) -> Path:
        return self.submission / f"{ASSIGNMENT}.ipynb"

    def fill(self, source: str) -> str:
        places = {"ROOT": ROOT, "CLASS": self.folder, "OUTSIDE": self.outside, "PID": os.getpid()}
        return re.sub(r"@(ROOT|CLASS|OUTSIDE|PID)@", lambda match: str(places[match[1]]), source)

    def cell(self, grade_id: str) -> dict:
        return next(cell for cell in self.notebook["cells"] if grade_id_of(cell) == grade_id)

    def index(self, grade_id: str) -> int:
        return self.notebook["cells"].index(self.cell(grade_id))

    def answer(self, source: str, exercise: str = TARGET) -> None:
        """Put `source` into mallory's solution cell of the exercise."""
        self.cell(exercise)["source"] = self.fill(source)

    def mistaken(self, exercise: str, name: str) -> None:
        """Let mallory answer the exercise with the course's wrong answer `name`, and expect what that is worth."""
        self.answer(cells.named(exercise, name), exercise)
        self.expected[exercise] = cells.points_of(exercise, name)

    def extra(self, source: str, before: str = TARGET, kind: str = "code", offset: int = 0) -> None:
        """Insert a cell of mallory's own before (offset 1: after) the cell with that grade_id."""
        self.notebook["cells"].insert(self.index(before) + offset, extra_cell(self.fill(source), kind))

    def beside(self, name: str, content: str | bytes) -> Path:
        """Put a file beside the notebook."""
        path = self.submission / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.fill(content).encode() if isinstance(content, str) else content)
        return path

    def survives(
        self,
        zero: tuple[str, ...] = (TARGET,),
        says: str = "",
        submit: bool = True,
        refused: bool | None = None,
        recorded: bool = True,
    ) -> SubmissionResult:
        """Grade the class, check mallory's outcome and that nothing and nobody else was touched.

        `zero`: the exercises that an outcome "zero" is about. `says`: a pattern (upper and lower case alike) that the
        reasons must match. `submit`: whether the notebook is yet to be written. `refused`: for an outcome "review",
        whether it may be executed (None: either). `recorded`: whether this student can be in the gradebook. Returns
        mallory's result.
        """
        if submit:
            write_submission(self.folder, self.student, self.notebook)
        result = self.grade()
        getattr(self, "_" + self.outcome.replace(" ", "_"))(result, zero, says, refused)
        if recorded:
            self._recorded(result)
        return result

    def grade(self) -> SubmissionResult:
        """Grade the class; check that ada is as ever, and that nothing is left or changed."""
        before = self._surroundings()
        processes = watch.descendants(os.getpid()).values()
        self.summary = grade_class(
            ASSIGNMENT, self.folder, jobs=2, seed=SEED, progress=False, executor=self.pool.executor()
        )
        left = watch.leftovers(os.getpid(), processes)
        results = read_results(self.folder)
        assert stable(results["ada"]) == self.clean, "the neighbour's result is not what it is in a clean class"
        assert recorded_scores(self.folder, "ada") == self._clean_scores(), "the neighbour's gradebook row differs"
        changed = watch.differences(before, self._surroundings())
        assert not changed, f"changed outside the scratch folder: {'; '.join(changed[:5])}"
        assert not left, f"still running: {[process.command[:80] or process.pid for process in left]}"
        assert self.student in results, f"there is no result for {self.student!r}: only for {sorted(results)}"
        return results[self.student]

    def _surroundings(self) -> dict[str, tuple]:
        found = {f"outside/{name}": entry for name, entry in watch.snapshot(self.outside).items()}
        for path in sorted(self.folder.iterdir()):
            if path.name not in WRITTEN:
                found[f"class/{path.name}"] = ("entry",)
        found |= {f"submitted/{name}": entry for name, entry in watch.snapshot(self.folder / "submitted").items()}
        for folder in CHECKOUT:
            found |= {f"{folder}/{name}": entry for name, entry in watch.snapshot(folder, hashed=False).items()}
        siblings = [path for path in self.folder.parent.iterdir() if path not in (self.folder, self.outside)]
        return found | {f"beside the class: {path.name}": ("entry",) for path in siblings}

    def _clean_scores(self) -> list[tuple[str, float, bool]]:
        return sorted((f"{entry['exercise']}-check", entry["points"], False) for entry in self.clean["exercises"])

    def _points(self, result: SubmissionResult) -> dict[str, float]:
        return {exercise.exercise: exercise.points for exercise in result.exercises}

    def _zero(self, result: SubmissionResult, zero: tuple[str, ...], says: str, refused: bool | None) -> None:
        assert not result.refused, f"refused as a whole: {result.review}"
        points = self._points(result)
        expected = self.expected | dict.fromkeys(zero, 0.0)
        assert points == expected, f"{points} instead of {expected}: {[reasons(e) for e in result.exercises]}"
        said = result.notebook + "".join(reasons(exercise) for exercise in result.exercises)
        loot = set(re.findall(r"LOOT: (\w+)", said))
        assert not loot, f"LOOT: these attacks worked: {sorted(loot)}"
        for exercise in result.exercises:
            if exercise.exercise in zero:
                text = reasons(exercise)
                assert text, f"{exercise.exercise} has no points and nobody says why"
                assert re.search(says, text, re.IGNORECASE), f"{text!r} does not say {says!r}"

    def _merit(self, result: SubmissionResult, zero: tuple[str, ...], says: str, refused: bool | None) -> None:
        assert not result.refused, f"refused as a whole: {result.review}"
        points = self._points(result)
        assert points == self.expected, f"{points} instead of {self.expected}: {[reasons(e) for e in result.exercises]}"
        text = " ".join([*result.repairs, *result.review, *(remark for e in result.exercises for remark in e.remarks)])
        assert re.search(says, text, re.IGNORECASE), f"{text!r} does not say {says!r}"

    _full = _merit
    _full_for_the_rest = _zero

    def _zero_or_merit(self, result: SubmissionResult, zero: tuple[str, ...], says: str, refused: bool | None) -> None:
        points = self._points(result)
        lost = tuple(name for name in zero if points[name] == 0.0)
        self._zero(result, lost, says if lost else "", refused)

    def _review(self, result: SubmissionResult, zero: tuple[str, ...], says: str, refused: bool | None) -> None:
        assert result.review, "nobody is asked to look at it"
        text = " ".join(result.review)
        assert re.search(says, text, re.IGNORECASE), f"{text!r} does not say {says!r}"
        if refused is not None:
            assert result.refused is refused
        if result.refused:
            assert result.points == 0.0, "refused, and yet it earned points"
        else:
            assert self._points(result) == self.expected

    def _recorded(self, result: SubmissionResult) -> None:
        rows = recorded_scores(self.folder, self.student)
        review = bool(result.review)
        wanted = sorted((f"{name}-check", points, review) for name, points in self._points(result).items())
        assert rows == wanted, f"the gradebook says {rows}, the result {wanted}"


def clean_result(folder: Path, pool: Pool) -> dict:
    """Ada's result in a class where nobody attacks, without what may differ between two runs."""
    for student in ("ada", "mallory"):
        write_submission(folder, student, answered_notebook())
    grade_class(ASSIGNMENT, folder, jobs=2, seed=SEED, progress=False, executor=pool.executor())
    result = read_results(folder)["ada"]
    assert result.points == result.max_points == 41.0, [reasons(exercise) for exercise in result.exercises]
    assert not result.review and not result.repairs, (result.review, result.repairs)
    return stable(result)


def empty_gradebook(folder: Path) -> Path:
    """A gradebook with the assignment and no submission: making one takes a second."""
    folder.mkdir(exist_ok=True)
    with GradebookWriter(folder, load_assignment(ASSIGNMENT)):
        return folder / "gradebook.db"


def answered_notebook() -> dict:
    """The release with a right answer in every solution cell, as plain data."""
    notebook = json.loads((ROOT / "exercises" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_text(encoding="utf-8"))
    ids = {exercise.id for exercise in cells.exercises()}
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
        if grade_id_of(cell) in ids:
            cell["source"] = cells.right(grade_id_of(cell))
    return copy.deepcopy(notebook)


def extra_cell(source: str, kind: str = "code") -> dict:
    cell = {"cell_type": kind, "metadata": {}, "source": source}
    return cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def grade_id_of(cell: dict) -> str | None:
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def write_submission(folder: Path, student: str, notebook: object) -> Path:
    """Write a notebook where a class collects it, in time and with its timestamp."""
    path = folder / "submitted" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    os.utime(path, (SUBMITTED_AT.timestamp() - 60,) * 2)
    stamp = path.with_name("timestamp.txt")
    if not stamp.is_symlink() and not stamp.exists():
        stamp.write_text(SUBMITTED_AT.strftime("%Y-%m-%d %H:%M:%S.%f UTC"))
    return path


def read_results(folder: Path) -> dict[str, SubmissionResult]:
    """Student -> the result on disk."""
    paths = sorted((folder / "results" / ASSIGNMENT).glob("*.json"))
    found = [SubmissionResult.loads(path.read_text(encoding="utf-8")) for path in paths]
    return {result.student: result for result in found}


def stable(result: SubmissionResult) -> dict:
    """A result without what may differ between two runs: times and the key."""
    data = dataclasses.asdict(result)
    data["exercises"] = [{k: v for k, v in entry.items() if k not in VOLATILE} for entry in data["exercises"]]
    return {name: value for name, value in data.items() if name not in VOLATILE}


def recorded_scores(folder: Path, student: str) -> list[tuple[str, float, bool]]:
    """What nbgrader's gradebook has of a student: cell, points of the machine, whether a person must look."""
    query = """
        SELECT base_cell.name, grade.auto_score, grade.needs_manual_grade
        FROM grade JOIN base_cell ON base_cell.id = grade.cell_id
        JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
        JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
        WHERE submitted_assignment.student_id = ? ORDER BY base_cell.name
    """
    connection = sqlite3.connect(f"file:{folder / 'gradebook.db'}?mode=ro", uri=True)
    try:
        rows = connection.execute(query, (student,)).fetchall()
    finally:
        connection.close()
    return [(name, score, bool(manual)) for name, score, manual in rows]


def reasons(exercise: ExerciseResult) -> str:
    """Everything that is said about an exercise that lost points."""
    return " ".join([exercise.reason, *(test.message for test in exercise.tests), *exercise.remarks]).strip()
