"""Fixtures of the hostile suite, and its sample."""

import contextlib
import dataclasses
import os
import socket
import threading
from collections import defaultdict

import pytest

from autograde.classroom import grading
from autograde.judge import connection
from tests.hostile import harness, watch

VARIANTS = 2
USUAL = {
    (module.__name__, name): getattr(module, name)
    for module, name in ((connection, "IDLE_SECONDS"), (grading, "EXTRA_CELL_SECONDS"))
}
SHORT = dict(zip(USUAL, (1.0, 2.0), strict=True))
SECRET = "HOSTILE_SUITE_SECRET"


def pytest_configure(config):
    config.addinivalue_line("markers", "case(number, title, outcome): a row of the hostile suite")


@pytest.hookimpl(tryfirst=True)  # before tests/conftest.py draws the samples
def pytest_collection_modifyitems(items):
    """Every row stays; of each test's variants a sample. `autograde verify --hostile` runs them all."""
    for item in items:
        if marker := item.get_closest_marker("case"):
            item.add_marker(pytest.mark.sampled(VARIANTS))
            item.user_properties.append(("case", marker.args))


@pytest.fixture(scope="session")
def pool():
    """The processes that judge, kept warm for the whole session."""
    from tests.hostile.harness import Pool

    os.environ[SECRET] = "an environment variable of the instructor"  # a worker must not see it
    watch.adopt_orphans()
    with contextlib.closing(Pool(2)) as warm:
        yield warm
    del os.environ[SECRET]


@pytest.fixture(scope="session")
def clean(pool, tmp_path_factory):
    """The neighbour's result in a class where nobody attacks."""
    from tests.hostile.harness import clean_result

    return clean_result(tmp_path_factory.mktemp("clean"), pool)


@pytest.fixture(scope="session")
def gradebook(tmp_path_factory):
    """The file of a gradebook in which the assignment is entered."""
    from tests.hostile.harness import empty_gradebook

    return empty_gradebook(tmp_path_factory.mktemp("gradebook"))


@pytest.fixture
def arena(request, tmp_path, pool, clean, gradebook):
    """The class folder of one test; its outcome is the one of the test's `case`."""
    from tests.hostile.harness import Arena

    return Arena(tmp_path, request.node.get_closest_marker("case").args[2], pool, clean, gradebook)


@pytest.fixture
def short_limits(pool, monkeypatch):
    """What computes or waits without end is ended sooner than in a class; an honest answer needs a tenth of this."""
    limit_exercises(monkeypatch, time_limit=2.0, cell_time=4.0)
    pool.in_each(harness.set_limits, SHORT)
    yield
    pool.in_each(harness.set_limits, USUAL)


@pytest.fixture
def long_limits(monkeypatch):
    """Time for a cell that tries many things one after the other, also on a busy machine."""
    limit_exercises(monkeypatch, cell_time=300.0)


def limit_exercises(monkeypatch, **limits):
    load = grading.load_assignment

    def load_limited(*arguments):
        assignment = load(*arguments)
        exercises = tuple(dataclasses.replace(each, **limits) for each in assignment.exercises)
        return dataclasses.replace(assignment, exercises=exercises)

    monkeypatch.setattr(grading, "load_assignment", load_limited)


@pytest.fixture
def listener():
    """Servers on the loopback interface and what reaches them: `port` (TCP and UDP), `abstract` (UNIX), `heard`."""
    with contextlib.closing(Listener()) as servers:
        yield servers


class Listener:
    """Accepts and reads whatever comes, each in a thread of its own; the names of the senders' ways are kept."""

    def __init__(self):
        self.heard = defaultdict(int)
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        self.abstract = f"hostile-suite-{os.getpid()}"
        self._unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._unix.bind("\0" + self.abstract)
        self._unix.listen()
        for name, waiting in (("tcp", self._tcp), ("udp", self._udp), ("unix", self._unix)):
            threading.Thread(target=self._serve, args=(name, waiting), daemon=True).start()

    def _serve(self, name, waiting):
        while True:
            try:
                if name == "udp":
                    waiting.recv(1000)
                else:
                    connection, _ = waiting.accept()
                    # An answer for clients of HTTP, so that an attack that gets through counts as a success.
                    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nloot")
                    connection.close()
            except OSError:
                return
            self.heard[name] += 1

    def close(self):
        for waiting in (self._tcp, self._udp, self._unix):
            with contextlib.suppress(OSError):
                waiting.shutdown(socket.SHUT_RDWR)
            waiting.close()
