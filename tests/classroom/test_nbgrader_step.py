"""nbgrader's own doors give the scores of `autograde grade`, and no submission stops or fools them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config

from autograde.bank.answers import first_answer
from autograde.classroom import nbgrader_step
from autograde.classroom.gradebook import open_gradebook
from autograde.classroom.grading import grade_submission, load_assignment
from autograde.classroom.intake import read_submission
from autograde.classroom.seeds import seed_of
from autograde.classroom.settings import course_settings
from autograde.classroom.submission import Submission
from autograde.classroom.workers import workers
from autograde.sandbox.paths import ROOT
from tests.classroom.gradebook_rows import rows
from tests.patience import HANG_SECONDS

ASSIGNMENT = "1_1_intuition"
NOTEBOOK = f"{ASSIGNMENT}.ipynb"
SEED = 20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux"),
]


@pytest.fixture(scope="module")
def assignment():
    return load_assignment(ASSIGNMENT)


def submission(assignment, answers):
    """The release with the solution cells of `answers` (exercise id -> source) filled in."""
    notebook = nbformat.from_dict(assignment.release)
    notebook = nbformat.reads(nbformat.writes(notebook), as_version=4)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(name, cell.source)
    return notebook


def submitted(folder, student):
    path = folder / "submitted" / student / ASSIGNMENT / NOTEBOOK
    path.parent.mkdir(parents=True)
    return path


def build(folder, assignment):
    """Honest, lazy and hostile students; what nbgrader by itself stops at, or takes for full marks, is among them."""
    names = [exercise.id for exercise in assignment.exercises]
    worked = assignment.worked
    wrong = {name: first_answer(name, right=False).source for name in names}
    classes = {
        "full": worked,
        "partial": {name: worked[name] for name in names[::2]},
        "wrong": wrong,
        "empty": {},
        "crashing": {**worked, names[0]: "import os\nos._exit(0)"},
        "forging": {**worked, names[1]: "import sys\nsys.displayhook(7.0)"},
    }
    for student, answers in classes.items():
        nbformat.write(submission(assignment, answers), submitted(folder, student))
    notebook = submission(assignment, worked)
    notebook.cells += [
        nbformat.from_dict({**cell, "id": f"again-{index}"}) for index, cell in enumerate(notebook.cells)
    ]
    nbformat.write(notebook, submitted(folder, "duplicated"))
    notebook = submission(assignment, worked)
    for cell in notebook.cells:
        cell.metadata["nbgrader"] = {"schema_version": 1, "grade_id": "x", "locked": "no", "points": "NaN"}
    path = submitted(folder, "flags")
    path.write_text(json.dumps(notebook))
    submitted(folder, "garbage").write_bytes(b'{"cells": [')
    path = submitted(folder, "linked")
    nbformat.write(submission(assignment, worked), path)
    (path.parent / "data.txt").symlink_to("/dev/zero")
    path = submitted(folder, "piped")
    nbformat.write(submission(assignment, worked), path)
    os.mkfifo(path.parent / "timestamp.txt")
    path = submitted(folder, "misnamed")
    nbformat.write(submission(assignment, worked), path.with_name("mine.ipynb"))
    path = submitted(folder, "module")
    nbformat.write(submission(assignment, worked), path)
    (path.parent / "torch.py").write_text("raise SystemExit")
    (path.parent / "notes.txt").write_text("hello")
    return folder


STUDENTS = ["crashing", "duplicated", "empty", "flags", "forging", "full", "garbage", "linked", "misnamed", "module"]
STUDENTS += ["partial", "piped", "wrong"]
REVIEWED = {"garbage", "linked", "misnamed", "piped"}
REFUSED = {"garbage", "misnamed"}


@pytest.fixture(scope="module")
def course(tmp_path_factory, assignment):
    """A class graded through the API of nbgrader, as formgrader's button does it."""
    folder = build(tmp_path_factory.mktemp("course"), assignment)
    seed_of(folder, ASSIGNMENT, SEED)
    config = course_settings(folder, source=ROOT / "solutions")
    api = NbGraderAPI(config=config)
    api.log.propagate = False
    answers = {student: api.autograde(ASSIGNMENT, student) for student in STUDENTS if student != "misnamed"}
    # Of a student without any notebook of the right name, only a run over the class gets to know.
    answers["*"] = api.autograde(ASSIGNMENT, "*", force=False)
    return folder, config, answers


