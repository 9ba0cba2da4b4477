"""A class as a whole: what is graded, what is kept, and that nothing in one submission touches another."""

from __future__ import annotations

import fcntl
import json
import shutil
import stat
import threading
import time
from concurrent.futures import Executor, Future
from dataclasses import replace

import psutil
import pytest

from autograde.classroom import batch, grading, seeds
from autograde.classroom.batch import CannotGrade, Judges, Task, grade_class, key_of, read_result
from autograde.classroom.gradebook import open_gradebook, recorded
from autograde.classroom.records import ExerciseResult, SubmissionResult
from autograde.classroom.settings import class_settings
from autograde.classroom.submission import Submission
from autograde.classroom.summary import Change, Summary
from autograde.classroom.workers import Workers, workers
from tests.classroom.gradebook_rows import rows
from tests.patience import until

NAME = "1_1_intuition"


class Here(Executor):
    """Runs each task at once, in this process."""

    def submit(self, function, /, *arguments, **named):
        future = Future()
        try:
            future.set_result(function(*arguments, **named))
        except BaseException as error:
            future.set_exception(error)
        return future


@pytest.fixture
def engine(monkeypatch):
    """Stands in for the real engine where only the order of things is tested: points by the seed and the answer."""
    graded = []

    def grade_submission(assignment, intake, key, seed, workers):
        student = intake.submission.student
        graded.append(student)
        if intake.refusals:
            return grading.refused(assignment, intake, key)
        points = float(seed % 3) + ("minibatch" in str(intake.notebook["cells"][-1]))
        exercises = tuple(
            ExerciseResult(exercise.id, points, exercise.max_points, ()) for exercise in assignment.exercises
        )
        return SubmissionResult(student, assignment.name, key, exercises, notebook=json.dumps(RELEASE))

    RELEASE = json.loads((grading.ROOT / "exercises" / NAME / f"{NAME}.ipynb").read_text())
    monkeypatch.setattr(grading, "grade_submission", grade_submission)
    monkeypatch.setattr(Workers, "server", lambda self: None)
    return graded


def run(folder, **options):
    return grade_class(NAME, folder.path, sandbox=False, executor=Here(), progress=False, **options)


def rows_of(path):
    with open_gradebook(class_settings(path)) as gradebook:
        return rows(gradebook)


def test_only_what_changed_is_graded_again(class_folder, engine):
    for student in ("ada", "boris", "chen"):
        class_folder.submit(student)
    first = run(class_folder, seed=1)
    assert (first.graded, first.kept, first.stale, first.changes) == (3, 0, 0, ())
    assert engine == ["ada", "boris", "chen"]
    before = rows_of(class_folder.path)

    assert (run(class_folder).graded, run(class_folder, regrade=True).kept) == (0, 3)
    assert rows_of(class_folder.path) == before

    last = class_folder.exercises[-1]
    class_folder.submit("boris", {last: "x = 'minibatch'"})
    path = class_folder.path / "submitted" / "boris" / NAME / f"{NAME}.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "minibatch"})
    path.write_text(json.dumps(notebook))
    second = run(class_folder)
    assert (second.graded, second.kept) == (1, 2) and engine[3:] == ["boris"]
    assert second.changes == tuple(Change("boris", name, 1.0, 2.0) for name in class_folder.exercises)
    assert f"boris  {last}: 1 -> 2" in second.text()

    third = run(class_folder, seed=2)
    assert (third.graded, third.kept, third.stale) == (0, 3, 3)
    assert "3 of the kept results were made with other tests or another seed" in third.text()
    assert "--regrade" in third.text()
    fourth = run(class_folder, regrade=True)  # the seed that was given is stored
    assert (fourth.graded, fourth.stale) == (3, 0)
    assert {(change.student, change.old, change.new) for change in fourth.changes} == {
        ("ada", 1.0, 2.0), ("boris", 2.0, 3.0), ("chen", 1.0, 2.0),
    }  # fmt: skip
    assert {row[6] for row in rows_of(class_folder.path) if row[0] == "grade" and "ada" in row} == {2.0}


def test_other_tests_make_a_result_stale(class_folder, engine, monkeypatch):
    class_folder.submit("ada")
    run(class_folder, seed=1)
    load = grading.load_assignment
    monkeypatch.setattr(grading, "load_assignment", lambda name: replace(load(name), digest="others"))
    assert run(class_folder).stale == 1
    assert run(class_folder, regrade=True).graded == 1
    assert run(class_folder).stale == 0


def test_only_some_students(class_folder, engine):
    for student in ("ada", "boris", "chen"):
        class_folder.submit(student)
    summary = run(class_folder, students=["chen", "ada", "ada"])
    assert [result.student for result in summary.results] == engine == ["ada", "chen"]
    assert not any("boris" in row for row in rows_of(class_folder.path))


