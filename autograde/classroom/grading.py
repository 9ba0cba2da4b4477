"""Grade one submission: run its cells in confined workers, and the tests of its exercises here, in the judge.

The cells run in the order of the notebook, and each exercise is graded where its check stands. When a cell or a call
ends its worker, that exercise earns nothing and a fresh worker goes on without it. An exercise that fails where another
answer could be the reason is graded once more on its own, and the better result counts: whatever another answer did to
the interpreter, it costs only itself.
"""

from __future__ import annotations

import atexit
import copy
import functools
import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograde import ROOT
from autograde.bank import bank, folder_of
from autograde.classroom.intake import Intake
from autograde.classroom.interference import may_interfere, mentioned_names
from autograde.classroom.rebuild import Rebuilt, RebuiltCell, rebuild, to_notebook, without_magics
from autograde.classroom.records import ExerciseResult, SubmissionResult
from autograde.judge.answer import Forbidden
from autograde.judge.connection import CellOutcome, Server, ServerFailed, Worker
from autograde.judge.escape import printable
from autograde.judge.exercise import Exercise
from autograde.judge.expect import Mistake
from autograde.judge.plugin import GradingPlugin
from autograde.judge.remote import RemoteAnswer
from autograde.judge.report import Report, number
from autograde.judge.runner import no_points, run_tests
from autograde.worker.delegation import delegation_in_source, delegation_sentence

# The seed of the inputs that `check` shows to everybody.
PUBLIC_SEED = 0
PUBLIC_ONLY = "the answer is right only for the inputs that `check` shows (no points for this exercise)"
EXTRA_CELL_SECONDS = 60.0  # one of the student's own cells, and all of them however often they run again
EXTRA_SECONDS = 300.0
SUBMISSION_SECONDS = 600.0
MAX_WORKERS = 60
MAX_OUTPUT = 2_000_000  # characters of all outputs of a notebook
ENGINE = ("judge/*", "worker/*", "sandbox/*", "classroom/*", "bank/*")


@dataclass(frozen=True)
class Assignment:
    """What there is to grade: the released notebook, its exercises, and the staff's solution cell of each.

    `digest` changes with the release, the tests and the engine.
    """

    name: str
    release: NotebookNode
    exercises: tuple[Exercise, ...]
    worked: dict[str, str]
    digest: str


def load_assignment(name: str, release: Path = ROOT / "exercises", source: Path = ROOT / "solutions") -> Assignment:
    """The assignment `name`, from `release`/name and `source`/name, which hold one notebook of that name each.

    Raises ValueError, with one sentence, when there is no such assignment or it cannot be graded.
    """
    exercises = {exercise.id: exercise for exercise in bank().values() if exercise.notebook == name}
    known = sorted({exercise.notebook for exercise in bank().values()})
    if not exercises:
        raise ValueError(f"there is no assignment {name!r}; there are: {', '.join(known)}")
    texts = []
    for folder in (release, source):
        path = folder / name / f"{name}.ipynb"
        found = sorted(entry.name for entry in path.parent.glob("*.ipynb"))
        if found != [path.name]:
            raise ValueError(f"{path.parent} must hold the notebook {path.name} and no other: run `make notebooks`")
        texts.append(path.read_bytes())
    notebook, worked = (nbformat.reads(text.decode(), as_version=4) for text in texts)
    order = [grade_id(cell) for cell in notebook.cells]
    missing = [key for key in exercises if key not in order or f"{key}-check" not in order]
    if missing:
        raise ValueError(f"the released notebook {name}.ipynb has no cells for {', '.join(missing)}")
    return Assignment(
        name=name,
        release=notebook,
        exercises=tuple(sorted(exercises.values(), key=lambda exercise: order.index(exercise.id))),
        worked={grade_id(cell): cell.source for cell in worked.cells if grade_id(cell) in exercises},
        digest=digest_of(texts, name),
    )


