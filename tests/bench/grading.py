"""Grading a class of assignment 1.1: against stock nbgrader, and what it costs in time, memory and interruptions."""

import json
import logging
import os
import shutil
import tempfile
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import torch

from autograde.bank.answers import known_answers
from autograde.classroom.gradebook import open_gradebook
from autograde.classroom.grading import load_assignment
from autograde.classroom.rebuild import grade_id
from autograde.classroom.settings import class_settings
from autograde.judge.answer import Answer
from autograde.judge.connection import ServerConnection
from autograde.judge.load import load
from autograde.judge.remote import RemoteAnswer
from autograde.judge.runner import run_tests
from autograde.sandbox.paths import ROOT
from tests.classroom import kill_and_resume
from tests.classroom.gradebook_rows import rows

ASSIGNMENT = "1_1_intuition"
SEED = 7
SUBMISSIONS = 40
LARGE = 200
JOBS = 2
KILLS = 20


def answers_of(number):
    """Exercise id -> source of the answer of the submission `number`: even ones are all right, odd ones all wrong."""
    sources = {}
    for exercise in load_assignment(ASSIGNMENT).exercises:
        found = [answer.source for answer in known_answers(exercise.id) if answer.right == (number % 2 == 0)]
        sources[exercise.id] = found[number // 2 % len(found)]
    return sources


@contextmanager
def a_class(size):
    """A class folder with that many submissions, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        release = ROOT / "exercises" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        for number in range(size):
            notebook = json.loads(release.read_text(encoding="utf-8"))
            sources = answers_of(number)
            for cell in notebook["cells"]:
                name = cell["metadata"].get("nbgrader", {}).get("grade_id")
                cell["source"] = sources.get(name, cell["source"])
            target = Path(folder, "submitted", f"student{number:03}", ASSIGNMENT, f"{ASSIGNMENT}.ipynb")
            target.parent.mkdir(parents=True)
            target.write_text(json.dumps(notebook), encoding="utf-8")
        yield Path(folder)


def grade(folder, jobs=JOBS):
    """Seconds of the whole command `autograde grade`, from nothing to the gradebook."""
    started = time.perf_counter()
    kill_and_resume.finish(folder, ASSIGNMENT, "--jobs", str(jobs), "--seed", str(SEED))
    return time.perf_counter() - started


def grading_throughput():
    """Submissions a minute against stock nbgrader, which has its own Execute; both from nothing to the gradebook."""
    with a_class(SUBMISSIONS) as folder:
        ours = grade(folder)
        mine = points(class_settings(folder))
    with a_class(SUBMISSIONS) as folder:
        stock, theirs = stock_nbgrader(folder)
        warned = warning_cells(folder)
    # Stock nbgrader gives nothing for a right answer that prints a warning: those are counted apart.
    different = {key for key in mine if mine[key] != theirs[key]}
    return {
        "ratio": stock / ours,
        "ours_per_minute": 60 * SUBMISSIONS / ours,
        "stock_per_minute": 60 * SUBMISSIONS / stock,
        "scores": len(mine),
        "different_scores": len(different - warned),
        "lost_by_stock_for_a_warning": len(different & warned),
    }


def warning_cells(folder):
    """(student, cell) of the graded cells in which stock nbgrader found something on stderr."""
    found = set()
    for path in (folder / "autograded").glob("*/*/*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if any(output.get("name") == "stderr" for output in cell.get("outputs", [])):
                found.add((path.parents[1].name, cell["metadata"].get("nbgrader", {}).get("grade_id")))
    return found


def points(config):
    """(student, exercise) -> score."""
    with open_gradebook(config) as gradebook:
        return {
            (submission.student_id, grade.name): float(grade.score)
            for submission in gradebook.assignment_submissions(ASSIGNMENT)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


def stock_nbgrader(folder):
    """Seconds that nbgrader takes with its own steps, and its scores; the inputs have the same seed."""
    from nbgrader.apps import NbGraderAPI
    from sqlalchemy.exc import SAWarning
    from traitlets.config import Config

    config = class_settings(folder)
    plain = Config({"CourseDirectory": config.CourseDirectory, "GenerateAssignment": {"force": True}})
    plain.CourseDirectory.release_directory = "release"
    plain.Execute.timeout = 120
    plain.Execute.extra_arguments = ["--log-level=ERROR"]
    warnings.simplefilter("ignore", SAWarning)
    api = NbGraderAPI(config=plain)
    api.log.setLevel(logging.ERROR)
    api.log.propagate = False
    made = api.generate_assignment(ASSIGNMENT)
    if not made["success"]:
        raise RuntimeError(made["log"])
    with environment("AUTOGRADE_SEED", str(SEED)):
        started = time.perf_counter()
        for student in sorted(path.name for path in (folder / "submitted").iterdir()):
            result = api.autograde(ASSIGNMENT, student)
            if not result["success"]:
                raise RuntimeError(f"{student}: {result.get('log', '')}")
        seconds = time.perf_counter() - started
    return seconds, points(plain)


@contextmanager
def environment(name, value):
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def grading_overhead():
    """Seconds a submission besides the tests' own compute: what the same tests take in-process, without a worker.

    As everywhere here, time a submission is that of the command on this machine over the number of submissions, so of
    the compute each process takes its share. `one_process` is the same for one process, with its start over 40
    submissions.
    """
    compute = in_process_seconds(SUBMISSIONS)
    with a_class(LARGE) as folder:
        total = grade(folder) / LARGE
    with a_class(SUBMISSIONS) as folder:
        alone = grade(folder, jobs=1) / SUBMISSIONS
    compute = (compute + in_process_seconds(SUBMISSIONS)) / 2  # before and after: machines change their speed
    return {
        "seconds": total - compute / JOBS,
        "total_seconds": total,
        "compute_seconds": compute,
        "one_process": alone - compute,
        "submissions": LARGE,
    }


def in_process_seconds(submissions):
    """Time that the tests of a submission take with the answers in this process, on one thread as in a judge."""
    assignment, seconds = load_assignment(ASSIGNMENT), 0.0
    with one_thread():
        for number in range(submissions):
            namespaces = {name: names_of(source) for name, source in answers_of(number).items()}
            plugin = run_tests(
                assignment.exercises, lambda exercise, found=namespaces: Answer(found[exercise.id]), SEED
            )
            seconds += sum(plugin.seconds.values())
    return seconds / submissions


def names_of(source):
    """What the source of an answer defines."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "answer.py")
        path.write_text(source, encoding="utf-8")
        return load(path)


@contextmanager
def one_thread():
    """One thread for PyTorch inside, and what there was before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def grading_memory():
    """MiB of memory that a worker has for itself, at most, while it grades each of the submissions."""
    assignment = load_assignment(ASSIGNMENT)
    used = []
    with ServerConnection() as server:
        for number in range(4):
            sources = answers_of(number)
            worker = server.spawn(2**30)
            used.append(private_memory(worker.pid))
            for cell in assignment.release.cells:
                if cell.cell_type != "code" or str(grade_id(cell)).endswith("-check"):
                    continue
                worker.run_cell(sources.get(grade_id(cell), cell.source), 30.0)
                used.append(private_memory(worker.pid))
            for exercise in assignment.exercises:
                if worker.alive:
                    run_tests([exercise], lambda _, now=worker: RemoteAnswer(now), SEED)
                if worker.alive:
                    used.append(private_memory(worker.pid))
            worker.close()
    return {"most_mib": max(used) / 2**20, "first_mib": used[0] / 2**20}


def private_memory(pid):
    """Bytes of a worker's memory that it does not share with its fork server. Only root may look."""
    rows = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    table = {row[0]: int(row[1]) * 1024 for row in rows}
    return table["Private_Clean:"] + table["Private_Dirty:"]


def grading_scaling():
    """Time a submission in a class ten times as large."""
    with a_class(SUBMISSIONS) as small, a_class(10 * SUBMISSIONS) as large:
        few = grade(small)
        many = grade(large)
    return {
        "ratio": many / (10 * SUBMISSIONS) / (few / SUBMISSIONS),
        "small_seconds": few / SUBMISSIONS,
        "large_seconds": many / (10 * SUBMISSIONS),
    }


def kill_resume():
    """Kills at random moments, then going on: rows lost and doubled against a run that nobody disturbed."""
    with a_class(SUBMISSIONS) as quiet, a_class(SUBMISSIONS) as disturbed:
        seconds = grade(quiet)
        with open_gradebook(class_settings(quiet)) as gradebook:
            expected = rows(gradebook)
        shutil.copy(quiet / "seeds.json", disturbed)
        ends = kill_and_resume.kill_and_resume(disturbed, ASSIGNMENT, KILLS, 1.2 * seconds, SEED, "--jobs", str(JOBS))
    lost = max(len(set(expected) - set(found)) for found in ends)
    doubled = max(len(found) - len(set(found)) for found in ends)
    other = max(len(set(found) - set(expected)) for found in ends)
    return {"kills": KILLS, "lost": lost, "doubled": doubled, "other": other, "rows": len(expected)}
