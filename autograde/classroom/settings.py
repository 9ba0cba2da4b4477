"""The settings of nbgrader for a course in another folder than the project's."""

from __future__ import annotations

from pathlib import Path

from autograde import ROOT


def nbgrader_config(course: Path, source: Path | None = None):
    """A traitlets Config of a course in the folder `course`, set up as `nbgrader_config.py` does for the project.

    `source` is the folder of the solutions when that is not `course`/solutions.
    """
    from traitlets.config import Config, PyFileConfigLoader

    config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(ROOT / "autograde")).load_config())
    directory = config.CourseDirectory
    directory.root = str(course)
    directory.db_url = f"sqlite:///{course / 'gradebook.db'}"
    for step in ("submitted", "autograded", "feedback"):
        directory[f"{step}_directory"] = step
    if source is not None:
        directory.source_directory = str(source)
    return config