def test_results_that_a_killed_run_left_are_recorded_and_not_made_again(class_folder, engine):
    for student in ("ada", "boris"):
        class_folder.submit(student)
    run(class_folder, seed=1)
    before = rows_of(class_folder.path)
    (class_folder.path / "gradebook.db").unlink()
    shutil.rmtree(class_folder.path / "autograded")
    folder = Submission(class_folder.path, "ada", NAME).result_path.parent
    (folder / ".unfinished-1234").write_text("half a res")
    Submission(class_folder.path, "boris", NAME).result_path.write_text('{"student": "bor')
    run(class_folder)
    assert engine == ["ada", "boris", "boris"]
    assert rows_of(class_folder.path) == before
    assert sorted(path.name for path in folder.iterdir()) == ["ada.json", "boris.json"]
    assert Submission(class_folder.path, "ada", NAME).autograded_path.exists()


def test_names_that_are_no_student_ids(class_folder, engine):
    strange = ["a..b", "*", "line\nbreak", "-", "x" * 200]
    for student in [*strange, "ada"]:
        class_folder.submit(student)
    summary = run(class_folder)
    assert set(summary.reviews) == set(strange)
    assert {row[1] for row in rows_of(class_folder.path) if row[0] == "student"} == {"ada"}
    assert len(list((class_folder.path / "results" / NAME).iterdir())) == 6
    assert sorted(path.name for path in (class_folder.path / "autograded").iterdir()) == ["ada"]
    text = summary.text()
    assert "line\\nbreak: " in text and "line\nbreak" not in text
    assert run(class_folder).graded == 0  # they too are graded once


def test_a_defect_of_the_grader_costs_one_submission_and_is_tried_again(class_folder, engine, monkeypatch):
    for student in ("ada", "boris"):
        class_folder.submit(student)
    usual = grading.grade_submission

    def defect(assignment, intake, *rest):
        if intake.submission.student == "ada":
            raise TypeError("unexpected \x1b[31m")
        return usual(assignment, intake, *rest)

    monkeypatch.setattr(grading, "grade_submission", defect)
    summary = run(class_folder, seed=1)
    assert list(summary.reviews) == ["ada"] and "TypeError: unexpected" in summary.reviews["ada"][0]
    assert "\x1b" not in summary.text()
    grades = [row for row in rows_of(class_folder.path) if row[0] == "grade"]
    assert all(row[9] == ("ada" in row) for row in grades)  # a person must look, and no points are made up
    assert {row[6] for row in grades if "ada" in row} == {0.0}
    monkeypatch.setattr(grading, "grade_submission", usual)
    assert run(class_folder).graded == 1 and not run(class_folder).reviews


