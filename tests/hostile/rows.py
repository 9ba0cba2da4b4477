"""The rows of the hostile suite: which test belongs to which kind of attack, and what must come of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

ROWS = 52
OUTCOMES = ("zero", "merit", "zero or merit", "review", "full", "full for the rest")


def case(number: int, title: str, outcome: str) -> pytest.MarkDecorator:
    """Mark a test as one of row `number`; `outcome` is what `Arena.survives` then demands of the hostile submission.

    zero: no points in the attacked exercise, with a reason, and everything else full. merit: as if the tampering were
    absent. review: a person is asked to look. full: an honest answer with every point. full for the rest: zero,
    told from the other side. Raises ValueError for a row or
    an outcome that does not exist.
    """
    if not 1 <= number <= ROWS or outcome not in OUTCOMES:
        raise ValueError(f"no such case: row {number}, outcome {outcome!r}")
    return pytest.mark.case(number, title, outcome)


def variants(**sources: str) -> pytest.MarkDecorator:
    """Run the test once for each named source, as its argument `source`."""
    return pytest.mark.parametrize("source", list(sources.values()), ids=list(sources))


@dataclass
class Row:
    """What became of the tests of one row."""

    number: int
    titles: list[str] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @property
    def survived(self) -> bool:
        """Every test of the row ran and passed; a skipped one proves nothing."""
        return self.passed > 0 and not self.failed and not self.skipped


class Survey:
    """A plugin that collects what became of the rows, from tests whose property "case" has the arguments of `case`,
    and prints the table after the run."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        found = dict(report.user_properties).get("case")
        if found is None:
            return
        number, title, outcome = found
        row = self.rows.setdefault(number, Row(number))
        for value, values in ((title, row.titles), (outcome, row.outcomes)):
            if value not in values:
                values.append(value)
        name = report.location[2]
        if report.failed and name not in row.failed:
            row.failed.append(name)
        elif report.skipped:
            row.skipped.append(name)
        elif report.passed and report.when == "call":
            row.passed += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.rows:
            terminalreporter.section("hostile submissions")
            terminalreporter.write_line(table(self.rows.values()))


def table(rows: Iterable[Row]) -> str:
    """One line a row and, last, how many survived."""
    lines = [f"{'row':>3}  {'what is handed in':<52} {'outcome':<14} {'tests':>5}  survived"]
    survived = ran = 0
    for row in sorted(rows, key=lambda row: row.number):
        tests = row.passed + len(row.failed) + len(row.skipped)
        verdict = (
            "yes" if row.survived else "NO: " + ", ".join(row.failed + [f"{name} (skipped)" for name in row.skipped])
        )
        lines.append(
            f"{row.number:>3}  {row.titles[0][:52]:<52} {'/'.join(row.outcomes)[:14]:<14} {tests:>5}  {verdict}"
        )
        survived += row.survived
        ran += 1
    not_run = f" ({ROWS - ran} rows not run)" if ran < ROWS else ""
    lines.append(f"survived {survived} of {ROWS}{not_run}")
    return "\n".join(lines)
