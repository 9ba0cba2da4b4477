"""nbgrader's own doors into the grader: `nbgrader autograde`, its API, and the Autograde button of formgrader.

`nbgrader_config.py` names these classes. nbgrader lists the submissions, keeps the gradebook and writes the files; what
it would read, copy or execute of a submission goes through the intake and the sandboxed engine instead, with the seed
that is stored with the class, so that the scores are those of `autograde grade`.
"""

from __future__ import annotations

import fnmatch
import functools
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from pathlib import Path

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode, v4
from nbgrader.api import MissingEntry
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import rmtree
from traitlets import Bool
from traitlets.config import Config

from autograde.classroom import batch, intake
from autograde.classroom import gradebook as book
from autograde.classroom.files import write_atomically
from autograde.classroom.grading import Assignment, load_assignment
from autograde.classroom.records import SubmissionResult
from autograde.classroom.seeds import seed_of
from autograde.classroom.submission import Submission
from autograde.classroom.workers import workers
from autograde.judge.escape import printable
from autograde.sandbox.paths import ROOT


class SubmissionExporter(NotebookExporter):
    """Stands where nbgrader opens a submitted notebook: it gets the released one instead, and never the student's file.

    nbgrader makes it once in a run, after listing the submissions and before it touches any of their files. A
    submission that the intake has doubts about, or that brings other files, is graded and recorded here, and taken
    off nbgrader's list: nbgrader would follow its links, wait for its pipes and stop at what it cannot read.
    """

    def __init__(self, config=None, **options):
        super().__init__(config=config, **options)
        if not isinstance(self.parent, Autograde):
            return
        try:
            self.door = Door(self.parent, sandbox=SandboxedGrading(parent=self).sandbox)
            self.door.set_aside()
        except (ValueError, OSError, RuntimeError) as error:
            self.parent.log.error("%s", error)
            raise NbGraderException(str(error)) from error

    def from_filename(self, filename, resources=None, **options):
        return self.from_notebook_node(v4.reads(v4.writes(self.door.assignment.release)), resources, **options)


class Door:
    """One run of nbgrader's Autograde over one assignment.

    Raises ValueError, with a sentence for the instructor, when the class or the assignment cannot be graded like this.
    """

    def __init__(self, converter: Autograde, sandbox: bool):
        self.converter = converter
        self.course: CourseDirectory = converter.coursedir
        self.sandbox = sandbox
        self.name = self.course.assignment_id
        self.class_folder = class_folder(self.course)
        self.assignment: Assignment = load_assignment(
            self.name,
            release=folder_with(self.name, self.course, "release_directory", ROOT / "exercises"),
            source=folder_with(self.name, self.course, "source_directory", ROOT / "solutions"),
        )
        self.seed = seed_of(self.class_folder, self.name, None)
        self.config = Config(converter.config)
        self.config.CourseDirectory.db_url = self.course.db_url
        self.config.CourseDirectory.course_id = self.course.course_id
        with book.open_gradebook(self.config) as gradebook:
            try:
                gradebook.find_assignment(self.name)
            except MissingEntry:
                book.ensure_assignment(gradebook, self.assignment)

    def set_aside(self) -> None:
        """Grade and record here what nbgrader must not handle itself, and take it off nbgrader's list."""
        listed = {Path(path).parent.name: path for path in self.converter.assignments}
        excluded = set((self.course.student_id_exclude or "").split(","))
        for student in intake.students(self.class_folder, self.name):
            if student in excluded or not fnmatch.fnmatchcase(student, self.course.student_id):
                continue
            submission = self.submission(student)
            found = intake.read_submission(submission)
            if found.refusals or found.reviews or found.ignored:
                if student in listed:
                    del self.converter.assignments[listed[student]]
                self.handle(submission)

    def submission(self, student: str) -> Submission:
        return Submission(self.class_folder, student, self.name)

    def handle(self, submission: Submission) -> None:
        log, student = self.converter.log, submission.student
        folder = Path(self.converter._format_dest(self.name, student))
        result = self.grade(submission, self.converter.force)
        for reason in result.review:
            log.warning("%s is to be reviewed: %s", printable(student), printable(reason))
        if submission.refusal:
            return
        with book.open_gradebook(self.config) as gradebook:
            if not self.converter.create_student and not any(entry.id == student for entry in gradebook.students):
                log.error("No student with ID '%s' exists in the database", student)
                return
            known = book.recorded(gradebook, self.name).get(student) == book.fingerprint(result)
            if known and folder.exists() == bool(result.notebook) and not self.converter.force:
                log.info("Skipping existing assignment: %s", folder)
                return
            if folder.exists():
                rmtree(str(folder))
            if result.notebook:
                write_atomically(folder / f"{self.name}.ipynb", result.notebook, book.READ_ONLY)
            book.record(gradebook, result, self.config)

    def grade(self, submission: Submission, regrade: bool) -> SubmissionResult:
        """The result as `autograde grade`, with or without `--regrade`, gives and stores it."""
        task = batch.Task(submission, self.assignment, self.seed, regrade, workers(self.sandbox))
        for _ in range(2):
            try:
                return judging_process().submit(batch.work, task).result().result
            except BrokenExecutor:
                judging_process.cache_clear()
        return batch.not_graded(task, batch.TWICE)

    def record(self, result: SubmissionResult) -> None:
        with book.open_gradebook(self.config) as gradebook:
            book.record(gradebook, result, self.config)


@functools.cache
def judging_process() -> ProcessPoolExecutor:
    """One process beside this one, which may be a Jupyter server: it stays warm, and can only end itself."""
    return batch.new_pool(1)


class SandboxedGrading(NbGraderPreprocessor):
    """In the place of nbgrader's Execute: the autograded notebook, whose grade cells put out their points."""

    sandbox = Bool(True, help="Run the students' code in the sandbox; False runs it unprotected.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        door = self.parent.door
        result = door.grade(door.submission(resources["nbgrader"]["student"]), regrade=True)
        if not result.notebook:
            raise ValueError(" ".join(result.review) or "the submission was not graded")
        resources["autograde_result"] = result
        return v4.reads(result.notebook), resources


class RecordResult(NbGraderPreprocessor):
    """The last step: the result in one transaction, as `autograde grade` records it.

    nbgrader's own steps have written the points, but have reset the mark of a submission that needs a person.
    """

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        self.parent.door.record(resources.pop("autograde_result"))
        return nb, resources


def class_folder(course: CourseDirectory) -> Path:
    """The folder that holds the submitted folder. Raises ValueError when the course is laid out in another way."""
    submitted = Path(course.root) / course.submitted_directory
    if submitted.name != "submitted" or not course.directory_structure.endswith("{student_id}/{assignment_id}"):
        raise ValueError(
            "the submissions must lie in <class>/submitted/<student>/<assignment>: correct CourseDirectory in the "
            "nbgrader configuration"
        )
    return submitted.parent


def folder_with(assignment: str, course: CourseDirectory, trait: str, otherwise: Path) -> Path:
    """The course's own folder when it has the assignment's notebook, else the project's."""
    folder = Path(course.root) / getattr(course, trait)
    return folder if (folder / assignment / f"{assignment}.ipynb").is_file() else otherwise
