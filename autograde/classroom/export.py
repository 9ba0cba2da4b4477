"""`nbgrader export` whose file a spreadsheet can open safely: nbgrader's own columns, quoted and escaped."""

from __future__ import annotations

import csv

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import CsvExportPlugin

from autograde.judge.escape import spreadsheet

COLUMNS = ("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email")
COLUMNS += ("raw_score", "late_submission_penalty", "score", "max_score")


class SafeCsvExport(CsvExportPlugin):
    """nbgrader's CSV export, with names that could run as a formula, or break a line, escaped."""

    def export(self, gradebook: Gradebook) -> None:
        """Write the grades to `to` (grades.csv when empty), of all or of the chosen students and assignments."""
        path = self.to or "grades.csv"
        self.log.info("Exporting grades to %s", path)
        with open(path, "w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(COLUMNS)
            for assignment in gradebook.assignments:
                for student in gradebook.students:
                    if chosen(assignment.name, self.assignment) and chosen(student.id, self.student):
                        table.writerow([spreadsheet(value) for value in row(gradebook, assignment, student)])


def chosen(name: str, names: list) -> bool:
    """Whether the name is among these; all are when there are none. The command line may give numbers."""
    return not names or name in map(str, names)


def row(gradebook: Gradebook, assignment, student) -> list[object]:
    """The columns of one student; who handed nothing in has no timestamp and a score of zero."""
    try:
        submission = gradebook.find_submission(assignment.name, student.id)
        penalty = submission.late_submission_penalty
        scores = [submission.score, penalty, max(0.0, submission.score - penalty)]
        timestamp = submission.timestamp
    except MissingEntry:
        scores, timestamp = [0.0, 0.0, 0.0], None
    names = [student.id, student.last_name, student.first_name, student.email]
    return [assignment.name, assignment.duedate, timestamp, *names, *scores, assignment.max_score]