def grade_id(cell: NotebookNode) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def digest_of(texts: Sequence[bytes], name: str) -> str:
    digest = hashlib.sha256()
    here = ROOT / "autograde"
    files = [path for pattern in ENGINE for path in sorted(here.glob(f"{pattern}.py"))]
    for exercise in bank().values():
        if exercise.notebook == name:
            files += [folder_of(exercise.id) / "exercise.py", folder_of(exercise.id) / "mistakes.py"]
    for text in [*texts, *(path.read_bytes() for path in files)]:
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.hexdigest()


def grade_submission(
    assignment: Assignment, intake: Intake, key: str, seed: int, sandbox: bool = True
) -> SubmissionResult:
    """The result of one submission; never raises for anything that the student handed in.

    Raises ServerFailed or Unprotected when students' code cannot be run here at all.
    """
    started = time.monotonic()
    if intake.notebook is None:
        return refused(assignment, intake, key)
    rebuilt = rebuild(assignment.release, intake.notebook, assignment.exercises)
    try:
        outcome = Grading(server(sandbox), assignment, rebuilt, seed).run()
    except ServerFailed:
        # The server may have been killed from outside: once more with one of our own, then it is the machine's fault.
        server.cache_clear()
        SHARED.clear()
        outcome = Grading(server(sandbox), assignment, rebuilt, seed).run()
    repairs = rebuilt.repairs + outcome.repairs
    return SubmissionResult(
        student=intake.student,
        assignment=assignment.name,
        key=key,
        exercises=outcome.exercises,
        review=tuple(intake.reviews) + outcome.review,
        repairs=repairs + tuple(f"the file {name} was not used" for name in intake.ignored),
        timestamp=intake.timestamp,
        notebook=nbformat.v4.writes(outcome.notebook),
        seconds=time.monotonic() - started,
        test_seconds=outcome.test_seconds,
    )


def refused(assignment: Assignment, intake: Intake, key: str) -> SubmissionResult:
    """No points, and every reason; nothing was executed. The notebook is the release, the reason in every check."""
    reason = "not graded: " + "; ".join(intake.refusals)
    reports = {exercise.id: no_points(exercise, reason) for exercise in assignment.exercises}
    results = {
        name: ExerciseResult(name, 0.0, report.max_points, report.tests, reason) for name, report in reports.items()
    }
    untouched = rebuild(assignment.release, copy.deepcopy(assignment.release), assignment.exercises)
    notebook = to_notebook(assignment.release, untouched)
    for cell, rebuilt in zip(notebook.cells, untouched.cells, strict=True):
        if rebuilt.kind == "check":
            cell.outputs = check_outputs(results[rebuilt.exercise], reports[rebuilt.exercise])
    return SubmissionResult(
        student=intake.student,
        assignment=assignment.name,
        key=key,
        exercises=tuple(results.values()),
        review=tuple(intake.refusals) + tuple(intake.reviews),
        refused=True,
        timestamp=intake.timestamp,
        notebook=nbformat.v4.writes(notebook),
    )


@functools.cache
def server(sandbox: bool) -> Server:
    """The connection of this process to a fork server: the shared one if there is one, else one of its own.

    It is made once and ends with the process.
    """
    started = Server.joined(SHARED[0]) if SHARED else Server(sandbox=sandbox)
    if SHARED and hasattr(os, "sched_getaffinity"):
        started.ask("stay", cores=sorted(os.sched_getaffinity(0)))
    atexit.register(started.close)
    return started


SHARED: list[str] = []


def share(address: str) -> None:
    """Let this process use the fork server that another one started there."""
    SHARED[:] = [address]


def stay_on(core: int) -> None:
    """Keep this process, and the workers it asks for, on one core, counted among those it may use.

    A judge and its worker take turns: on two cores each would wake the other one up at every call, which took twice
    as long as grading on one.
    """
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core % len(cores)]})


