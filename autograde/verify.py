"""Prove the grader on right and wrong answers.

Every right answer must get full marks. Every wrong one must lose points, and the messages must name the mistake that
it promises: `names: phrase | other phrase` asks that one of the phrases occurs in a message; anything else is free
text, and at least half of its content words must occur.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograde.bank import folder_of
from autograde.bank.answers import KnownAnswer, files, known_answers
from autograde.judge.exercise import Exercise
from autograde.judge.report import Report, number
from autograde.judge.runner import grade_file

# fmt: off
COMMON_WORDS = frozenset((
    "about", "also", "answer", "because", "been", "before", "does", "file", "from", "gives", "have", "here", "instead",
    "into", "must", "only", "over", "same", "should", "than", "that", "their", "them", "then", "there", "these", "they",
    "this", "those", "uses", "using", "very", "what", "when", "where", "which", "will", "with", "would", "wrong",
))
# fmt: on


@dataclass(frozen=True)
class Verdict:
    """One answer against what it promises; `lost` and `named` are meant for wrong answers.

    `file` is the name of its file, or of its patch.
    """

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


def verify(exercises: Sequence[Exercise], folder: Path | None = None, seed: int = 0) -> list[Verdict]:
    """One verdict for each answer; an exercise without right or without wrong ones gets one that says so.

    The answers are those of the bank or, where `folder` is given, the files in `folder`/<exercise id>.
    """
    return [verdict for exercise in exercises for verdict in verify_exercise(exercise, folder, seed)]


def verify_exercise(exercise: Exercise, folder: Path | None = None, seed: int = 0) -> list[Verdict]:
    if folder is None:
        answers = known_answers(exercise.id)
    else:
        answers = [answer for right in (True, False) for answer in files(folder / exercise.id, right)]
    verdicts = [judge(exercise, answer, grade_answer(exercise, answer, seed)) for answer in answers]
    for kind, right in (("right", True), ("wrong", False)):
        if not any(answer.right == right for answer in answers):
            problem = f"there is no {kind}_*.py in {folder_of(exercise.id) if folder is None else folder / exercise.id}"
            verdicts.append(Verdict(exercise.id, f"{kind}_*.py", right, None, False, False, problem))
    return verdicts


def grade_answer(exercise: Exercise, answer: KnownAnswer, seed: int = 0) -> Report:
    """The report of an answer, run from a file as a learner's is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{answer.name.removesuffix('.py')}.py")
        path.write_text(answer.source, encoding="utf-8")
        return grade_file(exercise, path, seed)


def judge(exercise: Exercise, answer: KnownAnswer, report: Report) -> Verdict:
    lost = not report.full
    messages = failed_messages(report)
    named = lost and names_mistake(answer.promise, messages)
    problem = ""
    if answer.right and lost:
        problem = f"a right answer got {number(report.points)} of {number(report.max_points)} points: {messages[0]}"
    elif not answer.right and not lost:
        problem = "a wrong answer got full marks"
    elif not answer.right and not named:
        problem = f"no message names the mistake ({answer.promise}): {messages[0]}"
    return Verdict(exercise.id, answer.name, answer.right, report, lost, named, problem)


def failed_messages(report: Report) -> list[str]:
    return [test.message for test in report.tests if not test.passed]


def names_mistake(wanted: str, messages: Sequence[str]) -> bool:
    """Whether the messages name what a wrong answer promises."""
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