@pytest.fixture(scope="module")
def direct(course, assignment):
    """The engine itself on the same submissions."""
    folder, _, _ = course
    return {
        student: grade_submission(
            assignment, read_submission(Submission(folder, student, ASSIGNMENT)), "key", SEED, workers(sandbox=True)
        )
        for student in STUDENTS
    }


def grades(config):
    """Student -> {exercise: (points, whether a person must look)}."""
    with open_gradebook(config) as book:
        found = {}
        for submission in book.assignment_submissions(ASSIGNMENT):
            (notebook,) = submission.notebooks
            found[submission.student.id] = {
                grade.name.removesuffix("-check"): (grade.auto_score, grade.needs_manual_grade)
                for grade in notebook.grades
            }
        return found


def test_every_student_is_graded(course):
    _, config, answers = course
    assert {student for student, answer in answers.items() if not answer["success"]} == set(), answers
    assert sorted(grades(config)) == STUDENTS


def test_the_scores_are_those_of_the_engine(course, direct, assignment):
    _, config, _ = course
    for student, exercises in grades(config).items():
        expected = {entry.exercise: entry.points for entry in direct[student].exercises}
        assert {name: points for name, (points, _) in exercises.items()} == expected, student
    total = {student: result.points for student, result in direct.items()}
    full = sum(exercise.max_points for exercise in assignment.exercises)
    honest = {"full", "duplicated", "flags", "linked", "module", "piped"}
    assert {student for student, points in total.items() if points == full} == honest
    assert total["empty"] == 0 and all(total[student] == 0 for student in REFUSED)
    first, second = (exercise.max_points for exercise in assignment.exercises[:2])
    assert total["crashing"] == full - first and total["forging"] == full - second
    assert 0 < total["partial"] < full and 0 < total["wrong"] < full


def test_a_person_is_asked_exactly_where_there_is_doubt(course, direct):
    _, config, _ = course
    asked = {student: {asks for _, asks in exercises.values()} for student, exercises in grades(config).items()}
    assert {student for student, result in direct.items() if result.review} >= REVIEWED
    for student, result in direct.items():
        assert asked[student] == {bool(result.review)}, student


def test_formgrader_shows_what_is_to_be_reviewed(course, direct):
    folder, config, _ = course
    api = NbGraderAPI(config=config)
    pipe = folder / "submitted" / "piped" / ASSIGNMENT / "timestamp.txt"
    pipe.unlink()  # the lists of formgrader itself would wait for it
    entries = {entry["student"]: entry for entry in api.get_submissions(ASSIGNMENT)}
    os.mkfifo(pipe)
    # What has no autograded notebook is shown as not graded yet, never as done.
    shown = {student for student in REVIEWED if direct[student].notebook}
    assert {student for student, entry in entries.items() if entry["needs_manual_grade"]} == shown
    assert {student for student, entry in entries.items() if not entry["autograded"]} == REVIEWED - shown
    assert entries["linked"]["score"] == entries["full"]["score"] == 41 and entries["garbage"]["score"] == 0


def test_the_autograded_notebooks_say_the_points_in_every_grade_cell(course, direct):
    folder, _, _ = course
    for student in STUDENTS:
        path = folder / "autograded" / student / ASSIGNMENT / NOTEBOOK
        assert path.exists() == bool(direct[student].notebook)
        if not path.exists():
            assert student in REFUSED
            continue
        points = {f"{entry.exercise}-check": entry.points for entry in direct[student].exercises}
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.metadata.get("nbgrader", {}).get("grade"):
                values = [output for output in cell.outputs if output.output_type == "execute_result"]
                assert [float(value.data["text/plain"]) for value in values] == [
                    points[cell.metadata.nbgrader.grade_id]
                ]
        # Of other files nothing is copied: a link's target could go on to the feedback.
        assert [entry.name for entry in path.parent.iterdir() if entry.name != "timestamp.txt"] == [NOTEBOOK]


def test_the_results_are_stored_for_the_report(course, direct):
    folder, _, _ = course
    assert sorted(path.stem for path in (folder / "results" / ASSIGNMENT).glob("*.json")) == STUDENTS


