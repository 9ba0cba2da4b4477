"""Time limit for one test, and protection of the caller's process from what an answer leaves behind."""

from __future__ import annotations

import contextlib
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

from autograde.worker.delegation import restore_profile

IMPORT_SECONDS = 60.0


class OutOfTime(BaseException):
    """Raised in the student's code by the alarm; not an Exception, so that `except Exception` lets it through."""


class TimeLimit:
    """Runs a function for at most `seconds` of wall-clock time.

    Uses the interval timer of the main thread; in other threads, and on systems without it, there is no limit.
    An import is let through to its end, and the time starts anew after it: a module interrupted half way would stay
    broken for the rest of the process, and PyTorch imports large parts of itself at first use.
    """

    def __init__(self, seconds: float):
        self.seconds = seconds
        self.rang = False
        self._over = False
        self._importing = False
        self._imports_end = time.monotonic() + IMPORT_SECONDS

    def run(self, function: Callable[[], None]) -> None:
        """Call `function`. Raises OutOfTime when the time is up, also when `function` swallowed that exception."""
        if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
            function()
            return
        profile = sys.getprofile()
        handler = signal.signal(signal.SIGALRM, self._ring)
        started = time.monotonic()
        remaining, interval = signal.setitimer(signal.ITIMER_REAL, self.seconds)
        try:
            # `_over` is stored by a plain assignment before anything is called: until then the alarm may still ring.
            function()
            self._over = True
        except BaseException:
            self._over = True
            raise
        finally:
            self._over = True
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler if handler is not None else signal.SIG_DFL)
            if remaining:  # an alarm of the caller's own
                left = remaining - (time.monotonic() - started)
                signal.setitimer(signal.ITIMER_REAL, max(left, 1e-3), interval)
            restore_profile(profile)
        if self.rang:
            raise OutOfTime

    def _ring(self, signum: int, frame: object) -> None:
        if self._over:
            return
        if not self.rang and time.monotonic() < self._imports_end and inside_import(frame):
            self._importing = True
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            return
        if self._importing:
            self._importing = False
            signal.setitimer(signal.ITIMER_REAL, self.seconds)
            return
        self.rang = True
        # The code may catch everything in a loop. Ringing again after a random moment, about as long as its handler
        # takes, sooner or later interrupts the handler itself, and then the exception gets out.
        signal.setitimer(signal.ITIMER_REAL, random.uniform(2e-6, 2e-4))
        raise OutOfTime


def inside_import(frame) -> bool:
    """Whether the code under the limit is importing a module."""
    while frame is not None and frame.f_code is not TimeLimit.run.__code__:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def seed_torch(seed: int) -> None:
    """Seed PyTorch's global generators: as long as CUDA is not in use, the one of the CPU.

    `torch.manual_seed` would note the whole stack, for the case that CUDA is used later, which takes a millisecond.
    """
    if torch.cuda.is_initialized():
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


@contextlib.contextmanager
def isolated_torch(seed: int) -> Iterator[None]:
    """Seed the global generators, and put them and torch's global modes back afterwards."""
    torch_state, numpy_state, python_state = torch.get_rng_state(), np.random.get_state(), random.getstate()
    dtype, grad, device = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_default_device()
    errors = np.geterr()
    seed_torch(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)
    torch.set_grad_enabled(True)
    if device.type != "cpu":
        torch.set_default_device("cpu")
    try:
        yield
    finally:
        torch.set_rng_state(torch_state)
        np.random.set_state(numpy_state)
        random.setstate(python_state)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(grad)
        np.seterr(**errors)
        if device.type != "cpu":
            torch.set_default_device(device)
