"""What a learner, an instructor or another program reads about one graded exercise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autograde.judge.templating import SHARED, number, render


@dataclass(frozen=True)
class TestResult:
    """Outcome of one test: `points` is either 0 or `max_points`; `message` is empty when it passed."""

    __test__ = False  # keeps pytest from collecting the class by its name

    name: str
    title: str
    passed: bool
    points: float
    max_points: float
    message: str = ""
    notes: tuple[str, ...] = ()
    hidden: bool = False


@dataclass(frozen=True)
class Report:
    """Result of one exercise."""

    exercise: str
    title: str
    tests: tuple[TestResult, ...]

    @property
    def points(self) -> float:
        return float(sum(test.points for test in self.tests))

    @property
    def max_points(self) -> float:
        return float(sum(test.max_points for test in self.tests))

    @property
    def full(self) -> bool:
        return bool(self.tests) and all(test.passed for test in self.tests)

    def json(self) -> dict:
        """Plain data: exercise, points, max_points and the tests."""
        return {
            "exercise": self.exercise,
            "points": self.points,
            "max_points": self.max_points,
            "tests": [
                {
                    "name": test.name,
                    "title": test.title,
                    "passed": test.passed,
                    "points": test.points,
                    "max_points": test.max_points,
                    "message": test.message,
                    "notes": list(test.notes),
                }
                for test in self.tests
            ],
        }

    def text(self) -> str:
        """Lines for a terminal."""
        lines = [f"{self.title} ({self.exercise}): {number(self.points)} of {number(self.max_points)} points"]
        for test in self.tests:
            verdict = "pass" if test.passed else "FAIL"
            lines.append(f"  {verdict}  {number(test.points)}/{number(test.max_points)}  {test.title}")
            if test.message:
                lines.append(f"        {test.message}")
            lines.extend(f"        note: {note}" for note in test.notes)
        return "\n".join(lines)

    def html(self, remarks: Sequence[str] = ()) -> str:
        """A small table, `remarks` below it; all text is escaped: nothing that an answer returns becomes markup."""
        return render(SHARED / "report.html", report=self, remarks=remarks)
