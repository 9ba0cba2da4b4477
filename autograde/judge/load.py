"""Read an answer file into a namespace."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import types
import warnings
from collections.abc import Callable
from pathlib import Path

from autograde.judge.answer import at_line
from autograde.judge.expect import error_text
from autograde.judge.limits import OutOfTime, TimeLimit
from autograde.worker.own_line import own_line

LOAD_SECONDS = 20.0
MODULE = "autograde_answer"


class DoesNotImport(Exception):
    """The answer file cannot be run; the text says why in one sentence.

    `defined` are the names of a notebook one of whose cells raised: those of the other cells count, as they do when a
    class is graded.
    """

    def __init__(self, text: str, defined: dict[str, object] | None = None):
        super().__init__(text)
        self.defined = defined or {}


def load(path: Path) -> dict[str, object]:
    """Run the file (.py, or the code cells of an .ipynb) and return its names.

    What it prints is dropped. Raises FileNotFoundError, and DoesNotImport when the code itself fails.
    """
    path = Path(path)
    text = path.read_bytes()
    module = types.ModuleType(MODULE)
    module.__file__ = str(path)
    # Dataclasses and pickles look their module up by name.
    before, sys.modules[MODULE] = sys.modules.get(MODULE), module
    quiet = io.StringIO()
    run = run_notebook if path.suffix == ".ipynb" else run_script
    try:
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run(path, text, module)
    except OutOfTime:
        raise DoesNotImport(f"{path.name} took more than {LOAD_SECONDS:g} s to run") from None
    finally:
        if before is None:
            sys.modules.pop(MODULE, None)
        else:
            sys.modules[MODULE] = before
    return module.__dict__


def run_script(path: Path, text: bytes, module: types.ModuleType) -> None:
    try:
        code = compile(text, str(path), "exec")
        TimeLimit(LOAD_SECONDS).run(lambda: exec(code, module.__dict__))
    except (KeyboardInterrupt, OutOfTime):
        raise
    except BaseException as error:
        raise DoesNotImport(explanation(path, error, lambda name: name == str(path))) from None


def run_notebook(path: Path, text: bytes, module: types.ModuleType) -> None:
    """Run the code cells one by one, whatever becomes of the one before, in the shell that a worker has."""
    from autograde.worker.shell import is_cell, make_shell, run_cell  # IPython takes as long to import as all the rest

    sources = code_cells(text)
    failures: list[BaseException] = []

    def run_all() -> None:
        for source in sources:
            _, error = run_cell(shell, source)
            if isinstance(error, (KeyboardInterrupt, OutOfTime)):
                raise error
            if error is not None:
                failures.append(error)

    with tempfile.TemporaryDirectory() as folder:
        shell = make_shell(Path(folder), module)
        TimeLimit(LOAD_SECONDS).run(run_all)
    if failures:
        defined = dict(vars(module)) if all(isinstance(error, Exception) for error in failures) else {}
        raise DoesNotImport(explanation(path, failures[0], is_cell), defined)


def explanation(path: Path, error: BaseException, is_own: Callable[[str], bool]) -> str:
    if isinstance(error, SyntaxError):
        reason, where = error.msg, f" at line {error.lineno}" if error.lineno else ""
    else:
        reason, where = " ".join(error_text(error).split())[:200], at_line(*own_line(error, is_own))
    return f"{path.name} does not run: {type(error).__name__}{f' ({reason})' if reason else ''}{where}"


def code_cells(text: bytes) -> list[str]:
    """The sources of a notebook's code cells."""
    try:
        cells = json.loads(text)["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise DoesNotImport(f"this is not a notebook: {type(error).__name__} ({error})") from None
    return ["\n".join(map(without_check, source.splitlines())) for source in sources]


def without_check(line: str) -> str:
    """The notebook's own calls of the grader would run it a second time."""
    code = line.lstrip()
    return f"{line[: len(line) - len(code)]}pass  # {code}" if code.startswith("check(") else line
