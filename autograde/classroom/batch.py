"""Grade a class: submissions in a pool of processes, each result at once on disk, one writer of the gradebook."""

from __future__ import annotations

import difflib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from multiprocessing.connection import wait as wait_for
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from tqdm import tqdm

from autograde.classroom import grading, intake
from autograde.classroom.digest import sha256
from autograde.classroom.files import locked, remove_unfinished, write_atomically
from autograde.classroom.records import ExerciseResult, SubmissionResult
from autograde.classroom.seeds import seed_of
from autograde.classroom.submission import Submission, results_folder
from autograde.classroom.summary import Summary, changes
from autograde.classroom.workers import Workers, workers
from autograde.judge.connection import ServerConnection
from autograde.judge.launch import Launched, launch
from autograde.sandbox.confinement import require

SECONDS_BETWEEN_LINES = 10.0


class CannotGrade(ValueError):
    """The class cannot be graded as asked; the text says why and what to do."""


@dataclass(frozen=True)
class Task:
    """One submission to grade, with all that a process needs for it."""

    submission: Submission
    assignment: grading.Assignment
    seed: int
    regrade: bool
    workers: Workers


@dataclass(frozen=True)
class TaskOutcome:
    """What became of a task: "graded", "kept" (nothing changed) or "stale" (kept although tests or seed changed).

    `previous` is the result that was replaced, without its notebook.
    """

    submission: Submission
    state: str
    result: SubmissionResult
    previous: SubmissionResult | None = None


def grade_class(
    assignment_name: str,
    class_folder: Path,
    *,
    students: Sequence[str] = (),
    jobs: int | None = None,
    seed: int | None = None,
    regrade: bool = False,
    sandbox: bool = True,
    executor: Executor | None = None,
    launched: Launched | None = None,
    progress: bool = True,
) -> Summary:
    """Grade the submissions of one assignment in `class_folder` and enter them into its gradebook.

    Grades what has no result yet or was handed in anew; with `regrade` also what other tests or another seed graded.
    `students` limits it to those; `jobs` is the number of processes (default: one a core); `executor` runs the tasks
    in place of local processes, which share one fork server (`launched`, if it is starting already). A run that was
    killed goes on where it was when it is started again.
    Raises ValueError, with one sentence, when there is nothing to grade or the class is being graded already, and
    RuntimeError when this machine cannot run students' code: Unprotected where it has no sandbox and one is asked for.
    """
    started = time.monotonic()
    if sandbox and launched is None:
        require()
    if jobs is not None and jobs < 1:
        raise CannotGrade(f"--jobs must be at least 1, got {jobs}")
    class_folder = Path(class_folder)
    assignment = grading.load_assignment(assignment_name)
    if not class_folder.is_dir():
        raise CannotGrade(f"there is no folder {class_folder}")
    chosen = choose_students(students, intake.students(class_folder, assignment.name), assignment.name, class_folder)
    busy = CannotGrade(f"{class_folder} is being graded by another run: wait for it to end")
    with locked(class_folder / ".grading.lock", busy):
        seed = seed_of(class_folder, assignment.name, seed)
        remove_unfinished(results_folder(class_folder, assignment.name))
        submissions = [Submission(class_folder, student, assignment.name) for student in chosen]
        tasks = [Task(submission, assignment, seed, regrade, workers(sandbox)) for submission in submissions]
        jobs = min(jobs or os.cpu_count() or 1, len(tasks))
        with Judges(tasks, jobs, executor, launched) as judges:
            # Imports nbgrader, which takes a second: the judges start meanwhile.
            from autograde.classroom.gradebook import GradebookWriter

            with GradebookWriter(class_folder, assignment) as writer:
                outcomes = []
                for outcome in with_progress(judges, len(tasks), assignment.name, progress):
                    if not outcome.submission.refusal:
                        writer.record(outcome.submission, outcome.result)
                    outcomes.append(replace(outcome, result=replace(outcome.result, notebook="")))
    return summarize(assignment.name, outcomes, writer.unrecorded, time.monotonic() - started)