def test_the_command_gives_the_same_gradebook(course, tmp_path, assignment):
    _, config, _ = course
    folder = build(tmp_path / "class", assignment)
    seed_of(folder, ASSIGNMENT, SEED)
    other = course_settings(folder, source=ROOT / "solutions")
    program = "import sys; from nbgrader.apps import NbGraderApp; sys.exit(NbGraderApp.launch_instance(sys.argv[1:]))"
    options = [f"--CourseDirectory.{name}={other.CourseDirectory[name]}" for name in ("root", "db_url")]
    options += [f"--CourseDirectory.{name}_directory={name}" for name in ("submitted", "autograded", "feedback")]
    result = subprocess.run(
        [sys.executable, "-c", program, "autograde", ASSIGNMENT, *options], cwd=ROOT / "autograde", text=True,
        capture_output=True, timeout=HANG_SECONDS, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    with open_gradebook(config) as expected, open_gradebook(other) as got:
        assert rows(got) == rows(expected)
    assert "garbage is to be reviewed" in result.stderr


def test_grading_again_changes_nothing_and_keeps_what_an_instructor_decided(course):
    _, config, _ = course
    with open_gradebook(config) as book:
        before = rows(book)
    api = NbGraderAPI(config=config)
    api.log.propagate = False
    assert api.autograde(ASSIGNMENT, "full")["success"]
    with open_gradebook(config) as book:
        assert rows(book) == before
        for grade in book.find_submission(ASSIGNMENT, "linked").notebooks[0].grades:
            grade.manual_score, grade.needs_manual_grade = 1.0, False
        book.db.commit()
        before = rows(book)
    # Without --force nbgrader leaves alone what is graded; so does the door for those that it handles itself.
    assert api.autograde(ASSIGNMENT, "*", force=False)["success"]
    with open_gradebook(config) as book:
        assert rows(book) == before
    assert api.autograde(ASSIGNMENT, "linked")["success"]
    with open_gradebook(config) as book:
        assert {grade.manual_score for grade in book.find_submission(ASSIGNMENT, "linked").notebooks[0].grades} == {1.0}


def test_a_better_submission_replaces_a_refused_one(tmp_path, assignment):
    folder = tmp_path / "class"
    path = submitted(folder, "ada")
    path.write_text("")
    config = course_settings(folder, source=ROOT / "solutions")
    api = NbGraderAPI(config=config)
    api.log.propagate = False
    assert api.autograde(ASSIGNMENT, "ada")["success"]
    assert set(grades(config)["ada"].values()) == {(0.0, True)}
    nbformat.write(submission(assignment, assignment.worked), path)
    assert api.autograde(ASSIGNMENT, "ada")["success"]
    assert sum(points for points, _ in grades(config)["ada"].values()) == 41
    assert {asks for _, asks in grades(config)["ada"].values()} == {False}


def test_clear_errors(tmp_path):
    folder = tmp_path / "class"
    submitted(folder, "ada").write_text("{}")
    (folder / "submitted" / "ada" / "unknown").mkdir()
    (folder / "submitted" / "ada" / "unknown" / "unknown.ipynb").write_text("{}")
    api = NbGraderAPI(config=course_settings(folder, source=ROOT / "solutions"))
    api.log.propagate = False
    answer = api.autograde("unknown", "ada")
    assert not answer["success"] and "there is no assignment 'unknown'" in answer["error"]
    config = course_settings(folder, source=ROOT / "solutions")
    config.CourseDirectory.submitted_directory = "handed_in"
    (folder / "submitted").rename(folder / "handed_in")
    api = NbGraderAPI(config=config)
    api.log.propagate = False
    answer = api.autograde(ASSIGNMENT, "ada")
    assert not answer["success"] and "must lie in <class>/submitted/<student>" in answer["error"]


def test_the_course_s_own_release_is_used_when_it_has_one(tmp_path):
    from nbgrader.coursedir import CourseDirectory

    course = CourseDirectory(config=Config(), root=str(tmp_path), release_directory="exercises")
    otherwise = Path("elsewhere")
    assert nbgrader_step.folder_with(ASSIGNMENT, course, "release_directory", otherwise) == otherwise
    path = tmp_path / "exercises" / ASSIGNMENT / NOTEBOOK
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    assert nbgrader_step.folder_with(ASSIGNMENT, course, "release_directory", otherwise) == tmp_path / "exercises"
