"""pytest plugin of the grader: the fixtures of the tests, their time limit, and their outcomes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping

import pytest
import torch

from autograde.answer import Answer, Delegation, OutOfTime, delegation_sentence
from autograde.exercise import Exercise, GradedTest
from autograde.expect import Mistake, Situation, error_text, situation
from autograde.limits import TimeLimit, isolated_torch
from autograde.report import TestResult

# One answer with an endless loop would otherwise wait for the limit in every test.
TOTAL_SECONDS = 25.0


class GradingPlugin:
    """Registered with one pytest run; `results()` are the outcomes of the exercise's tests in their own order."""

    def __init__(self, exercise: Exercise, namespace: Mapping[str, object], seed: int):
        self.exercise = exercise
        self._seed = seed
        self._answer = Answer(namespace)
        self._situations: dict[str, Situation] = {}
        self._failures: dict[str, str | None] = {}
        self._left = max(TOTAL_SECONDS, exercise.time_limit)

    @pytest.fixture
    def answer(self) -> Answer:
        """The student's functions as attributes."""
        return self._answer

    @pytest.fixture
    def seed(self) -> int:
        return self._seed

    @pytest.fixture
    def generator(self, request: pytest.FixtureRequest) -> torch.Generator:
        """A fresh generator, on the CPU: the same seed and test give the same inputs, always."""
        return torch.Generator().manual_seed(self._test_seed(request.node))

    def _test_seed(self, item: pytest.Item) -> int:
        text = f"{self._seed}:{self.exercise.id}:{item.name}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Run the test here rather than in pytest's own implementation: the alarm must not ring inside pytest."""
        test = self.exercise.tests[pyfuncitem.originalname]
        function = pyfuncitem.obj
        arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        limit = min(self.exercise.time_limit, self._left)
        if limit <= 0:
            raise Mistake("not run: the earlier tests took all the time that this exercise has")
        current = self._situations[pyfuncitem.name] = Situation(hidden=test.hidden)
        token = situation.set(current)
        self._answer.running = None
        started = time.monotonic()
        try:
            with isolated_torch(self._test_seed(pyfuncitem)):
                TimeLimit(limit).run(lambda: function(**arguments))
        except OutOfTime:
            who = self._answer.running or "the answer"
            raise Mistake(f"{who} took more than {limit:.2g} s: is there an endless loop?") from None
        finally:
            situation.reset(token)
            self._left -= time.monotonic() - started
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo) -> pytest.TestReport:
        """Keep the outcome. pytest's own report would format a traceback, ten times slower, that nobody reads."""
        if call.excinfo is not None:
            # A skipped test is a failed one: points need a test that ran and passed.
            self._failures[item.name] = sentence(call.excinfo.value, self._answer)
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

    def results(self) -> tuple[TestResult, ...]:
        return tuple(self._result(test) for test in self.exercise.tests.values())

    def _result(self, test: GradedTest) -> TestResult:
        message = self._failures.get(test.name, "not run: an earlier test stopped the grading")
        delegated = self._answer.delegated
        if delegated is not None:
            message = delegation_sentence(delegated)
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


def sentence(error: BaseException, answer: Answer) -> str:
    """The message of a failed test: one line."""
    text = " ".join(error_text(error).split())
    if isinstance(error, (Mistake, Delegation)):
        pass
    elif isinstance(error, AssertionError):
        text = text or "the result is not what the test asks for"
    elif isinstance(error, pytest.fail.Exception):
        text = text or "the test failed"
    elif isinstance(error, KeyboardInterrupt):
        text = "the check was interrupted"
    else:
        text = f"the test could not use what {answer.running or 'the answer'} returned: {type(error).__name__} ({text})"
    return text if len(text) <= 500 else text[:497] + "..."
