"""Prove the grader on right and wrong answers.

Every `right_*.py` must get full marks. Every `wrong_*.py` must lose points, and the messages must name the mistake that
its first line describes: `# names: phrase | other phrase` asks that one of the phrases occurs in a message; any other
first line is free text, and at least half of its content words must occur.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograde.judge.exercise import Exercise
from autograde.judge.report import Report, number
from autograde.judge.runner import grade_file

ANSWERS = Path(__file__).parent / "answers"
# fmt: off
COMMON_WORDS = frozenset((
    "about", "also", "answer", "because", "been", "before", "does", "file", "from", "gives", "have", "here", "instead",
    "into", "must", "only", "over", "same", "should", "than", "that", "their", "them", "then", "there", "these", "they",
    "this", "those", "uses", "using", "very", "what", "when", "where", "which", "will", "with", "would", "wrong",
))
# fmt: on


@dataclass(frozen=True)
class Verdict:
    """One answer against what its file name promises; `lost` and `named` are meant for wrong answers."""

    exercise: str
    file: str
    right: bool
    report: Report | None
    lost: bool
    named: bool
    problem: str

    @property
    def as_expected(self) -> bool:
        return not self.problem

    def json(self) -> dict:
        return {
            "exercise": self.exercise,
            "file": self.file,
            "kind": "right" if self.right else "wrong",
            "points": self.report.points if self.report else None,
            "max_points": self.report.max_points if self.report else None,
            "lost": self.lost,
            "named": self.named,
            "as_expected": self.as_expected,
            "problem": self.problem,
            "messages": failed_messages(self.report) if self.report else [],
        }


def verify(exercises: Sequence[Exercise], answers: Path = ANSWERS, seed: int = 0) -> list[Verdict]:
    """One verdict for each answer file under `answers`/<exercise id>; an exercise without any gets one that says so."""
    return [verdict for exercise in exercises for verdict in verify_exercise(exercise, answers / exercise.id, seed)]


def verify_exercise(exercise: Exercise, folder: Path, seed: int) -> list[Verdict]:
    verdicts = []
    for kind, right in (("right", True), ("wrong", False)):
        files = sorted(folder.glob(f"{kind}_*.py"))
        verdicts += [judge(exercise, path, right, grade_file(exercise, path, seed)) for path in files]
        if not files:
            problem = f"there is no {kind}_*.py in {folder}"
            verdicts.append(Verdict(exercise.id, f"{kind}_*.py", right, None, False, False, problem))
    return verdicts


def judge(exercise: Exercise, path: Path, right: bool, report: Report) -> Verdict:
    lost = not report.full
    messages = failed_messages(report)
    first_line = path.read_text(encoding="utf-8").split("\n", 1)[0]
    named = lost and names_mistake(first_line, messages)
    problem = ""
    if right and lost:
        problem = f"a right answer got {number(report.points)} of {number(report.max_points)} points: {messages[0]}"
    elif not right and not lost:
        problem = "a wrong answer got full marks"
    elif not right and not named:
        problem = f"no message names the mistake ({first_line.lstrip('# ').strip()}): {messages[0]}"
    return Verdict(exercise.id, path.name, right, report, lost, named, problem)


def failed_messages(report: Report) -> list[str]:
    return [test.message for test in report.tests if not test.passed]


def names_mistake(first_line: str, messages: Sequence[str]) -> bool:
    """Whether the messages name what the first line of a wrong answer says."""
    wanted = first_line.lstrip("#").strip()
    said = fold(" ".join(messages))
    if wanted.lower().startswith("names:"):
        phrases = [fold(phrase) for phrase in wanted[len("names:") :].split("|")]
        return any(phrase and any(phrase in fold(message) for message in messages) for phrase in phrases)
    words = {word for word in re.findall(r"[a-z]{4,}", fold(wanted)) if word not in COMMON_WORDS}
    return bool(words) and 2 * sum(word in said for word in words) >= len(words)


def fold(text: str) -> str:
    return " ".join(text.lower().split())


def table(verdicts: Sequence[Verdict]) -> str:
    lines = []
    for verdict in verdicts:
        points = f"{number(verdict.report.points)}/{number(verdict.report.max_points)}" if verdict.report else "-"
        mark = "ok  " if verdict.as_expected else "FAIL"
        lines.append(f"{mark}  {verdict.exercise:<28} {verdict.file:<40} {points:>6}")
        if verdict.problem:
            lines.append(f"      {verdict.problem}")
    good = sum(verdict.as_expected for verdict in verdicts)
    lines.append(f"{good} of {len(verdicts)} answers as expected")
    return "\n".join(lines)
