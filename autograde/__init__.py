"""Grader of the course: the bank of exercises, the `check` function of the notebooks and the `autograde` command.

Importing this package imports nothing else: PyTorch and pytest come with the first check, nbgrader and jupytext with
the modules that drive them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

__all__ = ["check"]


def check(exercise_id: str, namespace: Mapping[str, object] | None = None) -> float:
    """Test your functions, show what passed and what did not, and return the points earned.

    The functions are looked up in `namespace`; by default that is the notebook, or the module that calls `check`.
    The value is a plain float: as the last line of a locked nbgrader cell it is the cell's partial credit.
    Inputs are drawn from the seed in the environment variable AUTOGRADE_SEED (0 when it is not set).
    Raises ValueError when there is no exercise `exercise_id` or AUTOGRADE_SEED is not an integer.
    """
    from autograde import checking

    if namespace is None:
        shell = checking.interactive_shell()
        namespace = shell.user_ns if shell is not None else sys._getframe(1).f_globals
    return checking.check(exercise_id, namespace)