def choose_students(asked: Sequence[str], there: Sequence[str], assignment: str, class_folder: Path) -> list[str]:
    """The students to grade. Raises CannotGrade when one who was asked for handed in nothing, or nobody did."""
    if not there:
        raise CannotGrade(f"there are no submissions of {assignment} in {class_folder / 'submitted'}")
    for student in asked:
        if student not in there:
            nearest = difflib.get_close_matches(student, there, n=1)
            hint = f": did you mean {nearest[0]!r}?" if nearest else ""
            raise CannotGrade(f"there is no submission of {assignment} by {student!r}{hint}")
    return sorted(set(asked) or there)


def work(task: Task) -> TaskOutcome:
    """Grade one submission, unless there is a result of it that still holds, and write the result to its file.

    Raises RuntimeError when this machine cannot run students' code at all, OSError when it cannot write the result.
    """
    submission = task.submission
    handed_in = intake.read_submission(submission)
    key = key_of(handed_in.digest, task.assignment.digest, task.seed)
    previous = read_result(submission.result_path)
    if previous is not None and previous.student == submission.student:
        if previous.key == key:
            return TaskOutcome(submission, "kept", previous)
        if same_files(previous.key, key) and not task.regrade:
            return TaskOutcome(submission, "stale", previous)
    task.workers.server()  # raises where students' code cannot be run at all: no submission is at fault
    try:
        result = grading.grade_submission(task.assignment, handed_in, key, task.seed, task.workers)
    except Exception as error:  # a defect of the grader must not cost the other submissions their grades
        result = not_graded(task, f"the grader itself failed ({type(error).__name__}: {error}): grade it by hand")
    write_atomically(submission.result_path, result.dumps())
    return TaskOutcome(submission, "graded", result, previous and replace(previous, notebook=""))


def key_of(submission: str, tests: str, seed: int) -> str:
    """What a result depends on, as two digests: of the submitted files, and of tests and seed."""
    return f"{sha256(submission)}-{sha256(f'{tests} {seed}')}"


def same_files(key: str, other: str) -> bool:
    return key.partition("-")[0] == other.partition("-")[0]


def read_result(path: Path) -> SubmissionResult | None:
    """The result in a file; None when there is none, or it is damaged and has to be made anew."""
    try:
        return SubmissionResult.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def not_graded(task: Task, why: str) -> SubmissionResult:
    """No points and a review; without a key, so that the next run tries again."""
    exercises = tuple(
        ExerciseResult(exercise.id, 0.0, exercise.max_points, (), reason=why) for exercise in task.assignment.exercises
    )
    return SubmissionResult(task.submission.student, task.assignment.name, "", exercises, review=(why,))


class Judges:
    """Runs the tasks, at most two a process under way, and gives their outcomes in the order in which they end.

    When a process dies, whatever was under way is graded alone, one after the other; what ends its own process twice
    is to be reviewed. The processes end with the block.
    """

    def __init__(
        self, tasks: Sequence[Task], jobs: int, executor: Executor | None, launched: Launched | None = None
    ) -> None:
        self.waiting = deque(tasks)
        self.running: dict[Future, Task] = {}
        self.dead: list[Task] = []
        self.jobs = jobs
        self.executor = executor
        self.launched = launched
        self.others = set(multiprocessing.active_children())

    def __enter__(self) -> Judges:
        if self.executor is not None:
            self.pool = self.executor
            self.submit()
            return self
        self.launched = self.launched or launch(self.waiting[0].workers.sandbox)
        try:
            self.pool = new_pool(self.jobs, share_cores=True)
            self.submit()
            ServerConnection.of(self.launched)  # the judges wait for it too, and only here it is told why it fails
        except BaseException:
            self.launched.close()
            raise
        return self

    def __iter__(self) -> Iterator[TaskOutcome]:
        while self.running or self.waiting or self.dead:
            self.submit()
            done, _ = wait(self.running, return_when=FIRST_COMPLETED)
            for future in done:
                task = self.running.pop(future)
                try:
                    outcome = future.result()
                except BrokenExecutor:
                    self.dead.append(task)
                else:
                    yield outcome
            if self.dead:
                yield from self.again()

    def submit(self) -> None:
        while self.waiting and not self.dead and len(self.running) < 2 * self.jobs:
            task = self.waiting.popleft()
            try:
                self.running[self.pool.submit(work, self.on_the_shared_server(task))] = task
            except BrokenExecutor:
                self.dead.append(task)

    def on_the_shared_server(self, task: Task) -> Task:
        if self.executor is not None:
            return task
        return replace(task, workers=workers(task.workers.sandbox, self.launched.address))

    def again(self) -> Iterator[TaskOutcome]:
        if self.executor is not None:
            raise CannotGrade("the executor ended before all submissions were graded: start it and grade again")
        suspects = self.dead + list(self.running.values())
        self.dead.clear()
        self.running.clear()
        self.pool.shutdown()
        for task in suspects:
            yield self.alone(task)
        self.pool = new_pool(self.jobs, share_cores=True)

    def alone(self, task: Task) -> TaskOutcome:
        """In a process and with a fork server of its own; in a second one where that died, which may have been killed
        from outside."""
        for _ in range(2):
            self.pool = new_pool(1)
            try:
                outcome = self.pool.submit(work, task).result()
            except BrokenExecutor:
                outcome = None
            self.pool.shutdown()
            if outcome is not None:
                return outcome
        return TaskOutcome(task.submission, "graded", not_graded(task, TWICE))

    def __exit__(self, kind: type | None, *_: object) -> None:
        if self.executor is not None:
            for future in self.running:
                future.cancel()
            return
        if kind is not None:
            for process in set(multiprocessing.active_children()) - self.others:
                process.kill()
        self.pool.shutdown(cancel_futures=True)
        self.launched.close()


