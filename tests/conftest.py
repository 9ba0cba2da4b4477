"""How the tests run: the longest groups first, of many alike a sample, and what is printed when all are done."""

import os
import signal
from collections import Counter

import psutil
import pytest

from tests import sampling
from tests.hostile.rows import Survey
from tests.timetable import Timetable, group

# A process for each core computes already, and for most tensors here a second thread costs more than it saves. Before
# anything imports torch; whatever tests start inherits it.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

GIB_EACH = 3  # a test process, with the judges, workers and kernels that its tests start
# What starts last decides when a run ends, so the longest start first; everything else follows in its usual order.
LONGEST = (
    "browser",
    "autograde/test_answers.py",
    "hostile/test_crashing.py",
    "hostile/test_malformed.py",
    "hostile/test_honest.py",
    "hostile/test_forging.py",
    "hostile/test_tampering.py",
    "worker/test_two_doors.py",
    "test_notebooks_run.py",
    "classroom/test_batch.py",
    "classroom/test_nbgrader_step.py",
    "autograde/test_sample_class.py",
)

LEFT_OUT = pytest.StashKey[Counter]()


def pytest_addoption(parser):
    parser.addoption("--everything", action="store_true", help="run also what is otherwise left out by sample")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """A test process for each core that this process may use, as far as there is memory for them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, int(psutil.virtual_memory().available / 2**30 / GIB_EACH)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each process a group at a time, in our order. The groups are not marks, as for `--dist=loadgroup`, because
    xdist 3.8 loses those with pytest 9.2 (pytest-dev/pytest-xdist#1386) and nobody is told."""
    from xdist.scheduler import LoadScopeScheduling

    class LoadGroups(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group(nodeid)

    config.option.loadscopereorder = False
    return LoadGroups(config, log)


def pytest_configure(config):
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell makes programs in its background deaf to Ctrl-C, which tests send to themselves and their programs.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[LEFT_OUT] = Counter()
    # Here, since with xdist the process that prints collects nothing and reads no other conftest.
    config.pluginmanager.register(Survey())
    config.pluginmanager.register(Timetable())


def pytest_report_header(config):
    if config.option.everything:
        return "everything: nothing is left out by sample"
    return (
        "by sample, chosen by the hash of a test's name: variants of hostile submissions, answers run through a worker;"
        "\nonce: a lesson, in the browser where there is one. `make test-all` runs all of them"
    )


def pytest_collection_modifyitems(config, items):
    """Leave out what the samples leave out, and put the longest groups first."""
    if not config.option.everything:
        kept = sampling.kept([(item.nodeid, sampling.stratum(item)) for item in items])
        left_out = [item for item, keep in zip(items, kept, strict=True) if not keep]
        items[:] = [item for item, keep in zip(items, kept, strict=True) if keep]
        config.hook.pytest_deselected(items=left_out)
        config.stash[LEFT_OUT] = Counter(group(item.nodeid) for item in left_out)
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(group(item.nodeid), len(LONGEST)))


def pytest_sessionfinish(session):
    """What a process of xdist left out, for the one that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(session.config.stash[LEFT_OUT])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    node.config.stash[LEFT_OUT] |= Counter(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter, config):
    for name, count in config.stash[LEFT_OUT].items():
        terminalreporter.write_line(f"left out by sample: {count} tests of {name}; `make test-all` runs them too")
