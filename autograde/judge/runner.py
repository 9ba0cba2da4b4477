"""Run the tests of one exercise on a namespace of functions, in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from autograde.judge.answer import Answer
from autograde.judge.exercise import Exercise
from autograde.judge.load import DoesNotRun, load
from autograde.judge.plugin import GradingPlugin
from autograde.judge.report import Report, TestResult

# Plugins that are slow, or print, or have no use here. The result is read from our own plugin, never from a text.
WITHOUT = ("cacheprovider", "faulthandler", "terminal", "unraisableexception", "threadexception", "doctest", "unittest")
WITHOUT += ("junitxml", "pastebin", "stepwise", "debugging", "setuponly", "setupplan", "logging", "legacypath")
WITHOUT += ("python_path", "tmpdir", "monkeypatch", "recwarn", "subtests", "reports")

# Options that keep the user's own pytest.ini, conftest.py and cache out of the run, and their screen quiet.
HERE = Path(__file__).resolve().parent
OPTIONS = [
    *("-c", os.devnull),
    f"--rootdir={HERE}",
    f"--confcutdir={HERE}",  # else every folder above is listed
    "--noconftest",
    "--import-mode=importlib",
    "--assert=plain",
    "--capture=fd",
    *("-W", "ignore"),
    *(f"-pno:{name}" for name in WITHOUT),
]


def run(exercise: Exercise, namespace: Mapping[str, object], seed: int = 0) -> Report:
    """Grade the functions in `namespace` (name -> object) in this process and return a Report.

    The same `seed` gives the same inputs.
    A test that did not run to its end, for whatever reason, earns nothing. Raises
    RuntimeError when the tests themselves could not be run.
    """
    return run_tests([exercise], lambda _: Answer(namespace), seed).report(exercise)


def run_tests(
    exercises: Sequence[Exercise], arrange: Callable[[Exercise], Answer], seed: int, until_failure: bool = False
) -> GradingPlugin:
    """Run the tests of some exercises, in their order, in one session of pytest.

    `arrange` gives the answer of each exercise, see `GradingPlugin`; whatever it raises besides `Mistake` is raised
    again here. Raises RuntimeError when the tests themselves could not be run.
    """
    names = ", ".join(exercise.id for exercise in exercises)
    for exercise in exercises:
        if not exercise.tests:
            raise RuntimeError(f"{exercise.id} has no tests")
    plugin = GradingPlugin(exercises, arrange, seed, until_failure)
    with undisturbed():
        status = pytest.main(OPTIONS, plugins=[plugin])
    if plugin.trouble is not None:
        raise plugin.trouble
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED):
        raise RuntimeError(f"the tests of {names} could not be run: pytest ended with {status!r}")
    return plugin


def grade_file(exercise: Exercise, path: Path, seed: int = 0) -> Report:
    """Grade a .py file or a notebook; one that does not run, and so defines none of the functions, gets 0 points and
    the reason in every test."""
    try:
        namespace = load(path, exercise.id)
    except DoesNotRun as error:
        namespace = error.defined
        if not any(name in namespace for name in exercise.functions):
            return no_points(exercise, str(error))
    return run(exercise, namespace, seed)


def no_points(exercise: Exercise, reason: str) -> Report:
    """The report of an answer whose tests did not run, or do not count: the reason in each of them."""
    tests = tuple(
        TestResult(test.name, test.title, False, 0.0, test.points, reason, hidden=test.hidden)
        for test in exercise.tests.values()
    )
    return Report(exercise.id, exercise.title, tests)


@contextmanager
def undisturbed() -> Iterator[None]:
    """No third-party pytest plugins and no options from the environment; leave environment and import path as found."""
    environment = dict(os.environ)
    path = list(sys.path)
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        for name in set(os.environ) - set(environment):
            del os.environ[name]
        os.environ.update({name: value for name, value in environment.items() if os.environ.get(name) != value})
        sys.path[:] = path
