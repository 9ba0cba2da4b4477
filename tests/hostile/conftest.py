"""Fixtures of the hostile suite, and the table of survived rows after the run."""

import contextlib
import os
import socket
import threading
from collections import defaultdict

import pytest

from tests.hostile import rows, watch

OUTCOMES = pytest.StashKey[dict]()
LEFT_OUT = pytest.StashKey[int]()
SECRET = "HOSTILE_SUITE_SECRET"


def pytest_configure(config):
    config.addinivalue_line("markers", "case(number, title, outcome): a row of the hostile suite")
    config.stash[OUTCOMES] = {}


def pytest_collection_modifyitems(config, items):
    """Of each test's variants the first two and the last; all of them when HOSTILE_VARIANTS=all.

    Every row stays. `autograde verify --hostile` runs all variants, which takes half an hour and more.
    """
    if os.environ.get("HOSTILE_VARIANTS") == "all":
        return
    variants = defaultdict(list)
    for item in items:
        if item.get_closest_marker("case") is not None:
            variants[item.path, item.originalname].append(item)
    left_out = {item for found in variants.values() for item in found[2:-1]}
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=sorted(left_out, key=lambda item: item.nodeid))
        config.stash[LEFT_OUT] = len(left_out)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    marker = item.get_closest_marker("case")
    if marker is not None:
        number, title, outcome = marker.args
        row = item.config.stash[OUTCOMES].setdefault(number, rows.Row(number))
        for value, values in ((title, row.titles), (outcome, row.outcomes)):
            if value not in values:
                values.append(value)
        if report.failed and item.name not in row.failed:
            row.failed.append(item.name)
        elif report.skipped:
            row.skipped.append(item.name)
        elif report.passed and report.when == "call":
            row.passed += 1
    return report


def pytest_terminal_summary(terminalreporter, config):
    found = config.stash.get(OUTCOMES, {})
    if found:
        terminalreporter.section("hostile submissions")
        terminalreporter.write_line(rows.table(found.values()))
    if left_out := config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(f"{left_out} more variants of these: autograde verify --hostile runs them all")


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
