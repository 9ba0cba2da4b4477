"""The tables of seconds that end a run. They are read by people: no test fails because of one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import pytest

ROWS = 15
Seconds = Mapping[str, float]


def group(nodeid: str) -> str:
    """The tests that one process runs, one after the other: a file, or the folder tests/browser. They share what is
    expensive to start, and what must not be there twice."""
    name = nodeid.partition("::")[0].removeprefix("tests/")
    return "browser" if name.startswith("browser/") else name


class Timetable:
    """A plugin that adds up set-up, call and teardown of every test, and what a test records as "notebook"."""

    def __init__(self) -> None:
        self.tests: dict[str, float] = defaultdict(float)
        self.notebooks: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.tests[report.nodeid] += report.duration
        for kind, value in report.user_properties:
            if kind == "notebook":
                name, seconds = value
                self.notebooks[name] = seconds

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.notebooks:
            terminalreporter.section("seconds to run each notebook, kernel start included")
            terminalreporter.write_line("\n".join(table(sorted(self.notebooks.items()))))
        if not self.tests:
            return
        terminalreporter.section("seconds, set-up and teardown included: the slowest")
        terminalreporter.write_line("\n".join(slowest(self.tests)))


def slowest(tests: Seconds) -> list[str]:
    """The lines of two tables, of the slowest groups and of the slowest tests."""
    groups: dict[str, float] = defaultdict(float)
    for name, seconds in tests.items():
        groups[group(name)] += seconds
    total = f"{sum(tests.values()):8.1f}  all {len(tests)} tests, in all processes together"
    return [total, "", *table(longest(groups)), "", *table(longest(tests))]


def longest(seconds: Seconds) -> list[tuple[str, float]]:
    return sorted(seconds.items(), key=lambda pair: -pair[1])[:ROWS]


def table(rows: Iterable[tuple[str, float]]) -> list[str]:
    return [f"{seconds:8.1f}  {name}" for name, seconds in rows]
