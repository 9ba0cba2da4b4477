"""Whose submission it is and where all of it lies, and where a process gets its workers: values that travel."""

import pickle
from pathlib import Path
from typing import ClassVar

import pytest

from autograde.classroom import submission as module
from autograde.classroom import workers as workers_module
from autograde.classroom.submission import Submission, results_folder
from autograde.classroom.workers import Workers, workers
from autograde.judge.connection import ServerFailed

HERE = Path("class")
STRANGE = ["", "..", "a..b", "-", "a/b", "*", "line\nbreak", "x" * 200, "\udcff"]


def test_paths_of_a_student():
    ada = Submission(HERE, "ada", "one")
    assert ada.refusal == ""
    assert ada.result_path == HERE / "results" / "one" / "ada.json"
    assert ada.autograded_path == HERE / "autograded" / "ada" / "one" / "one.ipynb"
    assert ada.feedback_path == HERE / "feedback" / "ada" / "one" / "one.html"


@pytest.mark.parametrize("name", STRANGE)
def test_a_name_that_may_not_be_used_has_a_result_and_no_other_path(name):
    strange = Submission(HERE, name, "one")
    assert repr(strange.refusal) and strange.refusal.endswith(".") and strange.refusal.isprintable()
    assert strange.result_path.parent == results_folder(HERE, "one")
    for path in ("autograded_path", "feedback_path"):
        with pytest.raises(ValueError, match="The student id"):
            getattr(strange, path)


def test_results_of_strange_names_do_not_meet():
    assert len({Submission(HERE, name, "one").result_path for name in [*STRANGE, "ada"]}) == len(STRANGE) + 1


def test_names_are_checked_when_it_is_made_and_never_again(monkeypatch):
    ada, strange = Submission(HERE, "ada", "one"), Submission(HERE, "..", "one")
    monkeypatch.setattr(module, "name_refusal", None)
    assert pickle.loads(pickle.dumps([ada, strange])) == [ada, strange]
    assert strange.result_path != ada.result_path


class Connection:
    """In the place of the connection to a fork server."""

    made: ClassVar[list] = []

    def __init__(self, address=None, **options):
        self.made.append(address)
        self.address = address

    joined = classmethod(lambda cls, address: cls(address))

    def ask(self, do, **fields):
        if self.address == "broken":
            raise ServerFailed("gone")

    def close(self):
        pass


@pytest.fixture
def made(monkeypatch):
    monkeypatch.setattr(workers_module, "ServerConnection", Connection)
    monkeypatch.setattr(Connection, "made", [])
    yield Connection.made
    workers.cache_clear()


def test_sent_to_a_process_they_are_that_processs_own(made):
    here = workers(False, "address")
    assert pickle.loads(pickle.dumps(here)) is here and workers(True, "address") is not here
    sent = pickle.dumps(here)
    workers.cache_clear()
    there = pickle.loads(sent)
    assert there is not here and (there.sandbox, there.address) == (False, "address")
    assert there.server() is there.server() and made == ["address"]


def test_another_server_takes_the_place_of_one_that_failed(made):
    shared = Workers(True, "address")
    first = shared.server()
    assert shared.another_server() is shared.server() is not first and made == ["address", None]


def test_a_server_that_does_not_answer_is_not_kept(made):
    broken = Workers(True, "broken")
    for _ in range(2):
        with pytest.raises(ServerFailed):
            broken.server()
    assert made == ["broken", "broken"]
