"""pytest plugin of the grader: the fixtures of the tests, their time limit, and their outcomes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence

import pytest
import torch

from autograde.answer import Answer, Forbidden
from autograde.escape import printable
from autograde.exercise import Exercise, GradedTest
from autograde.expect import KnownMistake, Mistake, Situation, error_text, situation
from autograde.limits import OutOfTime, isolated_torch
from autograde.report import Report, TestResult

# One answer with an endless loop would otherwise wait for the limit in every test.
ALL_TESTS = 2.5  # times the limit of one


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
        self._exercises = {name: exercise for exercise in exercises for name in exercise.tests}
        if len(self._exercises) != sum(len(exercise.tests) for exercise in exercises):
            raise ValueError("two exercises have a test of the same name")
        self._arrange = arrange
        self._seed = seed
        self._until_failure = until_failure
        self._failed: set[str] = set()
        self.explained: set[str] = set()  # exercises in which a test recognized a typical mistake
        self._current: tuple[Exercise, Answer] | None = None
        self._situations: dict[str, Situation] = {}
        self._failures: dict[str, str | None] = {}
        self._forbidden: dict[str, str] = {}
        self._left = {exercise.id: ALL_TESTS * exercise.time_limit for exercise in exercises}
        self.seconds = {exercise.id: 0.0 for exercise in exercises}
        self.trouble: Exception | None = None

    @pytest.fixture
    def answer(self, request: pytest.FixtureRequest) -> Answer:
        """The student's functions as attributes."""
        exercise = self._exercises[request.node.originalname]
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

    @pytest.fixture
    def seed(self) -> int:
        return self._seed

    @pytest.fixture
    def generator(self, request: pytest.FixtureRequest) -> torch.Generator:
        """A fresh generator, on the CPU: the same seed and test give the same inputs, always."""
        return torch.Generator().manual_seed(self._test_seed(request.node))

    def _test_seed(self, item: pytest.Item) -> int:
        text = f"{self._seed}:{self._exercises[item.originalname].id}:{item.name}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Run the test here rather than in pytest's own implementation: the alarm must not ring inside pytest."""
        exercise = self._exercises[pyfuncitem.originalname]
        test = exercise.tests[pyfuncitem.originalname]
        function = pyfuncitem.obj
        arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        limit = min(exercise.time_limit, self._left[exercise.id])
        if limit <= 0:
            raise Mistake("not run: the earlier tests took all the time that this exercise has")
        answer = self._current[1]
        current = self._situations[pyfuncitem.name] = Situation(hidden=test.hidden)
        token = situation.set(current)
        started = time.monotonic()
        seed = self._test_seed(pyfuncitem)
        try:
            with isolated_torch(seed):
                answer.run_test(lambda: function(**arguments), limit, seed)
        except OutOfTime:
            who = answer.running or "the answer"
            raise Mistake(f"{who} took more than {limit:.2g} s: is there an endless loop?") from None
        finally:
            situation.reset(token)
            elapsed = time.monotonic() - started
            self._left[exercise.id] -= elapsed
            self.seconds[exercise.id] += elapsed
            if answer.forbidden is not None:
                self._forbidden[exercise.id] = answer.forbidden
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo) -> pytest.TestReport:
        """Keep the outcome. pytest's own report would format a traceback, ten times slower, that nobody reads."""
        if call.excinfo is not None:
            # A skipped test is a failed one: points need a test that ran and passed.
            self._failed.add(self._exercises[item.originalname].id)
            if isinstance(call.excinfo.value, KnownMistake):
                self.explained.add(self._exercises[item.originalname].id)
            self._failures[item.name] = sentence(call.excinfo.value, self._current[1] if self._current else None)
        elif call.when == "call":
            self._failures.setdefault(item.name, None)
        return pytest.TestReport(
            nodeid=item.nodeid,
            location=item.location,
            keywords={},
            outcome="passed" if call.excinfo is None else "failed",
            longrepr=None,
            when=call.when,
        )

    def report(self, exercise: Exercise) -> Report:
        tests = tuple(self._result(exercise, test) for test in exercise.tests.values())
        return Report(exercise.id, exercise.title, tests)

    def forbidden(self, exercise: Exercise) -> str:
        """Why the exercise earned nothing whatever its tests say; "" when there is no such reason."""
        return self._forbidden.get(exercise.id, "")

    def _result(self, exercise: Exercise, test: GradedTest) -> TestResult:
        message = self._failures.get(test.name, "not run: an earlier test stopped the grading")
        message = self._forbidden.get(exercise.id, message)
        passed = message is None
        current = self._situations.get(test.name, Situation())
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
