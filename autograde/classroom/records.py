"""What grading a submission gives: plain records that go to a file and come back unchanged."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import msgspec

from autograde.judge.report import TestResult


@dataclass(frozen=True)
class ExerciseResult:
    """One exercise of one submission.

    `reason` says why the whole exercise earned nothing ("" otherwise); `remarks` say what was repaired or stood in.
    `seconds` is the time in its tests.
    """

    exercise: str
    points: float
    max_points: float
    tests: tuple[TestResult, ...]
    reason: str = ""
    remarks: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class SubmissionResult:
    """One submission of one assignment.

    `key` identifies everything the result depends on: the submitted files, the tests and the seed. `review` holds the
    reasons why a person must look at it; when `refused`, nothing was executed. `notebook` is the autograded notebook
    as text. `seconds` is the whole time of grading it, `test_seconds` the part inside the tests.
    """

    student: str
    assignment: str
    key: str
    exercises: tuple[ExerciseResult, ...]
    review: tuple[str, ...] = ()
    refused: bool = False
    repairs: tuple[str, ...] = ()
    timestamp: str | None = None
    notebook: str = ""
    seconds: float = 0.0
    test_seconds: float = 0.0

    @property
    def points(self) -> float:
        return float(sum(exercise.points for exercise in self.exercises))

    @property
    def max_points(self) -> float:
        return float(sum(exercise.max_points for exercise in self.exercises))

    def dumps(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=True, allow_nan=False)

    @classmethod
    def loads(cls, text: str) -> SubmissionResult:
        """The record that `dumps` wrote. Raises ValueError when the text is not one."""
        # Not msgspec's own JSON: it refuses the lone surrogates that a student's text may hold.
        try:
            return msgspec.convert(json.loads(text), cls)
        except (json.JSONDecodeError, msgspec.ValidationError) as error:
            raise ValueError(f"not the record of a submission: {error}") from None
