"""What is in nbgrader's gradebook, to compare two of them."""

from __future__ import annotations

from collections.abc import Iterator

from nbgrader import api
from sqlalchemy import select

SOURCE = ("name", "cell_type", "locked", "source", "checksum")
GRADE = ("auto_score", "manual_score", "extra_credit", "needs_manual_grade")
COMMENT = ("auto_comment", "manual_comment")


def rows(gradebook: api.Gradebook) -> list[tuple]:
    """Everything in the gradebook but its random ids, sorted: equal lists are equal gradebooks."""
    found: list[tuple] = []
    for kind, model, columns, joins in tables():
        query = select(*columns).select_from(model)
        for other, condition in joins:
            query = query.join(other, condition)
        found += [(kind, *row) for row in gradebook.db.execute(query)]
    gradebook.db.rollback()
    return sorted(found, key=repr)


def tables() -> Iterator[tuple[str, type, list, list]]:
    """Kind of row, its table, its columns, and the joins that put names in the place of ids."""
    assignment, notebook, cell = api.Assignment, api.Notebook, api.BaseCell
    submission, answer = api.SubmittedAssignment, api.SubmittedNotebook
    yield "course", api.Course, [api.Course.id], []
    yield "assignment", assignment, [assignment.name, assignment.duedate, assignment.course_id], []
    student = api.Student
    yield (
        "student",
        student,
        [student.id, student.first_name, student.last_name, student.email, student.lms_user_id],
        [],
    )

    of_assignment = [(assignment, assignment.id == notebook.assignment_id)]
    names = [assignment.name, notebook.name]
    yield "notebook", notebook, [*names, notebook.kernelspec], of_assignment
    for kind, model, columns in (
        ("cell", cell, [cell.name, cell.type]),
        ("grade cell", api.GradeCell, [api.GradeCell.name, api.GradeCell.max_score, api.GradeCell.cell_type]),
        ("task cell", api.TaskCell, [api.TaskCell.name, api.TaskCell.max_score, api.TaskCell.cell_type]),
        ("source cell", api.SourceCell, [getattr(api.SourceCell, name) for name in SOURCE]),
    ):
        yield kind, model, [*names, *columns], [(notebook, notebook.id == model.notebook_id), *of_assignment]

    of_submission = [(assignment, assignment.id == submission.assignment_id)]
    columns = [assignment.name, submission.student_id, submission.timestamp, submission.extension]
    yield "submission", submission, columns, of_submission
    of_answer = [
        (notebook, notebook.id == answer.notebook_id),
        (submission, submission.id == answer.assignment_id),
        *of_submission,
    ]
    names = [assignment.name, submission.student_id, notebook.name]
    yield "submitted notebook", answer, [*names, answer.flagged, answer.late_submission_penalty], of_answer
    for kind, model, fields in (("grade", api.Grade, GRADE), ("comment", api.Comment, COMMENT)):
        columns = [*names, cell.name, cell.type, *(getattr(model, name) for name in fields)]
        joins = [(answer, answer.id == model.notebook_id), *of_answer, (cell, cell.id == model.cell_id)]
        yield kind, model, columns, joins
