"""Grader of the course: pytest graders, the `check` function of the notebooks and the `autograde` command.

Importing this package needs numpy, torch and pytest only; nbgrader and jupytext are imported by the
modules that drive them (`notebooks`, `sample_class`).
"""

from autograde.check import check

__all__ = ["check"]
