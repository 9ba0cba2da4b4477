"""How long a test waits for what it waits for: until it is there, whatever else this machine does meanwhile.

No test measures time. What would be waited for in vain is given up after HANG_SECONDS, so that a run comes to an end;
on a machine that is merely busy this never decides.
"""

import time
from collections.abc import Callable
from typing import TypeVar

HANG_SECONDS = 600.0
Found = TypeVar("Found")


def until(condition: Callable[[], Found], what: str, pause: float = 0.05) -> Found:
    """Ask `condition` again and again and return its first true value.

    TimeoutError, with `what` in its message, when there is none in HANG_SECONDS.
    """
    ends = time.monotonic() + HANG_SECONDS
    while not (found := condition()):
        if time.monotonic() > ends:
            raise TimeoutError(f"waited {HANG_SECONDS:.0f} s in vain for this: {what}")
        time.sleep(pause)
    return found
