"""What a learner, an instructor or another program reads about one graded exercise."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

# Inline, because nbgrader's feedback pages bring a style sheet of their own.
CELL = "vertical-align:top;padding:2px 10px 2px 0"


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
        rows = []
        for test in self.tests:
            verdict = "pass" if test.passed else "fail"
            colour = "#1b6e3c" if test.passed else "#a4201c"
            details = "".join(f'<div style="color:{colour}">{code(text)}</div>' for text in [test.message] if text)
            details += "".join(f"<div>Note: {code(note)}</div>" for note in test.notes)
            rows.append(
                f'<tr><td style="color:{colour};{CELL}"><b>{verdict}</b></td>'
                f'<td style="text-align:right;white-space:nowrap;{CELL}">'
                f"{number(test.points)} / {number(test.max_points)}</td>"
                f'<td style="text-align:left;{CELL}">{code(test.title)}{details}</td></tr>'
            )
        return (
            f"<div><b>{code(self.title)}</b>: {number(self.points)} of {number(self.max_points)} points"
            f'<table style="margin-left:0"><tbody>{"".join(rows)}</tbody></table>'
            + "".join(f"<div>{code(remark)}</div>" for remark in remarks)
            + "</div>"
        )


def number(points: float) -> str:
    """Points without a useless decimal: 2 rather than 2.0."""
    return f"{points:g}"


def code(text: str) -> str:
    """Escaped HTML in which the parts between backquotes are set as code."""
    parts = html.escape(text).split("`")
    if len(parts) % 2 == 0:  # an odd number of backquotes: leave the text as it is
        return "`".join(parts)
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
