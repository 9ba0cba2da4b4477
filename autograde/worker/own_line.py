"""The line of the student's own code at which an exception came out."""

from __future__ import annotations

import linecache
from collections.abc import Callable


def own_line(error: BaseException, is_own: Callable[[str], bool]) -> tuple[int | None, str]:
    """Line number and text of the innermost frame in a file that `is_own`; None and "" when there is none."""
    found: tuple[int | None, str] = None, ""
    trace = error.__traceback__
    while trace is not None:
        path = trace.tb_frame.f_code.co_filename
        if is_own(path):
            found = trace.tb_lineno, linecache.getline(path, trace.tb_lineno).strip()
        trace = trace.tb_next
    return found
