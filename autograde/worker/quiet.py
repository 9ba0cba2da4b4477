"""Nobody answers where an answer runs: what asks gets an empty answer, and what would stop for a debugger goes on."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from unittest import mock

LINES_TYPED = 50


@contextlib.contextmanager
def nobody_answers() -> Iterator[None]:
    """Inside, nothing waits for a person."""
    lines = itertools.count(1)

    def nothing_typed(prompt: object = "") -> str:
        """An empty line; after some, the end of the input: a console or a debugger would go on asking for ever."""
        if next(lines) > LINES_TYPED:
            raise EOFError("nobody types here")
        return ""

    instead = {
        "builtins.input": nothing_typed,
        "getpass.getpass": lambda prompt="", stream=None: "",
        "sys.breakpointhook": lambda *arguments, **options: None,
        "pdb.set_trace": lambda *arguments, **options: None,
        "matplotlib.backend_bases.FigureCanvasBase.start_event_loop": lambda canvas, timeout=0: None,
        # Outside a shell these end the interpreter; a notebook knows them too.
        "builtins.exit": leave,
        "builtins.quit": leave,
    }
    with contextlib.ExitStack() as stack:
        for name, function in instead.items():
            stack.enter_context(mock.patch(name, function))
        yield


def leave(code: object = None) -> None:
    raise SystemExit(code)
