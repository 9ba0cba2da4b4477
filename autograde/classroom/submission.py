"""One student's submission of one assignment: whether its names may be used, and where in the class all of it lies."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from autograde.classroom.digest import sha256

MAX_ID_CHARACTERS = 100
MAX_ID_BYTES = 200  # results are stored as <student>.json, and a file name ends at 255 bytes


@dataclass(frozen=True)
class Submission:
    """Which submission, in which class. Its names are checked here, once, when it is made.

    `refusal` says in one sentence why the names may not be used, "" when they may. With a refusal nothing of the
    submission is opened or entered into the gradebook; it has a result all the same, so that a person hears of it.
    """

    class_folder: Path
    student: str
    assignment: str
    refusal: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "refusal", name_refusal(self.student, self.assignment))

    @property
    def result_path(self) -> Path:
        """The file of the result; a name that could not be a safe file name is replaced by a digest."""
        name = f"-{sha256(self.student)[:32]}" if self.refusal else self.student  # no valid id begins so
        return results_folder(self.class_folder, self.assignment) / f"{name}.json"

    @property
    def autograded_path(self) -> Path:
        """Where formgrader and the feedback look for the autograded notebook. Raises ValueError after a refusal."""
        return self._below("autograded") / f"{self.assignment}.ipynb"

    @property
    def feedback_path(self) -> Path:
        """The feedback page. Raises ValueError after a refusal."""
        return self._below("feedback") / f"{self.assignment}.html"

    def _below(self, step: str) -> Path:
        if self.refusal:
            raise ValueError(self.refusal)
        return self.class_folder / step / self.student / self.assignment


def results_folder(class_folder: Path, assignment: str) -> Path:
    return Path(class_folder) / "results" / assignment


def name_refusal(student: str, assignment: str) -> str:
    """Why the student's id or the assignment's name is not fit to be a folder, "" when both are."""
    if not re.fullmatch(r"\w[\w.@+-]*", student) or ".." in student:
        return (
            f"The student id {quoted(student)} is not allowed: use letters, digits and _ . @ + - only, "
            "beginning with a letter, digit or underscore, without two dots in a row."
        )
    if len(student) > MAX_ID_CHARACTERS or len(student.encode()) > MAX_ID_BYTES:
        return f"The student id {quoted(student)} is too long: use at most {MAX_ID_CHARACTERS} characters."
    if not is_plain_name(assignment):
        return f"The assignment {quoted(assignment)} is not the name of a folder."
    return ""


def is_plain_name(name: str) -> bool:
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


def quoted(name: str) -> str:
    """A name for a sentence: quoted, everything but plain ASCII escaped, at most about 60 characters."""
    text = ascii(name)
    return text if len(text) <= 60 else f"{text[:56]}...{text[0]}"