@dataclass
class Outcome:
    exercises: tuple[ExerciseResult, ...]
    repairs: tuple[str, ...]
    review: tuple[str, ...]
    notebook: NotebookNode
    test_seconds: float


class Sitting:
    """A worker on its way through the cells of a notebook, started again whenever it ends.

    `use` maps the index of a cell to the source that runs there; cells that are not in it are passed over. In the
    place of the cells in `staff` runs a solution of the staff's.
    """

    def __init__(self, grading: Grading, use: dict[int, str], staff: dict[int, str] | None = None):
        self._grading = grading
        self._use = dict(use)
        self._staff = staff or {}
        self._position = 0
        self.worker: Worker | None = None

    def answer(self, exercise: Exercise) -> RemoteAnswer:
        """The functions as they are where the check of `exercise` stands. Raises Mistake when there are none."""
        grading = self._grading
        stop = grading.checks[exercise.id]
        while True:
            if self.worker is None or not self.worker.alive or self._position > stop:
                self._restart(exercise)
            while self._position < stop and self._step(self._position):
                self._position += 1
            if self._position >= stop:
                break
        if exercise.id in grading.reasons:
            raise Forbidden(grading.reasons[exercise.id])
        return RemoteAnswer(self.worker)

    def drop(self, index: int) -> None:
        """Never run this cell again in this sitting."""
        self._use.pop(index, None)

    def close(self) -> None:
        if self.worker is not None:
            self.worker.close()
            self.worker = None

    def _restart(self, exercise: Exercise) -> None:
        self.close()
        self._grading.count_worker()
        self.worker = self._grading.server.spawn(exercise.memory)
        self._position = 0

    def _step(self, index: int) -> bool:
        """Run one cell; False when it ended the worker, and must be passed over from now on."""
        if index in self._staff:
            return not self.worker.run_staff(self._staff[index], EXTRA_CELL_SECONDS).ended
        if index not in self._use:
            return True
        seconds = self._grading.seconds_for(index)
        if seconds <= 0:
            return True
        started = time.monotonic()
        outcome = self.worker.run_cell(self._use[index], seconds)
        self._grading.note_cell(index, outcome, time.monotonic() - started)
        if outcome.ended:
            self.drop(index)
            return False
        return True