def test_a_machine_that_cannot_run_students_code_is_no_students_fault(class_folder, engine, monkeypatch):
    class_folder.submit("ada")

    def no_server(self):
        raise grading.ServerFailed("the process that runs students' code did not start")

    monkeypatch.setattr(Workers, "server", no_server)
    with pytest.raises(RuntimeError, match="did not start"):
        run(class_folder)
    assert read_result(Submission(class_folder.path, "ada", NAME).result_path) is None


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"jobs": 0}, "--jobs must be at least 1, got 0"),
        ({"students": ["adda"]}, "no submission of 1_1_intuition by 'adda': did you mean 'ada'?"),
        ({"seed": -1}, "the seed must be an integer from 0"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(class_folder, engine, options, text):
    class_folder.submit("ada")
    with pytest.raises(ValueError, match=text.replace("?", r"\?")):
        run(class_folder, **options)
    assert engine == []


def test_nothing_to_grade(class_folder, engine):
    with pytest.raises(CannotGrade, match="there are no submissions of 1_1_intuition in"):
        run(class_folder)
    with pytest.raises(CannotGrade, match="there is no folder"):
        grade_class(NAME, class_folder.path / "nowhere", sandbox=False)
    with pytest.raises(ValueError, match="there is no assignment '1_2_nothing'"):
        grade_class("1_2_nothing", class_folder.path, sandbox=False)


def test_two_runs_do_not_mix(class_folder, engine):
    class_folder.submit("ada")
    with open(class_folder.path / ".grading.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(CannotGrade, match="is being graded by another run"):
            run(class_folder)
    assert run(class_folder).graded == 1  # the file is still there, the lock is not


def test_a_class_that_cannot_be_locked(class_folder, engine):
    class_folder.submit("ada")
    (class_folder.path / ".grading.lock").mkdir()
    with pytest.raises(OSError, match=r"\.grading\.lock cannot be locked \(Is a directory\): use a folder"):
        run(class_folder)
    assert engine == []


def test_progress_without_a_terminal(class_folder, engine, monkeypatch, capsys):
    for student in ("ada", "boris", "chen"):
        class_folder.submit(student)
    monkeypatch.setattr(batch, "SECONDS_BETWEEN_LINES", 0.0)
    grade_class(NAME, class_folder.path, sandbox=False, executor=Here())
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(", about ")[0] for line in lines] == [f"{NAME}: 2 of 3 submissions"]


def test_seeds(tmp_path):
    drawn = seeds.seed_of(tmp_path, "a")
    assert 0 <= drawn < 2**31 and seeds.seed_of(tmp_path, "a") == drawn
    assert seeds.seed_of(tmp_path, "b", 5) == seeds.seed_of(tmp_path, "b") == 5
    assert seeds.seed_of(tmp_path, "a") == drawn
    path = tmp_path / "seeds.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for damaged in ("{", "[]", '{"a": -1}', '{"a": true}', '{"a": "1"}'):
        path.write_text(damaged)
        with pytest.raises(ValueError, match=r"seeds\.json is damaged"):
            seeds.seed_of(tmp_path, "a")
    assert {file.name for file in tmp_path.iterdir()} == {"seeds.json", ".seeds.lock"}


def test_programs_that_start_at_once_draw_one_seed(tmp_path):
    drawn = []
    threads = [threading.Thread(target=lambda: drawn.append(seeds.seed_of(tmp_path, "a"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(drawn) == 20 and len(set(drawn)) == 1


def test_summary_of_a_class():
    def result(student, points, reason="", **fields):
        exercises = (ExerciseResult("so-a", points, 4.0, (), reason), ExerciseResult("so-b", 1.0, 2.0, ()))
        return SubmissionResult(student, "x", "key", exercises, **fields)

    results = (
        result("ada", 4.0),
        result("boris", 2.0, review=("look",)),
        result("chen", 0.0, "it crashed", refused=True, review=("=cmd()\x1b]0;",)),
    )
    summary = Summary("x", results, 2, 1, 0, (), {"ada": "not recorded"}, 1.0)
    assert summary.statistics() == [
        {"exercise": "so-a", "max_points": 4.0, "mean": 2.0, "median": 2.0, "zero_with_reason": 1},
        {"exercise": "so-b", "max_points": 2.0, "mean": 1.0, "median": 1.0, "zero_with_reason": 0},
    ]
    assert summary.reviews == {"ada": ("not recorded",), "boris": ("look",), "chen": ("=cmd()\x1b]0;",)}
    text = summary.text()
    assert "3 submissions" in text and "3 to be reviewed, 1 of them refused" in text
    assert "chen: =cmd()\\x1b]0;" in text and "\x1b" not in text
    assert json.loads(json.dumps(summary.json()))["submissions"][2]["points"] == 1.0


class Bomb:
    """Runs some code in the process that is handed it, in place of a path."""

    def __init__(self, code):
        self.code = code

    def __reduce__(self):
        return eval, (self.code,)


@pytest.mark.slow
def test_a_process_that_dies_costs_nobody_else_anything(class_folder, engine, tmp_path):
    students = ["ada", "boris", "chen", "dara", "emil"]
    for student in students:
        class_folder.submit(student)
    run(class_folder, seed=1)  # so that the processes only have to find that nothing changed
    marker = tmp_path / "marker"
    path, end = f"__import__('pathlib').Path({str(marker)!r})", "__import__('os')._exit(3)"
    once = f"{path}.with_name('class') if {path}.exists() else ({path}.touch(), {end})"
    bombs = {"boris": Bomb(end), "dara": Bomb(once)}
    assignment = grading.load_assignment(NAME)
    submissions = [Submission(bombs.get(name, class_folder.path), name, NAME) for name in students]
    tasks = [Task(submission, assignment, 1, False, workers(sandbox=False)) for submission in submissions]
    children = set(psutil.Process().children(recursive=True))
    with Judges(tasks, 2, None) as judges:
        outcomes = list(judges)
    assert sorted(outcome.result.student for outcome in outcomes) == students
    for outcome in outcomes:
        if outcome.result.student == "boris":
            assert outcome.state == "graded" and outcome.result.points == 0 and outcome.result.key == ""
            assert outcome.result.review == (batch.TWICE,)
        else:
            assert outcome.state == "kept" and not outcome.result.review and outcome.result.points > 0
    until_ended(set(psutil.Process().children(recursive=True)) - children)


def until_ended(processes):
    """Wait for their end; multiprocessing's own resource tracker stays by design."""
    until(lambda: all(is_dead_or_tracker(process) for process in processes), "the end of the grader's processes")


def is_dead_or_tracker(process):
    try:
        dead = not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        return dead or "resource_tracker" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return True


# From here on with the real engine.


@pytest.fixture(scope="module")
def serial(tmp_path_factory, new_class):
    """A class that one process graded, in one go: its folder, its summary and how long it took."""
    folder = new_class(tmp_path_factory.mktemp("serial") / "class")
    first, second, *_ = folder.exercises
    folder.submit("ada", "right")
    folder.submit("boris", "wrong")
    folder.submit("chen", {first: "right", second: "import os\nos._exit(0)"})
    folder.submit("dara", None)
    folder.submit("emil").write_text("[1, 2]")
    folder.submit("f..fay")
    started = time.monotonic()
    summary = grade_class(NAME, folder.path, jobs=1, seed=7, progress=False)
    return folder, summary, time.monotonic() - started


@pytest.mark.slow
def test_serial(serial):
    folder, summary, _ = serial
    results = {result.student: result for result in summary.results}
    assert (summary.graded, summary.kept) == (6, 0) and set(summary.reviews) == {"emil", "f..fay"}
    assert results["ada"].points == results["ada"].max_points
    assert 0 < results["boris"].points < results["boris"].max_points
    points = {exercise.exercise: exercise for exercise in results["chen"].exercises}
    assert points[folder.exercises[0]].points == points[folder.exercises[0]].max_points
    assert points[folder.exercises[1]].points == 0 and points[folder.exercises[1]].reason
    assert results["dara"].points == results["emil"].points == 0 and results["emil"].refused
    with open_gradebook(class_settings(folder.path)) as gradebook:
        assert set(recorded(gradebook, NAME)) == {"ada", "boris", "chen", "dara", "emil"}
        submission = gradebook.find_submission(NAME, "ada")
        assert submission.score == results["ada"].points and not submission.needs_manual_grade
        assert gradebook.find_submission(NAME, "emil").needs_manual_grade


@pytest.mark.slow
def test_parallel_is_serial(serial, tmp_path):
    folder, summary, _ = serial
    other = folder.copy(tmp_path / "class")
    children = set(psutil.Process().children(recursive=True))
    parallel = grade_class(NAME, other.path, jobs=2, seed=7, progress=False)
    until_ended(set(psutil.Process().children(recursive=True)) - children)
    assert rows_of(other.path) == rows_of(folder.path)
    assert [outcome.points for outcome in parallel.results] == [outcome.points for outcome in summary.results]
    for student in ("ada", "boris", "chen", "dara"):
        path = Submission(other.path, student, NAME).autograded_path
        assert path.read_bytes() == Submission(folder.path, student, NAME).autograded_path.read_bytes()


@pytest.mark.slow
def test_killed_and_resumed_is_serial(serial, tmp_path, kill_and_resume):
    folder, _, seconds = serial
    other = folder.copy(tmp_path / "class")
    seeds.seed_of(other.path, NAME, 7)
    wanted = rows_of(folder.path)
    for complete in kill_and_resume.kill_and_resume(other.path, NAME, 3, seconds, 4, "--jobs", "2"):
        assert complete == wanted
    results = sorted(path.name for path in (other.path / "results" / NAME).iterdir())
    assert results == sorted(path.name for path in (folder.path / "results" / NAME).iterdir())


@pytest.mark.slow
def test_regrade_with_the_engine(serial, tmp_path):
    folder, _, _ = serial
    path = tmp_path / "class"
    shutil.copytree(folder.path, path)
    name = folder.exercises[0]
    type(folder)(tmp_path / "other").submit("boris", "right")
    shutil.copy(
        tmp_path / "other" / "submitted" / "boris" / NAME / f"{NAME}.ipynb", path / "submitted" / "boris" / NAME
    )
    summary = grade_class(NAME, path, jobs=1, regrade=True, progress=False)
    assert (summary.graded, summary.kept) == (1, 5)
    assert {change.student for change in summary.changes} == {"boris"}
    change = next(change for change in summary.changes if change.exercise == name)
    assert change.old < change.new == {e.exercise: e.max_points for e in summary.results[0].exercises}[name]


def test_a_key_tells_files_from_tests_and_seed():
    key = key_of("files", "tests", 1)
    assert batch.same_files(key, key_of("files", "tests", 2)) and batch.same_files(key, key_of("files", "other", 1))
    assert not batch.same_files(key, key_of("other", "tests", 1)) and not batch.same_files("", key)
    assert len({key, key_of("files", "tests", 2), key_of("files", "other", 1), key_of("other", "tests", 1)}) == 4
