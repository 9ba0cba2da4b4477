"""The settings of nbgrader: the project's own, in `nbgrader_config.py`, and what differs in another class or course."""

from __future__ import annotations

from pathlib import Path

from traitlets.config import Config, PyFileConfigLoader

from autograde.sandbox.paths import ROOT

PROJECT_CLASS = ROOT / "autograde" / "class"


def project_settings() -> Config:
    return Config(PyFileConfigLoader("nbgrader_config.py", path=str(ROOT / "autograde")).load_config())


def class_settings(class_folder: Path) -> Config:
    """Those of a class: the project's, with the folders and gradebook of `class_folder`.

    In the project's own class the gradebook is the configured one, which need not be SQLite.
    """
    if class_folder.resolve() == PROJECT_CLASS:
        return project_settings()
    return course_settings(class_folder.resolve(), source=ROOT / "solutions")


def course_settings(course: Path, source: Path | None = None) -> Config:
    """Those of a course in the folder `course`, set up as the project is.

    `source` is the folder of the solutions when that is not `course`/solutions.
    """
    config = project_settings()
    directory = config.CourseDirectory
    directory.root = str(course)
    directory.db_url = f"sqlite:///{course / 'gradebook.db'}"
    for step in ("submitted", "autograded", "feedback"):
        directory[f"{step}_directory"] = step
    if source is not None:
        directory.source_directory = str(source)
    return config
