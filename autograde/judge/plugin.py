"""pytest plugin of the grader: the tests of the exercises as its items, their time limit, and their outcomes."""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Callable, Sequence

import pytest
import torch

from autograde.judge.answer import Answer, Forbidden
from autograde.judge.escape import printable
from autograde.judge.exercise import Exercise, GradedTest
from autograde.judge.expect import KnownMistake, Mistake, Situation, error_text, situation
from autograde.judge.limits import OutOfTime, isolated_torch
from autograde.judge.report import Report, TestResult

# One answer with an endless loop would otherwise wait for the limit in every test.
ALL_TESTS = 2.5  # times the limit of one


class GradedItem(pytest.Item):
    """One test of an exercise; its arguments are of `answer`, `generator` and `seed` those that it names."""

    def __init__(self, *, exercise: Exercise, test: GradedTest, **more: object):
        super().__init__(**more)
        self.exercise = exercise
        self.test = test
        self.key = exercise.id, test.name
        self.wants = inspect.signature(test.function).parameters

    def runtest(self) -> None:
        raise RuntimeError("the tests of exercises are run by `GradingPlugin`")


class GradingPlugin:
    """Registered with one pytest run over the tests of some exercises; `report(exercise)` is its outcome.

    `arrange(exercise)` gives the answer (an `Answer` or a `RemoteAnswer`) before the first test of each exercise, and
    again when its process has ended; it may raise `Mistake`. With `until_failure` an exercise is left at its first
    failed test.
    """

    def __init__(
        self,
        exercises: Sequence[Exercise],
        arrange: Callable[[Exercise], Answer],
        seed: int,
        until_failure: bool = False,
    ):
        self._exercises = exercises
        self._arrange = arrange
        self._seed = seed
        self._until_failure = until_failure
        self._failed: set[str] = set()
        self.explained: set[str] = set()  # exercises in which a test recognized a typical mistake
        self._current: tuple[Exercise, Answer] | None = None
        # By exercise and test.
        self._situations: dict[tuple[str, str], Situation] = {}
        self._failures: dict[tuple[str, str], str | None] = {}
        self._forbidden: dict[str, str] = {}
        self._left = {exercise.id: ALL_TESTS * exercise.time_limit for exercise in exercises}
        self.seconds = {exercise.id: 0.0 for exercise in exercises}
        self.trouble: Exception | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool:
        """The items are the tests of the exercises, which are known: pytest need not look for them in files.

        From here on what is printed is kept from the screen; pytest itself does so only around its own items.
        """
        session.items = [
            GradedItem.from_parent(session, name=test.name, exercise=exercise, test=test)
            for exercise in self._exercises
            for test in exercise.tests.values()
        ]
        session.testscollected = len(session.items)
        session.config.pluginmanager.getplugin("capturemanager").resume_global_capture()
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: GradedItem) -> bool:
        """Run a test and keep its outcome. pytest's own way would format a traceback of every failure, which nobody
        reads, and takes as long again for its fixtures as a test does."""
        exercise = item.exercise
        try:
            self._run(item)
        except (KeyboardInterrupt, pytest.exit.Exception):
            raise
        except BaseException as error:
            # A skipped test is a failed one: points need a test that ran and passed.
            self._failed.add(exercise.id)
            if isinstance(error, KnownMistake):
                self.explained.add(exercise.id)
            self._failures[item.key] = sentence(error, self._current[1] if self._current else None)
        else:
            self._failures[item.key] = None
        return True

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Drop what was printed: pytest would hand it back at its end."""
        capture = session.config.pluginmanager.getplugin("capturemanager")
        capture.suspend_global_capture()
        capture.read_global_capture()

    def _run(self, item: GradedItem) -> None:
        exercise, test = item.exercise, item.test
        answer = self._answer(exercise)
        limit = min(exercise.time_limit, self._left[exercise.id])
        if limit <= 0:
            raise Mistake("not run: the earlier tests took all the time that this exercise has")
        seed = self._test_seed(exercise, test.name)
        # A fresh generator, on the CPU: the same seed and test give the same inputs, always.
        known = {"answer": answer, "generator": torch.Generator().manual_seed(seed), "seed": self._seed}
        arguments = {name: known[name] for name in item.wants}
        current = self._situations[item.key] = Situation(hidden=test.hidden)
        token = situation.set(current)
        started = time.monotonic()
        try:
            with isolated_torch(seed):
                answer.run_test(lambda: test.function(**arguments), limit, seed)
        except OutOfTime:
            who = answer.running or "the answer"
            raise Mistake(f"{who} took more than {limit:.2g} s: is there an endless loop?") from None
        finally:
            situation.reset(token)
            elapsed = time.monotonic() - started
            self._left[exercise.id] -= answer.spent(elapsed)
            self.seconds[exercise.id] += elapsed
            if answer.forbidden is not None:
                self._forbidden[exercise.id] = answer.forbidden

    def _answer(self, exercise: Exercise) -> Answer:
        """The student's functions as attributes."""
        if exercise.id in self._forbidden:
            raise Forbidden(self._forbidden[exercise.id])
        if self._until_failure and exercise.id in self._failed:
            raise Mistake("not run: an earlier test failed")
        if self._current is None or self._current[0] is not exercise or not self._current[1].alive:
            self._current = None
            try:
                self._current = exercise, self._arrange(exercise)
            except Forbidden as error:
                self._forbidden[exercise.id] = error_text(error)
                raise
            except Mistake:
                raise
            except Exception as error:
                self.trouble = error
                raise
        return self._current[1]

    def _test_seed(self, exercise: Exercise, name: str) -> int:
        text = f"{self._seed}:{exercise.id}:{name}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")

    def report(self, exercise: Exercise) -> Report:
        tests = tuple(self._result(exercise, test) for test in exercise.tests.values())
        return Report(exercise.id, exercise.title, tests)

    def forbidden(self, exercise: Exercise) -> str:
        """Why the exercise earned nothing whatever its tests say; "" when there is no such reason."""
        return self._forbidden.get(exercise.id, "")

    def _result(self, exercise: Exercise, test: GradedTest) -> TestResult:
        key = exercise.id, test.name
        message = self._failures.get(key, "not run: an earlier test stopped the grading")
        message = self._forbidden.get(exercise.id, message)
        passed = message is None
        current = self._situations.get(key, Situation())
        return TestResult(
            name=test.name,
            title=test.title,
            passed=passed,
            points=test.points if passed else 0.0,
            max_points=test.points,
            message=message or "",
            notes=tuple(current.notes),
            hidden=test.hidden,
        )


def sentence(error: BaseException, answer: Answer | None) -> str:
    """The message of a failed test: one line of printable characters."""
    text = printable(" ".join(error_text(error).split()))
    if isinstance(error, Mistake):
        pass
    elif isinstance(error, AssertionError):
        text = text or "the result is not what the test asks for"
    elif isinstance(error, pytest.fail.Exception):
        text = text or "the test failed"
    elif isinstance(error, KeyboardInterrupt):
        text = "the check was interrupted"
    else:
        running = (answer.running if answer is not None else None) or "the answer"
        text = f"the test could not use what {running} returned: {type(error).__name__} ({text})"
    return text if len(text) <= 500 else text[:497] + "..."
