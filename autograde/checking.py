"""What `autograde.check` does: grade the functions of a notebook where they are defined, and show the result."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from autograde.bank import find
from autograde.judge.report import Report
from autograde.judge.runner import run


def check(exercise_id: str, namespace: Mapping[str, object]) -> float:
    """`autograde.check` with the namespace of its caller."""
    exercise = find(exercise_id)
    shell = interactive_shell()
    report = run(exercise, namespace, seed=environment_seed())
    show(report, rich=shell is not None)
    return report.points


def interactive_shell():
    """The running IPython shell, or None. IPython is not imported for this: if it runs, it is loaded."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def environment_seed() -> int:
    text = os.environ.get("AUTOGRADE_SEED", "0")
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"the environment variable AUTOGRADE_SEED must be an integer, got {text!r}") from None


def show(report: Report, rich: bool) -> None:
    if not rich:
        print(report.text())
        return
    from IPython.display import display

    # Displayed data, unlike a printed text or a returned table, is ignored by nbgrader when it reads the points.
    display({"text/html": report.html(), "text/plain": report.text()}, raw=True)
