"""From results to nbgrader's gradebook: one transaction a submission, and nothing an instructor wrote is lost."""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nbgrader
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from nbformat import v4
from nbgrader import api, utils
from nbgrader.preprocessors import AssignLatePenalties, SaveCells
from sqlalchemy import Column, Connection, MetaData, String, Table, create_engine, delete, insert, inspect, select
from sqlalchemy.exc import OperationalError, SAWarning, SQLAlchemyError
from sqlalchemy.orm import Session
from traitlets.config import Config

from autograde.classroom.files import write_atomically
from autograde.classroom.records import SubmissionResult
from autograde.classroom.settings import class_settings
from autograde.classroom.submission import Submission

if TYPE_CHECKING:
    from autograde.classroom.grading import Assignment

READ_ONLY = 0o444  # as nbgrader writes what it has graded
# Long enough for an instructor's formgrader to finish what it is writing.
BUSY_MILLISECONDS = 60_000

# A table of our own beside nbgrader's: which result a submission's rows come from. It changes in the same transaction
# as the rows do, so that a run that was killed can go on without recording everything, or anything twice.
RECORDED = Table(
    "autograde_recorded",
    MetaData(),
    Column("submission_id", String(32), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
)


class GradebookWriter:
    """Enters the results of one assignment into the gradebook of a class, those that are not in it yet.

    `unrecorded` says, by student, why the gradebook did not take a result; the others are not affected.
    Raises ValueError when the gradebook cannot be opened or written at all, or holds another assignment of that name.
    """

    def __init__(self, class_folder: Path, assignment: Assignment) -> None:
        self.config = class_settings(class_folder)
        self.gradebook = open_gradebook(self.config)
        self.unrecorded: dict[str, str] = {}
        ensure_assignment(self.gradebook, assignment)
        self.recorded = recorded(self.gradebook, assignment.name)

    def __enter__(self) -> GradebookWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.gradebook.close()

    def record(self, submission: Submission, result: SubmissionResult) -> None:
        """Enter the result of a submission whose names may be used."""
        # The file first: a run killed between the two does it again, and the gradebook never shows what has no file.
        is_new = self.recorded.get(result.student) != fingerprint(result)
        if is_new or not submission.autograded_path.exists():
            write_autograded(submission, result)
        if not is_new:
            return
        try:
            record(self.gradebook, result, self.config)
        except OperationalError as error:
            raise ValueError(
                f"the gradebook cannot be written ({database_message(error)}): "
                "the results are kept, grade again to enter them"
            ) from None
        except Exception as error:  # whatever is wrong with one result: the others are entered
            self.unrecorded[result.student] = f"the gradebook did not take the result ({type(error).__name__}: {error})"


def open_gradebook(config: Config) -> api.Gradebook:
    """The gradebook that `config` names, made when missing. Raises ValueError when it cannot be opened."""
    url = config.CourseDirectory.db_url
    try:
        create_tables(url)
        return api.Gradebook(url, config.CourseDirectory.course_id)
    except SQLAlchemyError as error:
        raise ValueError(f"the gradebook cannot be opened: {database_message(error)}") from None


def create_tables(url: str) -> None:
    """nbgrader's tables, the note of their version, and our own, where they are missing: all or nothing.

    nbgrader would do the first two itself, but runs a program to learn the version, for some seconds; and where it was
    killed meanwhile, the note would be missing for good.
    """
    engine = create_engine(url)
    with engine.begin() as connection:
        begin_immediately(connection)
        if not inspect(connection).get_table_names():
            api.Base.metadata.create_all(connection)
            versions = ScriptDirectory(str(Path(nbgrader.__file__).parent / "alembic"))
            MigrationContext.configure(connection).stamp(versions, "heads")
        RECORDED.metadata.create_all(connection)
    engine.dispose()


def begin_immediately(connection: Connection) -> None:
    """Lock an SQLite file from the first statement on, not from the first change on: what is read stays true."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def database_message(error: SQLAlchemyError) -> str:
    """The database's own words, in one line and without the statement."""
    return str(getattr(error, "orig", None) or error).splitlines()[0]


def ensure_assignment(gradebook: api.Gradebook, assignment: Assignment) -> api.Assignment:
    """Assignment, notebook and cells, as `nbgrader generate_assignment` enters them: nbgrader's own step does it.

    Raises ValueError when the gradebook has submissions of an assignment of this name with other cells.
    """
    if is_entered(gradebook, assignment):
        return gradebook.find_assignment(assignment.name)
    gradebook.update_or_create_assignment(assignment.name)
    step = SaveCells()
    step.log.propagate = False
    names = {"notebook": assignment.name, "assignment": assignment.name, "db_url": database(gradebook)}
    try:
        step.preprocess(assignment.release, {"nbgrader": names})
    except RuntimeError:
        raise ValueError(
            f"the gradebook has submissions of {assignment.name} from before its cells changed: "
            "use another class folder, or remove the assignment with `nbgrader db assignment remove`"
        ) from None
    gradebook.db.expire_all()
    return gradebook.find_assignment(assignment.name)


def is_entered(gradebook: api.Gradebook, assignment: Assignment) -> bool:
    """Whether the gradebook has exactly the cells of this release, so that a second's work can be left out."""
    try:
        notebook = gradebook.find_notebook(assignment.name, assignment.name)
    except api.MissingEntry:
        return False
    cells = [cell for cell in assignment.release.cells if "nbgrader" in cell.metadata]
    flags = {cell.metadata.nbgrader["grade_id"]: cell.metadata.nbgrader for cell in cells}
    sources = {cell.metadata.nbgrader["grade_id"]: (cell.cell_type, cell.source) for cell in cells}
    points = {name: float(cell["points"]) for name, cell in flags.items() if cell.get("grade")}
    solutions = {name for name, cell in flags.items() if cell.get("solution")}
    return (
        {cell.name: (cell.cell_type, cell.source) for cell in notebook.source_cells} == sources
        and {cell.name: cell.max_score for cell in notebook.grade_cells} == points
        and {cell.name for cell in notebook.solution_cells} == solutions
    )


def database(gradebook: api.Gradebook) -> str:
    return gradebook.engine.url.render_as_string(hide_password=False)


@contextmanager
def transaction(gradebook: api.Gradebook) -> Iterator[Session]:
    """All or nothing: what nbgrader's methods commit inside the block is committed at its end, or rolled back."""
    with gradebook.engine.begin() as connection:
        begin_immediately(connection)
        usual = gradebook.db
        with Session(bind=connection, join_transaction_mode="rollback_only") as session:
            gradebook.db = session
            try:
                yield session
                session.flush()
            finally:
                gradebook.db = usual
    usual.expire_all()


def record(gradebook: api.Gradebook, result: SubmissionResult, config: Config | None = None) -> None:
    """Enter one result: student, submission, grades, comments and late penalty, in one transaction.

    Recording again updates the same rows. `config` names the class's late penalty (none without it).
    Raises MissingEntry when the assignment is not in the gradebook; on any error the gradebook is as it was.
    """
    with transaction(gradebook) as session, warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # nbgrader adds a submission in an order that SQLAlchemy dislikes
        gradebook.update_or_create_student(result.student)
        submission = gradebook.update_or_create_submission(
            result.assignment, result.student, timestamp=result.timestamp
        )
        notebook = gradebook.find_submission_notebook(result.assignment, result.assignment, result.student)
        cells = select(api.BaseCell.id, api.BaseCell.name).where(api.BaseCell.notebook_id == notebook.notebook_id)
        names = dict(session.execute(cells).all())
        earned = {f"{entry.exercise}-check": points(entry.points, entry.max_points) for entry in result.exercises}
        for grade in notebook.grades:
            set_grade(grade, earned.get(names[grade.cell_id]), bool(result.review))
        silent = set() if result.refused else unanswered_cells(result.notebook)
        for comment in notebook.comments:
            comment.auto_comment = "No response." if names[comment.cell_id] in silent else None
        session.flush()
        session.refresh(notebook)  # its score is computed by the database
        notebook.late_submission_penalty = late_penalty(config, notebook, submission.total_seconds_late)
        session.execute(delete(RECORDED).where(RECORDED.c.submission_id == submission.id))
        session.execute(insert(RECORDED).values(submission_id=submission.id, fingerprint=fingerprint(result)))


def points(earned: float, maximum: float) -> float | None:
    """The points, or None (then a person decides) when they are not a number from 0 to the maximum."""
    return float(earned) if math.isfinite(earned) and 0 <= earned <= maximum else None


def set_grade(grade: api.Grade, earned: float | None, review: bool) -> None:
    """As nbgrader does, with two differences: a review asks for a person although there are points, and a manual
    score must be looked at again only when the points below it changed."""
    changed = grade.auto_score != earned
    grade.auto_score = earned
    if review or earned is None:
        grade.needs_manual_grade = True
    elif grade.manual_score is None:
        grade.needs_manual_grade = False
    else:
        grade.needs_manual_grade = grade.needs_manual_grade or changed


def unanswered_cells(notebook: str) -> set[str]:
    """Names of the solution cells that are still as released: nbgrader compares the checksums too."""
    if not notebook:
        return set()
    cells = (cell for cell in v4.reads(notebook).cells if utils.is_solution(cell))
    return {
        cell.metadata.nbgrader.grade_id
        for cell in cells
        if cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)
    }