TWICE = "grading it ended the grader's process twice: look at it by hand"


def new_pool(jobs: int, share_cores: bool = False) -> ProcessPoolExecutor:
    """Processes that judge; with `share_cores` each stays on one core."""
    # A fork is there at once and shares what is imported; but where this process has threads already (torch's, tqdm's)
    # they would be missing in the copy, and their locks held.
    alone = sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1
    context = multiprocessing.get_context("fork" if alone else "spawn")
    counter = context.Value("i", os.getpid()) if share_cores else None
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=start_judge, initargs=(counter,))


def start_judge(counter: Synchronized | None) -> None:
    """In a fresh process of the pool: Ctrl-C is the main process's to handle, and without that process there is no end
    to wait for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    workers.cache_clear()
    if counter is not None:
        with counter.get_lock():
            counter.value += 1
            stay_on(counter.value)
    import torch

    torch.set_num_threads(1)  # there is a process for each core already


def stay_on(core: int) -> None:
    """Keep this process, and the workers it asks for, on one core, counted among those it may use.

    A judge and its worker take turns: on two cores each would wake the other one up at every call, which took twice
    as long as grading on one.
    """
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core % len(cores)]})


def end_with_parent() -> None:
    wait_for([multiprocessing.parent_process().sentinel])
    os._exit(1)


def with_progress(outcomes: Judges, total: int, name: str, progress: bool) -> Iterator[TaskOutcome]:
    """The outcomes, with progress and time to go on stderr: a bar in a terminal, else a line every ten seconds."""
    terminal = sys.stderr.isatty()
    with tqdm(outcomes, desc=name, total=total, unit="submission", disable=not (progress and terminal)) as bar:
        said = time.monotonic()
        for done, outcome in enumerate(bar, start=1):
            yield outcome
            now = time.monotonic()
            if done == 1:
                first = now  # what came before was starting the processes
            elif progress and not terminal and now - said >= SECONDS_BETWEEN_LINES and done < total:
                left = (now - first) / (done - 1) * (total - done)
                print(f"{name}: {done} of {total} submissions, about {left:.0f} s to go", file=sys.stderr, flush=True)
                said = now


def summarize(name: str, outcomes: list[TaskOutcome], unrecorded: dict[str, str], seconds: float) -> Summary:
    outcomes = sorted(outcomes, key=lambda outcome: outcome.result.student)
    states = [outcome.state for outcome in outcomes]
    return Summary(
        assignment=name,
        results=tuple(outcome.result for outcome in outcomes),
        graded=states.count("graded"),
        kept=states.count("kept") + states.count("stale"),
        stale=states.count("stale"),
        changes=tuple(
            change for outcome in outcomes if outcome.previous for change in changes(outcome.previous, outcome.result)
        ),
        unrecorded=unrecorded,
        seconds=seconds,
    )
