"""What one run over a class did: the table, the differences and the list of submissions that a person must look at."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from autograde.classroom.records import SubmissionResult
from autograde.judge.escape import printable
from autograde.judge.report import number


@dataclass(frozen=True)
class Change:
    """Points of one exercise that are not what they were."""

    student: str
    exercise: str
    old: float
    new: float


@dataclass(frozen=True)
class Summary:
    """One run: `results` of the whole class (those asked for), sorted by student.

    `graded` and `kept` count submissions; of the kept ones, `stale` were graded with other tests or another seed.
    `unrecorded` says, by student, why a result is not in the gradebook. `seconds` is the time of the whole run.
    """

    assignment: str
    results: tuple[SubmissionResult, ...]
    graded: int
    kept: int
    stale: int
    changes: tuple[Change, ...]
    unrecorded: dict[str, str]
    seconds: float

    @property
    def reviews(self) -> dict[str, tuple[str, ...]]:
        """Student -> why a person must look at the submission."""
        reasons = {result.student: result.review for result in self.results}
        for student, why in self.unrecorded.items():
            reasons[student] += (why,)
        return {student: said for student, said in reasons.items() if said}

    def statistics(self) -> list[dict]:
        """For each exercise: its maximum, mean and median points, and how many got nothing for a stated reason."""
        exercises = {exercise.exercise: exercise.max_points for result in self.results for exercise in result.exercises}
        table = []
        for name, maximum in exercises.items():
            found = [exercise for result in self.results for exercise in result.exercises if exercise.exercise == name]
            points = [exercise.points for exercise in found]
            table.append(
                {
                    "exercise": name,
                    "max_points": maximum,
                    "mean": statistics.fmean(points),
                    "median": statistics.median(points),
                    "zero_with_reason": sum(bool(exercise.reason) for exercise in found),
                }
            )
        return table

    def json(self) -> dict:
        """Plain data: counts, statistics, changes, and for each student points, refusal and reasons for review."""
        reviews = self.reviews
        return {
            "assignment": self.assignment,
            "graded": self.graded,
            "kept": self.kept,
            "stale": self.stale,
            "review": len(reviews),
            "refused": sum(result.refused for result in self.results),
            "seconds": round(self.seconds, 3),
            "exercises": self.statistics(),
            "changes": [vars(change) for change in self.changes],
            "submissions": [
                {
                    "student": result.student,
                    "points": result.points,
                    "max_points": result.max_points,
                    "exercises": {exercise.exercise: exercise.points for exercise in result.exercises},
                    "refused": result.refused,
                    "review": list(reviews.get(result.student, ())),
                }
                for result in self.results
            ],
        }

    def text(self) -> str:
        """Lines for a terminal; whatever came from outside is escaped."""
        refused = sum(result.refused for result in self.results)
        count = f"{len(self.results)} submission{'' if len(self.results) == 1 else 's'}"
        lines = [
            f"{self.assignment}: {count} in {self.seconds:.1f} s: {self.graded} graded, {self.kept} kept, "
            f"{len(self.reviews)} to be reviewed, {refused} of them refused",
            "",
            *self.table(),
        ]
        if self.changes:
            width = max(len(printable(change.student)) for change in self.changes)
            lines += ["", "Points that changed:"]
            for change in self.changes:
                points = f"{number(change.old)} -> {number(change.new)}"
                lines.append(f"  {printable(change.student):<{width}}  {change.exercise}: {points}")
        if self.stale:
            lines += [
                "",
                f"{self.stale} of the kept results were made with other tests or another seed: "
                "grade them again with `--regrade`.",
            ]
        if self.reviews:
            lines += ["", "To be reviewed:"]
            for student, reasons in self.reviews.items():
                lines += [f"  {printable(student)}: {printable(said)}" for said in reasons]
        return "\n".join(lines)

    def table(self) -> list[str]:
        width = max((len(row["exercise"]) for row in self.statistics()), default=0)
        lines = [f"{'':<{width}}     max    mean  median  zero with a reason"]
        lines += [
            f"{row['exercise']:<{width}}  {number(row['max_points']):>6}  {row['mean']:>6.2f}  {row['median']:>6.2f}"
            f"  {row['zero_with_reason']:>18}"
            for row in self.statistics()
        ]
        return lines


def changes(old: SubmissionResult, new: SubmissionResult) -> list[Change]:
    """The exercises whose points differ between two results of one student."""
    before = {exercise.exercise: exercise.points for exercise in old.exercises}
    return [
        Change(new.student, exercise.exercise, before[exercise.exercise], exercise.points)
        for exercise in new.exercises
        if before.get(exercise.exercise, exercise.points) != exercise.points
    ]
