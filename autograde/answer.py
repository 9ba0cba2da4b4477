"""The student's functions as the tests see them: guarded calls.

Tests call the functions through `Answer` only, so that where the code runs can change without changing a test.
A guarded call turns exceptions into one sentence, notices inputs that were changed in place, and notices an answer
that hands the work to PyTorch's own optimizers and schedulers.
"""

from __future__ import annotations

import inspect
import linecache
import os
import sys
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
import torch.optim

from autograde.expect import AnswerError, Mistake, error_text, hidden, note

OPTIM = os.path.dirname(os.path.abspath(torch.optim.__file__)) + os.sep
BASES = (torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler)
BASE_FILES = (OPTIM + "optimizer.py", OPTIM + "lr_scheduler.py")


class OutOfTime(BaseException):
    """Raised in the student's code by the alarm; not an Exception, so that `except Exception` lets it through."""


class Delegation(Mistake):
    """The answer calls PyTorch's own optimizer or scheduler."""


class Answer:
    """Attributes are the functions that the student defined in `namespace` (name -> object)."""

    def __init__(self, namespace: Mapping[str, object]):
        self._namespace = namespace
        self.delegated: str | None = None
        self.running: str | None = None

    def __getattr__(self, name: str) -> Guarded:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            value = self._namespace[name]
        except KeyError:
            raise Mistake(f"`{name}` is not defined: run the cell that defines it first") from None
        if not callable(value):
            raise Mistake(f"`{name}` is a {type(value).__name__}, not a function")
        return Guarded(self, value, f"`{name}`")


class Guarded:
    """A callable of the student; `label` names it to the reader."""

    def __init__(self, answer: Answer, function: Callable, label: str):
        self._answer = answer
        self._function = function
        self._label = label

    def __call__(self, *args: object, **kwargs: object) -> object:
        before = [(name, tensor, *snapshot(tensor)) for name, tensor in inputs(self._function, args, kwargs)]
        watcher = Watcher(self._answer)
        previous = sys.getprofile()
        self._answer.running = self._label
        try:
            sys.setprofile(watcher)
            result = self._function(*args, **kwargs)
        except (OutOfTime, Mistake):
            raise
        except NotImplementedError as error:
            raise AnswerError(f"{self._label} is not answered yet", error) from None
        except BaseException as error:
            raise AnswerError(describe_exception(self._label, self._function, error), error) from None
        finally:
            restore_profile(previous)
        if self._answer.delegated is not None:
            raise Delegation(delegation_sentence(self._answer.delegated))
        for name, tensor, copy, requires_grad in before:
            if changed(tensor, copy):
                raise Mistake(f"{self._label} changed its input `{name}` in place: work on a copy")
            if requires_grad is False and tensor.requires_grad:
                note(f"{self._label} switched on requires_grad of its input `{name}`: do that on a copy")
                tensor.requires_grad_(False)
                tensor.grad = None
        if callable(result) and not isinstance(result, (type, torch.Tensor)):
            return Guarded(self._answer, result, f"the function returned by {self._label}")
        return result


class Watcher:
    """Profile function: tells the answer which code of `torch.optim` runs first, its two base classes excepted.

    It does so at once: the alarm may go off before the call returns.
    """

    def __init__(self, answer: Answer):
        self._answer = answer

    def __call__(self, frame, event: str, argument: object) -> None:
        if event != "call" or self._answer.delegated is not None:
            return
        code = frame.f_code
        if not code.co_filename.startswith(OPTIM) or code.co_name == "<module>":
            return
        if code.co_filename in BASE_FILES:
            # The student's own subclass of a base class runs this code too: look at whose method it is.
            self._answer.delegated = torch_class(frame.f_locals.get("self"))
        else:
            self._answer.delegated = torch_class(frame.f_locals.get("self")) or module_of(code.co_filename)


def restore_profile(previous: object) -> None:
    """Put back what `sys.getprofile` returned; cProfile, below Python 3.12, goes back by its own method only."""
    if previous is None or callable(previous):
        sys.setprofile(previous)
    else:
        previous.enable()


def torch_class(instance: object) -> str | None:
    """Name of the first optimizer or scheduler class of `torch.optim`, bases excepted, in the type's MRO."""
    for kind in type(instance).__mro__:
        if kind.__module__.startswith("torch.optim") and kind not in BASES and not kind.__name__.startswith("_"):
            module = "torch.optim" if hasattr(torch.optim, kind.__name__) else kind.__module__
            return f"{module}.{kind.__name__}"
    return None


def module_of(path: str) -> str:
    return "torch.optim." + path[len(OPTIM) :].removesuffix(".py").replace(os.sep, ".")


def delegation_sentence(name: str) -> str:
    return f"the answer delegates to PyTorch's own `{name}`: write the update yourself (no points for this exercise)"


def inputs(function: Callable, args: tuple, kwargs: dict) -> Iterator[tuple[str, torch.Tensor | np.ndarray]]:
    """Every tensor and array among the arguments, also inside lists, tuples and dicts, with the parameter's name."""
    try:
        named = inspect.signature(function).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        named = {f"argument {index + 1}": value for index, value in enumerate(args)} | kwargs
    for name, value in named.items():
        yield from tensors(name, value)


def tensors(name: str, value: object) -> Iterator[tuple[str, torch.Tensor | np.ndarray]]:
    if isinstance(value, (torch.Tensor, np.ndarray)):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for index, entry in enumerate(value):
            yield from tensors(f"{name}[{index}]", entry)
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from tensors(f"{name}[{key!r}]", entry)


def snapshot(value: torch.Tensor | np.ndarray) -> tuple[torch.Tensor, bool | None]:
    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.array(value)), None
    return value.detach().clone(), value.requires_grad


def changed(value: torch.Tensor | np.ndarray, copy: torch.Tensor) -> bool:
    now = torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value.detach()
    if now.shape != copy.shape or now.dtype != copy.dtype:
        return True
    return not bool(((now == copy) | ((now != now) & (copy != copy))).all())


def describe_exception(label: str, function: Callable, error: BaseException) -> str:
    """One sentence: what was raised, and on which line of the student's own code."""
    kind = type(error).__name__
    text = " ".join(error_text(error).split())
    if len(text) > 160:
        text = text[:157] + "..."
    # In a hidden test the text of the exception could carry the inputs out.
    reason = f" ({text})" if text and not hidden() else ""
    return f"{label} raised {kind}{reason}{line_of(function, error)}"


def line_of(function: Callable, error: BaseException) -> str:
    function = inspect.unwrap(function)
    path = getattr(getattr(function, "__code__", None), "co_filename", None)
    return line_of_file(path, error)


def line_of_file(path: str | None, error: BaseException) -> str:
    """Where in the file `path` the error came from, as in " at line 3, `return 1 / 0`"; "" when it did not."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    if line is None:
        return ""
    source = linecache.getline(path, line).strip()
    source = f", `{source}`" if source and "`" not in source and len(source) <= 100 else ""
    return f" at line {line}{source}"
