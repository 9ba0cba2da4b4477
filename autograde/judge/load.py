"""Read an answer file into a namespace."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import types
import warnings
from pathlib import Path

from autograde.judge.answer import own_line, place
from autograde.judge.expect import error_text
from autograde.judge.limits import OutOfTime, TimeLimit

LOAD_SECONDS = 20.0
MODULE = "autograde_answer"


class DoesNotImport(Exception):
    """The answer file cannot be run; the text says why in one sentence."""


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
    try:
        source = notebook_source(text) if path.suffix == ".ipynb" else text
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(source, str(path), "exec")
            TimeLimit(LOAD_SECONDS).run(lambda: exec(code, module.__dict__))
    except OutOfTime:
        raise DoesNotImport(f"{path.name} took more than {LOAD_SECONDS:g} s to run") from None
    except SyntaxError as error:
        where = f" at line {error.lineno}" if error.lineno else ""
        raise DoesNotImport(f"{path.name} does not run: {type(error).__name__} ({error.msg}){where}") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        text = " ".join(error_text(error).split())[:200]
        reason = f" ({text})" if text else ""
        raise DoesNotImport(
            f"{path.name} does not run: {type(error).__name__}{reason}{place(*own_line(str(path), error))}"
        ) from None
    finally:
        if before is None:
            sys.modules.pop(MODULE, None)
        else:
            sys.modules[MODULE] = before
    return module.__dict__


def notebook_source(text: bytes) -> str:
    """The code cells of a notebook as one script; lines of IPython magics and shell commands become comments."""
    try:
        cells = json.loads(text)["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise DoesNotImport(f"this is not a notebook: {type(error).__name__} ({error})") from None
    kept = []
    for source in sources:
        if source.lstrip().startswith("%%"):
            source = "\n".join("# " + line for line in source.splitlines())
        kept.append("\n".join(without_magic(line) for line in source.splitlines()))
    return "\n\n".join(kept)


def without_magic(line: str) -> str:
    code = line.lstrip()
    if code.startswith(("%", "!", "?")) or code.rstrip().endswith("?"):
        return line[: len(line) - len(code)] + "pass  # " + code
    # The notebook's own calls of the grader would run it a second time.
    if code.startswith("check("):
        return line[: len(line) - len(code)] + "pass  # " + code
    return line