def late_penalty(config: Config | None, notebook: api.SubmittedNotebook, seconds: float) -> float | None:
    """The points that the class's LateSubmissionPlugin takes off, held between 0 and the score as nbgrader does."""
    if config is None or seconds <= 0:
        return None
    step = AssignLatePenalties(config=config)
    step.init_plugin()
    penalty = step.plugin_inst.late_submission_penalty(notebook.student.id, notebook.score, seconds)
    return None if penalty is None else step._check_late_penalty(notebook, penalty)


def fingerprint(result: SubmissionResult) -> str:
    """Changes when anything that `record` enters could change."""
    scores = [(exercise.exercise, exercise.points, exercise.max_points) for exercise in result.exercises]
    parts = [result.key, scores, bool(result.review), result.refused, result.timestamp]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def recorded(gradebook: api.Gradebook, assignment: str) -> dict[str, str]:
    """Student -> fingerprint of the result that is in the gradebook."""
    found = gradebook.db.execute(
        select(api.SubmittedAssignment.student_id, RECORDED.c.fingerprint)
        .join(RECORDED, RECORDED.c.submission_id == api.SubmittedAssignment.id)
        .join(api.Assignment, api.Assignment.id == api.SubmittedAssignment.assignment_id)
        .where(api.Assignment.name == assignment)
    ).all()
    gradebook.db.rollback()  # or the connection would keep its view of the database
    return dict(found)


def write_autograded(submission: Submission, result: SubmissionResult) -> None:
    """Put the autograded notebook where formgrader and the feedback look for it; an old one must not outlive it."""
    if result.notebook:
        write_atomically(submission.autograded_path, result.notebook, READ_ONLY)
    else:
        submission.autograded_path.unlink(missing_ok=True)
