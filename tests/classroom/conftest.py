"""A class folder with submissions of assignment 1.1, some right, some wrong, some empty."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from autograde.bank import bank
from autograde.bank.answers import first_answer
from autograde.sandbox.paths import ROOT

ASSIGNMENT = "1_1_intuition"
RELEASE = ROOT / "exercises" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
EXERCISES = [exercise.id for exercise in bank().values() if exercise.notebook == ASSIGNMENT]


class ClassFolder:
    """`submit` puts a notebook where submissions lie; an answer is "right", "wrong", None or the source of a cell."""

    assignment = ASSIGNMENT
    exercises = EXERCISES

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "submitted").mkdir(parents=True)

    def submit(self, student: str, answers: str | Mapping[str, str] | None = "right") -> Path:
        notebook = json.loads(RELEASE.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            name = cell["metadata"]["nbgrader"]["grade_id"]
            answer = answers.get(name) if isinstance(answers, Mapping) else answers
            if name in EXERCISES and answer is not None:
                cell["source"] = source(name, answer)
        target = self.path / "submitted" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(notebook), encoding="utf-8")
        return target

    def copy(self, path: Path) -> ClassFolder:
        """The same submissions in another folder, graded by nobody."""
        other = ClassFolder(path)
        shutil.copytree(self.path / "submitted", path / "submitted", dirs_exist_ok=True)
        return other


def source(exercise: str, answer: str) -> str:
    if answer not in ("right", "wrong"):
        return answer
    return first_answer(exercise, right=answer == "right").source.rstrip("\n")


@pytest.fixture
def class_folder(tmp_path):
    return ClassFolder(tmp_path / "class")


@pytest.fixture(scope="session")
def new_class():
    """Path -> ClassFolder, for tests that need more than one."""
    return ClassFolder


@pytest.fixture(scope="session")
def kill_and_resume():
    """The module of that name, which the benchmark uses too."""
    path = Path(__file__).with_name("kill_and_resume.py")
    spec = importlib.util.spec_from_file_location("kill_and_resume", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