class Grading:
    """One submission while it is graded."""

    def __init__(self, server: Server, assignment: Assignment, rebuilt: Rebuilt, seed: int):
        self.server, self.assignment, self.seed = server, assignment, seed
        self.cells: tuple[RebuiltCell, ...] = rebuilt.cells
        self.rebuilt = rebuilt
        self.checks = {cell.exercise: index for index, cell in enumerate(self.cells) if cell.kind == "check"}
        self.solutions = {cell.exercise: index for index, cell in enumerate(self.cells) if cell.kind == "solution"}
        self.runnable = {
            index: cell.source
            for index, cell in enumerate(self.cells)
            if cell.cell_type == "code" and cell.kind != "check"
        }
        self.outputs: dict[int, list[dict]] = {}
        self.reasons: dict[str, str] = {}
        self.remarks: dict[str, list[str]] = {exercise.id: [] for exercise in assignment.exercises}
        self.repairs: list[str] = []
        self.review: list[str] = []
        self.test_seconds = 0.0
        self._workers = 0
        self._extra_seconds = EXTRA_SECONDS
        self._explained: set[str] = set()  # exercises that fail by a typical mistake, and so not by heart
        self._troubled: set[int] = set()  # cells that raised, ended their worker or tried what no answer needs
        self._ends = time.monotonic() + SUBMISSION_SECONDS

    def run(self) -> Outcome:
        reports, reasons, seconds = self._among_the_others()
        for exercise in self.assignment.exercises:
            if reports[exercise.id].full or not self.cells[self.solutions[exercise.id]].answered:
                continue
            # What it calls of the exercises that are not right themselves.
            needed = [name for name in self._needed(exercise) if not reports[name].full]
            # Forbidden by what a call did, not by what its own cell is or did: that could be another answer's doing.
            by_a_call = bool(reasons[exercise.id]) and exercise.id not in self.reasons
            if needed or by_a_call or self._may_be_better_alone(exercise):
                alone, reason, spent = self._alone(exercise, needed)
                seconds[exercise.id] += spent
                if alone.points > reports[exercise.id].points:
                    reports[exercise.id], reasons[exercise.id] = alone, reason
                    self.remarks[exercise.id].append("graded on its own: the notebook's other answers made it fail")
                    self.remarks[exercise.id] += [f"the staff's solution of {name} stood in" for name in needed]
        for exercise in self._knowing_public_inputs(reports, reasons):
            reports[exercise.id], reasons[exercise.id] = no_points(exercise, PUBLIC_ONLY), PUBLIC_ONLY
        results = tuple(
            ExerciseResult(
                exercise=exercise.id,
                points=reports[exercise.id].points,
                max_points=exercise.max_points,
                tests=reports[exercise.id].tests,
                reason=reasons[exercise.id],
                remarks=tuple(dict.fromkeys(self.remarks[exercise.id])),
                seconds=round(seconds[exercise.id], 3),
            )
            for exercise in self.assignment.exercises
        )
        return Outcome(
            exercises=results,
            repairs=tuple(dict.fromkeys(self.repairs)),
            review=tuple(dict.fromkeys(self.review)),
            notebook=self._notebook(results, reports),
            test_seconds=self.test_seconds,
        )

    def _among_the_others(self) -> tuple[dict[str, Report], dict[str, str], dict[str, float]]:
        """All exercises in one pass through the student's notebook."""
        sitting = Sitting(self, self.runnable)
        previous: list[Exercise] = []

        def arrange(exercise: Exercise) -> RemoteAnswer:
            # What ended the worker of the exercise before was one of its calls: go on without that answer.
            if previous and previous[-1] is not exercise:
                self._leave_out(sitting, previous[-1])
            previous.append(exercise)
            self._look_at_source(exercise)
            return sitting.answer(exercise)

        try:
            plugin = self._tests(list(self.assignment.exercises), arrange, self.seed)
        finally:
            sitting.close()
        reports = {exercise.id: plugin.report(exercise) for exercise in self.assignment.exercises}
        reasons = {exercise.id: plugin.forbidden(exercise) for exercise in self.assignment.exercises}
        return reports, reasons, dict(plugin.seconds)

    def _leave_out(self, sitting: Sitting, before: Exercise) -> None:
        """Leave out an answer that ended its worker when it was called."""
        if sitting.worker is not None and not sitting.worker.alive:
            sitting.drop(self.solutions[before.id])
            self._troubled.add(self.solutions[before.id])

    def _may_be_better_alone(self, exercise: Exercise) -> bool:
        """Whether another answer of the notebook could be why this one failed."""
        own = self.solutions[exercise.id]
        others = [index for index in self.solutions.values() if index < self.checks[exercise.id] and index != own]
        if any(index in self._troubled for index in self.runnable if index < self.checks[exercise.id] and index != own):
            return True
        shared = [self.cells[index].source for index in self.runnable if self.cells[index].kind != "solution"]
        names = mentioned_names("\n".join(map(without_magics, [self.cells[own].source, *shared])))
        return any(may_interfere(self.cells[index].source, names) for index in others)

    def _needed(self, exercise: Exercise) -> list[str]:
        """Earlier exercises whose functions this answer mentions, or that the exercise always needs."""
        names = mentioned_names(without_magics(self.cells[self.solutions[exercise.id]].source))
        return [
            other.id
            for other in self.assignment.exercises
            if self.solutions[other.id] < self.solutions[exercise.id]
            and (other.id in exercise.needs or names & set(other.functions))
        ]

    def _alone(self, exercise: Exercise, needed: list[str]) -> tuple[Report, str, float]:
        """The exercise without the student's other answers, the staff's solutions of the `needed` ones standing in.

        Returns the report, its reason, and the time it took.
        """
        use = {index: source for index, source in self.runnable.items() if self.cells[index].kind != "solution"}
        use[self.solutions[exercise.id]] = self.cells[self.solutions[exercise.id]].source
        staff = {self.solutions[name]: self.assignment.worked[name] for name in needed}
        self.reasons.pop(exercise.id, None)
        self._look_at_source(exercise)
        sitting = Sitting(self, use, staff)
        try:
            plugin = self._tests([exercise], sitting.answer, self.seed)
        finally:
            sitting.close()
        return plugin.report(exercise), plugin.forbidden(exercise), plugin.seconds[exercise.id]

    def _knowing_public_inputs(self, reports: dict[str, Report], reasons: dict[str, str]) -> list[Exercise]:
        """Exercises whose answers fail, and yet get full marks on the inputs that everybody can see.

        One seed proves nothing, since an honest mistake may show for some inputs only: most tests must fail for two
        hidden seeds, and none for the public one.
        """
        if self.seed == PUBLIC_SEED:
            return []
        suspects = [
            exercise
            for exercise in self.assignment.exercises
            if 2 * reports[exercise.id].points <= exercise.max_points
            and not reasons[exercise.id]
            and exercise.id not in self._explained
            and self.cells[self.solutions[exercise.id]].answered
        ]
        if not suspects:
            return []
        sitting = Sitting(self, self.runnable)
        try:
            public = self._tests(suspects, sitting.answer, PUBLIC_SEED, until_failure=True)
        finally:
            sitting.close()
        suspects = [exercise for exercise in suspects if public.report(exercise).full]
        found = []
        for exercise in suspects:
            sitting = Sitting(self, self.runnable)
            try:
                again = self._tests([exercise], sitting.answer, self.seed + 1).report(exercise)
            finally:
                sitting.close()
            if 2 * again.points <= exercise.max_points:
                found.append(exercise)
        return found

    def _tests(self, exercises: list[Exercise], arrange, seed: int, until_failure: bool = False) -> GradingPlugin:
        plugin = run_tests(exercises, arrange, seed, until_failure)
        self.test_seconds += sum(plugin.seconds.values())
        self._explained |= plugin.explained
        return plugin

    def _look_at_source(self, exercise: Exercise) -> None:
        code = [cell.source for cell in self.cells if cell.cell_type == "code" and cell.kind in ("extra", "solution")]
        own = self.cells[self.solutions[exercise.id]].source
        for source in (own, "\n".join(without_magics(source) for source in code)):
            delegated = delegation_in_source(without_magics(source), exercise.functions)
            if delegated is not None:
                self.reasons[exercise.id] = delegation_sentence(delegated)

    def seconds_for(self, index: int) -> float:
        """Processor time that a cell may take; the student's own cells share one budget."""
        for exercise in self.assignment.exercises:
            if exercise.id == self.cells[index].exercise:
                return exercise.cell_time
        if self._extra_seconds <= 0:
            self.repairs.append("the student's own cells used up their time: those after it were left out")
        return min(EXTRA_CELL_SECONDS, self._extra_seconds)

    def count_worker(self) -> None:
        """Raises Mistake when the submission has used up its time or its workers."""
        self._workers += 1
        if self._workers > MAX_WORKERS or time.monotonic() > self._ends:
            reason = "the submission used all the time that there is for one: its last exercises were not graded"
            self.review.append(reason)
            raise Mistake(reason)

    def note_cell(self, index: int, outcome: CellOutcome, seconds: float) -> None:
        """Remember what a cell printed and did, and how long it took."""
        cell = self.cells[index]
        if cell.kind != "solution":
            self._extra_seconds -= seconds
        if index not in self.outputs:
            self.outputs[index] = cleaned(outcome)
        strange = [*outcome.attempts, *outcome.replaced]
        if strange or outcome.ended or outcome.error:
            self._troubled.add(index)
        if cell.kind == "solution":
            reason = ""
            if outcome.ended:
                reason = f"the solution cell {outcome.ended}"
            elif outcome.stopped:
                reason = f"the solution cell stopped with {outcome.error}"
            elif strange:
                reason = f"the solution cell {strange[0]}"
            if reason:
                self.reasons[cell.exercise] = f"{printable(reason)} (no points for this exercise)"
            elif outcome.error:
                self.remarks[cell.exercise].append(f"the solution cell raised {printable(outcome.error)[:300]}")
        elif outcome.ended:
            self.repairs.append(f"a cell of the student's own was left out: it {printable(outcome.ended)}")
        elif outcome.attempts:
            self.review.append(f"a cell of the student's own {printable(outcome.attempts[0])}, in vain")
        elif outcome.replaced:
            self.repairs.append(f"a cell of the student's own {printable(outcome.replaced[0])}: it was put back")

    def _notebook(self, results: Sequence[ExerciseResult], reports: dict[str, Report]) -> NotebookNode:
        notebook = to_notebook(self.assignment.release, self.rebuilt)
        points = {result.exercise: result for result in results}
        left = MAX_OUTPUT
        for index, (cell, rebuilt) in enumerate(zip(notebook.cells, self.cells, strict=True)):
            if rebuilt.kind == "check":
                cell.outputs = check_outputs(points[rebuilt.exercise], reports[rebuilt.exercise])
            elif cell.cell_type == "code" and index in self.outputs:
                size = len(json.dumps(self.outputs[index]))
                left -= size
                if left >= 0:
                    cell.outputs = [nbformat.from_dict(output) for output in self.outputs[index]]
        return notebook


