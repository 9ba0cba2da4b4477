"""A stored grade holds as long as nothing changed that graded it: what the digest of an assignment looks at."""

import sys
from pathlib import Path

import pytest

from autograde.bank import bank
from autograde.classroom.digest import GRADER, digest_of, grader_digest, grader_files

EXERCISES = ["so-sgd", "so-minibatch-gradient"]
GRADING = [
    "judge/escape.py",
    "judge/runner.py",
    "worker/wire.py",
    "sandbox/seccomp.py",
    "sandbox/deeper/attacks.py",
    "classroom/rebuild.py",
    "classroom/templates/report.html",
    "classroom/templates/style.css",
    "bank/__init__.py",
    "bank/inputs.py",
    "bank/gradient_mistakes.py",
    "bank/so_sgd/exercise.py",
    "bank/so_sgd/mistakes.py",
    "bank/so_sgd/inputs.csv",
    "bank/so_minibatch_gradient/exercise.py",
]
OTHERS = [
    "bank/so_sgd/right_plain.py",
    "bank/so_sgd/wrong.py",
    "bank/so_sgd/wrong_sign.py",
    "bank/so_svrg/exercise.py",
    "bank/so_svrg/mistakes.py",
    "bank/__pycache__/inputs.cpython-312.pyc",
    "judge/__pycache__/escape.cpython-312.pyc",
    "judge/.escape.py.swp",
    "classroom/.ipynb_checkpoints/report.html",
    "class/seeds.json",
    "authoring/notebooks.py",
    "cli.py",
]


@pytest.fixture
def grader(tmp_path):
    for name in (*GRADING, *OTHERS):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"x = 1  # {name}\n")
    return tmp_path


def digest(grader):
    return grader_digest([b"release"], EXERCISES, grader)


@pytest.mark.parametrize("name", GRADING)
def test_what_grades_changes_it(grader, name):
    before = digest(grader)
    text = (grader / name).read_text()
    (grader / name).write_text(text.replace("1", "2"))
    changed = digest(grader)
    (grader / name).unlink()
    removed = digest(grader)
    (grader / name).with_name("renamed.py").write_text(text)
    assert len({before, changed, removed, digest(grader)}) == 4


@pytest.mark.parametrize("name", OTHERS)
def test_what_does_not_grade_leaves_it(grader, name):
    before = digest(grader)
    (grader / name).write_text("x = 2\n")
    assert digest(grader) == before
    (grader / name).unlink()
    assert digest(grader) == before


def test_the_library_that_answers_may_call_changes_it(grader, tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    (library / "losses.py").write_text("x = 1")
    before = grader_digest([b"release"], EXERCISES, grader, library)
    (library / "losses.py").write_text("x = 2")
    assert grader_digest([b"release"], EXERCISES, grader, library) != before


def test_release_and_exercises_change_it(grader):
    assert grader_digest([b"other"], EXERCISES, grader) != digest(grader)
    assert grader_digest([b"release"], EXERCISES[:1], grader) != digest(grader)
    assert digest_of([b"ab", b"c"]) != digest_of([b"a", b"bc"])


def test_whatever_grading_imports_of_the_grader_is_looked_at():
    files = set(grader_files(bank()))
    imported = {name: module.__file__ for name, module in sys.modules.items() if name.startswith("autograde.")}
    imported = {name: Path(path) for name, path in imported.items() if path}  # a folder of an exercise has none
    at_the_root = ("autograde.verify", "autograde.cli", "autograde.checking")
    missing = {name for name, path in imported.items() if path not in files and name not in at_the_root}
    missing = {name for name in missing if not name.endswith(".wrong")}  # answers, which other tests have imported
    assert not {name for name in missing if not name.startswith("autograde.authoring")}
    assert {GRADER / "judge" / "escape.py", GRADER / "sandbox" / "seccomp.py", GRADER / "bank" / "__init__.py"} <= files
