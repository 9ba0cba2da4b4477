"""Read an answer file into a namespace."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from unittest import mock

from autograde.judge.answer import at_line
from autograde.judge.expect import error_text
from autograde.judge.limits import OutOfTime, TimeLimit
from autograde.worker.own_line import own_line

LOAD_SECONDS = 20.0  # for a script
CELL_SECONDS = 60.0  # for a cell of a notebook, as in a class
# The names under which code finds itself: that of an imported file, and that of a notebook.
SCRIPT, NOTEBOOK = "autograde_answer", "__main__"


class DoesNotRun(Exception):
    """The answer file does not run; the text says why in one sentence.

    `defined` are the names of a notebook one of whose cells raised: those of the other cells count, as they do when a
    class is graded.
    """

    def __init__(self, text: str, defined: dict[str, object] | None = None):
        super().__init__(text)
        self.defined = defined or {}


def load(path: Path, exercise_id: str | None = None) -> dict[str, object]:
    """Run the file (.py, or the code cells of an .ipynb) and return its names.

    Of a notebook in which the check of the exercise stands, the names as they are there. What the code prints is
    dropped. Raises FileNotFoundError, and DoesNotRun when the code itself fails.
    """
    path = Path(path)
    text = path.read_bytes()
    notebook = path.suffix == ".ipynb"
    module = types.ModuleType(NOTEBOOK if notebook else SCRIPT)
    module.__file__ = str(path)
    quiet = io.StringIO()
    try:
        with (
            findable(module),
            without_check(),
            contextlib.redirect_stdout(quiet),
            contextlib.redirect_stderr(quiet),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            if notebook:
                run_notebook(path, text, module, exercise_id)
            else:
                run_script(path, text, module)
    except OutOfTime:
        raise DoesNotRun(too_slow(path, LOAD_SECONDS)) from None
    return module.__dict__


def too_slow(path: Path, seconds: float) -> str:
    return f"{path.name} took more than {seconds:g} s to run"


@contextlib.contextmanager
def findable(module: types.ModuleType) -> Iterator[None]:
    """Dataclasses and pickles look their module up by name."""
    before, sys.modules[module.__name__] = sys.modules.get(module.__name__), module
    try:
        yield
    finally:
        if before is None:
            sys.modules.pop(module.__name__, None)
        else:
            sys.modules[module.__name__] = before


def without_check() -> contextlib.AbstractContextManager:
    """`check`, which the answer may call itself, does nothing, as in a worker: it is being graded already."""
    return mock.patch.object(sys.modules[__name__.partition(".")[0]], "check", lambda *arguments, **options: 0.0)


def run_script(path: Path, text: bytes, module: types.ModuleType) -> None:
    try:
        code = compile(text, str(path), "exec")
        TimeLimit(LOAD_SECONDS).run(lambda: exec(code, module.__dict__))
    except (KeyboardInterrupt, OutOfTime):
        raise
    except BaseException as error:
        raise DoesNotRun(explanation(path, error, lambda name: name == str(path))) from None


def run_notebook(path: Path, text: bytes, module: types.ModuleType, exercise_id: str | None) -> None:
    """Run the code cells one by one, whatever becomes of the one before, in the shell that a worker has."""
    # IPython takes as long to import as all the rest.
    from autograde.worker.quiet import nobody_answers
    from autograde.worker.shell import in_charge, is_cell, make_shell, run_cell

    cells = code_cells(text)
    answers = [cell for cell in cells if cell[0] == exercise_id] or cells
    failures: list[BaseException] = []
    stopped = False  # the answer itself ended the program: it earns nothing, in a class as well
    with tempfile.TemporaryDirectory() as folder:
        shell = make_shell(Path(folder), module)
        with in_charge(shell), nobody_answers():
            for cell in cells:
                grade_id, source = cell
                if grade_id == f"{exercise_id}-check":
                    break
                error = raised(partial(run_cell, shell, source))
                if isinstance(error, KeyboardInterrupt):
                    raise error
                if error is not None:
                    failures.append(error)
                    stopped = stopped or (cell in answers and not isinstance(error, Exception))
    if failures:
        raise DoesNotRun(explanation(path, failures[0], is_cell), {} if stopped else dict(vars(module)))


def raised(run: Callable[[], tuple[object, BaseException | None]]) -> BaseException | None:
    """What a cell raised, or that it took too long; None when it came to its end."""
    outcomes: list[tuple[object, BaseException | None]] = []
    try:
        TimeLimit(CELL_SECONDS).run(lambda: outcomes.append(run()))
    except OutOfTime as late:
        return late
    return outcomes[0][1]


def explanation(path: Path, error: BaseException, is_own: Callable[[str], bool]) -> str:
    if isinstance(error, OutOfTime):
        return too_slow(path, CELL_SECONDS)
    if isinstance(error, SyntaxError):
        reason, where = error.msg, f" at line {error.lineno}" if error.lineno else ""
    else:
        reason, where = " ".join(error_text(error).split())[:200], at_line(*own_line(error, is_own))
    return f"{path.name} does not run: {type(error).__name__}{f' ({reason})' if reason else ''}{where}"


def code_cells(text: bytes) -> list[tuple[str | None, str]]:
    """Of each code cell of a notebook the name that nbgrader knows it by, and the source."""
    try:
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        return [(grade_id_of(cell.get("metadata")), "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError) as error:
        raise DoesNotRun(f"this is not a notebook: {type(error).__name__} ({error})") from None


def grade_id_of(metadata: object) -> str | None:
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return marks.get("grade_id") if isinstance(marks, dict) else None