def check_outputs(result: ExerciseResult, report: Report) -> list[NotebookNode]:
    """The table of the tests, and the points as the value of the cell, which is what nbgrader reads."""
    remarks = [f"Remark: {text}" for text in result.remarks]
    plain = "\n".join([report.text(), *remarks])
    table = {"text/html": report.html(remarks), "text/plain": plain}
    return [
        nbformat.v4.new_output("display_data", data=table),
        nbformat.v4.new_output("execute_result", data={"text/plain": number(result.points)}),
    ]


def cleaned(outcome: CellOutcome) -> list[dict]:
    """Outputs as data that a notebook may hold: text without control characters, PNG pictures, nothing else."""
    kept = []
    for output in outcome.outputs[:40]:
        if output.get("output_type") == "stream":
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            kept.append({"output_type": "stream", "name": name, "text": lines(output.get("text"))})
        elif output.get("output_type") in ("display_data", "execute_result"):
            kept += shown(output.get("data"))
    if outcome.error or outcome.ended:
        name, _, text = (outcome.error or f"the process: {outcome.ended}").partition(": ")
        name, text = printable(name)[:80], printable(text)[:500]
        kept.append({"output_type": "error", "ename": name, "evalue": text, "traceback": [f"{name}: {text}"]})
    return kept


def shown(data: object) -> list[dict]:
    """A displayed value; always `display_data`, since nbgrader reads points from an `execute_result`."""
    if not isinstance(data, dict):
        return []
    image = data.get("image/png")
    kept = {"text/plain": lines(data.get("text/plain"))[:5000]}
    if isinstance(image, str) and len(image) < 1_500_000 and image.isascii() and image.startswith("iVBORw0KGgo"):
        kept["image/png"] = "".join(image.split())
    return [{"output_type": "display_data", "data": kept, "metadata": {}}]


def lines(text: object) -> str:
    return "\n".join(printable(line) for line in str(text or "")[:25_000].split("\n"))
