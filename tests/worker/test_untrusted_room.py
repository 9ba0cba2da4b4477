"""What runs students' code has nothing of the trusted rooms: neither imported nor within its reach."""

import shutil

import pytest
import torch

from autograde.judge.connection import CellOutcome, ServerConnection
from autograde.judge.launch import own_sources
from autograde.sandbox.paths import ROOT

GRADER = ROOT / "autograde"
TRUSTED = [
    *("cli.py", "checking.py", "verify.py", "nbgrader_config.py", "judge/exercise.py", "judge/expect.py"),
    *("bank/__init__.py", "classroom/grading.py", "classroom/seeds.py"),
]
# What the process that forked this one had imported of the grader stands in the frames that the fork copied.
SOURCE = """
import sys
from pathlib import Path

def imported_by_the_server():
    frame = sys._getframe()
    while not hasattr(frame.f_locals.get("self"), "_grader"):
        frame = frame.f_back
    return list(frame.f_locals["self"]._grader)

def imported():
    return [name for name in sys.modules if name.split(".")[0] == "autograde"]

def stub():
    import autograde
    return [name for name in vars(autograde) if not name.startswith("_")]

def path():
    return sys.path

def reading(paths):
    found = {}
    for path in paths:
        try:
            found[path] = len(Path(path).read_bytes())
        except OSError as error:
            found[path] = type(error).__name__
    return found
"""


@pytest.fixture(scope="module", params=["landlock", "bubblewrap"])
def server_in(request, server):
    """A fork server whose workers that mechanism confines."""
    if request.param == "landlock":
        yield server
        return
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    with ServerConnection(bubblewrap=True) as started:
        yield started


@pytest.fixture
def answer_of(server_in):
    """What a function of the source above returns in a fresh worker."""
    worker = server_in.spawn(memory=2**30)
    assert worker.run_cell(SOURCE, 10.0) == CellOutcome()

    def call(name, *arguments):
        target = ["name", name]
        reply, reader = worker.request({"do": "call", "target": target}, {"args": arguments, "kwargs": {}}, 10.0)
        assert "error" not in reply, reply
        return reader.read(reply["value"])

    yield call
    worker.close()


def test_the_server_has_imported_the_untrusted_rooms_only(answer_of):
    names = answer_of("imported_by_the_server")
    assert {"autograde.worker.student", "autograde.worker.wire", "autograde.sandbox.landlock"} <= set(names)
    assert {name.split(".")[1] for name in names if "." in name} == {"worker", "sandbox"}


def test_a_worker_has_nothing_of_the_grader(answer_of):
    assert answer_of("imported") == ["autograde"] and answer_of("stub") == ["check"]
    assert str(ROOT) not in answer_of("path")


def test_a_worker_cannot_read_the_trusted_rooms(answer_of):
    paths = [GRADER / name for name in TRUSTED]
    paths += [min((ROOT / "solutions").rglob("*.ipynb")), ROOT / "pyproject.toml"]
    assert all(path.read_bytes() for path in paths)
    found = answer_of("reading", [str(path) for path in paths])
    assert set(found.values()) <= {"PermissionError", "FileNotFoundError"} and set(found) == set(map(str, paths))
    assert type(answer_of("reading", [torch.__file__])[torch.__file__]) is int


def test_only_the_untrusted_rooms_are_handed_to_bubblewrap():
    assert own_sources() == [GRADER / "__init__.py", GRADER / "worker", GRADER / "sandbox"]
