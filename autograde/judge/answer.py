"""The student's functions as the tests see them: guarded calls, in this process.

Tests call the functions through an answer only, so that where the code runs can change without changing a test:
`Answer` calls the functions of a namespace here, `RemoteAnswer` those of a worker. A guarded call turns exceptions into
one sentence, notices inputs that were changed in place, and notices an answer that hands the work to PyTorch's own
optimizers and schedulers.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch

from autograde.judge.expect import AnswerError, Mistake, error_text, hidden, note
from autograde.judge.limits import OutOfTime, TimeLimit
from autograde.worker.delegation import Watcher, delegation_sentence, restore_profile
from autograde.worker.own_line import own_line

# A result of one of these types is data; anything else that an answer returns stays a guarded object.
DATA = (type(None), bool, int, float, complex, str, bytes, list, tuple, dict, set, torch.Tensor, torch.dtype)
DATA += (torch.Generator, np.ndarray, np.generic, type)


class Forbidden(Mistake):
    """Something that costs all points of the exercise."""


class Delegation(Forbidden):
    """The answer calls PyTorch's own optimizer or scheduler."""


class Answer:
    """Attributes are the functions that the student defined in `namespace` (name -> object).

    `forbidden` is the sentence about what costs all points of the exercise, None as long as there is nothing;
    `running` names the function called last.
    """

    def __init__(self, namespace: Mapping[str, object]):
        self._namespace = namespace
        self._watcher = Watcher()
        self._results = Results()
        self._limit = 0.0
        self.forbidden: str | None = None
        self.running: str | None = None
        self.alive = True

    def run_test(self, function: Callable[[], None], seconds: float, seed: int) -> None:
        """Run a test, which calls this answer's functions, for at most `seconds`. Raises OutOfTime."""
        self.running = None
        self._results = Results()
        self._limit = seconds
        TimeLimit(seconds).run(function)

    def spent(self, elapsed: float) -> float:
        """Of the seconds that a test took, those that count against the limit of all tests: not what PyTorch takes to
        import its own parts, which may be longer than a test."""
        return min(elapsed, self._limit)

    def __getattr__(self, name: str) -> Guarded:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            value = self._namespace[name]
        except KeyError:
            raise undefined(name) from None
        if not callable(value):
            raise not_a_function(name, type(value).__name__)
        return Guarded(self, value, f"`{name}`", named=True)

    def guard(self, function: Callable, label: str, args: tuple = (), kwargs: Mapping[str, object] | None = None):
        """Call `function` guarded; `label` names it to the reader."""
        kwargs = dict(kwargs or {})
        arguments = list(inputs(function, args, kwargs))
        before = [(name, tensor, *snapshot(tensor)) for name, tensor in arguments]
        previous = sys.getprofile()
        self.running = label
        try:
            sys.setprofile(self._watcher)
            result = function(*args, **kwargs)
        except (OutOfTime, Mistake):
            raise
        except NotImplementedError as error:
            raise unanswered(label, error) from None
        except BaseException as error:
            raise AnswerError(describe_exception(label, function, error), error) from None
        finally:
            restore_profile(previous)
            if self._watcher.delegated is not None:
                self.forbidden = delegation_sentence(self._watcher.delegated)
        if self.forbidden is not None:
            raise Delegation(self.forbidden)
        for name, tensor, copy, requires_grad in before:
            if changed(tensor, copy):
                self.forbidden = mutation_sentence(label, name)
                raise Forbidden(self.forbidden)
            if requires_grad is False and tensor.requires_grad:
                note(f"{label} switched on requires_grad of its input `{name}`: do that on a copy")
                tensor.requires_grad_(False)
                tensor.grad = None
        return self.wrapped(result, label)

    def forbid(self, sentence: str | None) -> None:
        """Raise Forbidden with the sentence, and keep it; nothing when it is None."""
        if sentence is not None:
            self.forbidden = sentence
            raise Forbidden(sentence)

    def wrapped(self, result: object, label: str) -> object:
        if type(result) is np.ndarray and not result.dtype.isnative:
            return result.astype(result.dtype.newbyteorder("="))
        if isinstance(result, DATA):
            return result
        if callable(result) and inspect.isroutine(result):
            return Guarded(self, result, f"the function returned by {label}")
        return guarded_object(self, result, label)


class Guarded:
    """A callable of the student; `label` names it to the reader, `named` says that the exercise asked for it."""

    def __init__(self, answer: Answer, function: Callable, label: str, named: bool = False):
        self._answer = answer
        self._function = function
        self._label = label
        self._named = named

    def __call__(self, *args: object, **kwargs: object) -> object:
        result = self._answer.guard(self._function, self._label, args, kwargs)
        if self._named:
            self._answer.forbid(self._answer._results.check(self._label, args, kwargs, result))
        return result


class GuardedObject:
    """An object that the student's code made: what is done with it is guarded like a call."""

    def __init__(self, answer: Answer, value: object, label: str):
        self._answer, self._value, self._label = answer, value, label

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        label = member_label(self._label, name)
        value = self._answer.guard(getattr, label, (self._value, name))
        # A method: name it as such, not as something returned.
        return Guarded(self._answer, value._function, label) if isinstance(value, Guarded) else value

    def __iter__(self) -> Iterator[object]:
        return iter(self._answer.guard(list, self._label, (self._value,)))

    def __len__(self) -> int:
        return self._answer.guard(len, self._label, (self._value,))


class GuardedCallable(GuardedObject):
    """An object with a `__call__` of its own."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self._answer.guard(self._value, f"the object returned by {self._label}", args, kwargs)


def guarded_object(answer: Answer, value: object, label: str) -> GuardedObject:
    base = GuardedCallable if callable(value) else GuardedObject
    return named_type(type(value).__name__, base)(answer, value, label)


def named_type(name: str, base: type) -> type:
    """A subclass of `base` with the name of the student's class, for messages such as "returned a Foo"."""
    return type(name, (base,), {})


class Results:
    """The tensors that a test got from calls of functions, to notice one that is handed out again for other inputs."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[str, torch.Tensor]] = {}

    def check(self, label: str, args: tuple, kwargs: Mapping[str, object], result: object) -> str | None:
        """A sentence when `result` is the memory that a call of `label` with other inputs gave before."""
        if type(result) is not torch.Tensor or not result.numel():
            return None
        place = label, result.untyped_storage().data_ptr()
        if any(place[1] == value.untyped_storage().data_ptr() for _, value in tensors("", [*args, *kwargs.values()])
               if isinstance(value, torch.Tensor)):  # fmt: skip
            return None  # an input came back
        now = repr([contents(value) for value in (*args, *kwargs.values())])
        # The tensor is kept too, or its memory could be given to the next result.
        before, _ = self._known.setdefault(place, (now, result))
        if before == now:
            return None
        return f"{label} hands out the result of an earlier call for other inputs (no points for this exercise)"


def contents(value: object) -> object:
    """Something that is equal for equal values, and small."""
    return hash(value.detach().double().numpy().tobytes()) if isinstance(value, torch.Tensor) else value


def member_label(label: str, name: str) -> str:
    return f"{label[:-1]}.{name}`" if label.endswith("`") and label.startswith("`") else f"`{name}` of {label}"


# Sentences that both kinds of answer say.


def undefined(name: str) -> Mistake:
    return Mistake(f"`{name}` is not defined: run the cell that defines it first")


def not_a_function(name: str, kind: str) -> Mistake:
    return Mistake(f"`{name}` is a {kind}, not a function")


def unanswered(label: str, error: BaseException) -> AnswerError:
    return AnswerError(f"{label} is not answered yet", error)


def mutation_sentence(label: str, name: str) -> str:
    return f"{label} changed its input `{name}` in place: work on a copy (no points for this exercise)"


def exception_sentence(label: str, kind: str, text: str, line: int | None, source: str) -> str:
    """One sentence: what was raised, and on which line of the student's own code."""
    text = " ".join(text.split())
    if len(text) > 160:
        text = text[:157] + "..."
    # In a hidden test the text of the exception could carry the inputs out.
    reason = f" ({text})" if text and not hidden() else ""
    return f"{label} raised {kind}{reason}{at_line(line, source)}"


def at_line(line: int | None, source: str) -> str:
    """Where, as in " at line 3, `return 1 / 0`"; "" when it is not known."""
    if line is None:
        return ""
    source = f", `{source}`" if source and "`" not in source and len(source) <= 100 else ""
    return f" at line {line}{source}"


# The rest is about values and exceptions of this process.


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
        return native(value), None
    return value.detach().clone(), value.requires_grad


def native(array: np.ndarray) -> torch.Tensor:
    """A copy as a tensor, which knows no other byte order than the machine's."""
    return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("=")))


def changed(value: torch.Tensor | np.ndarray, copy: torch.Tensor) -> bool:
    now = native(value) if isinstance(value, np.ndarray) else value.detach()
    if now.shape != copy.shape or now.dtype != copy.dtype:
        return True
    return not bool(((now == copy) | ((now != now) & (copy != copy))).all())


def describe_exception(label: str, function: object, error: BaseException) -> str:
    path = getattr(getattr(inspect.unwrap(function), "__code__", None), "co_filename", None)
    return exception_sentence(
        label, type(error).__name__, error_text(error), *own_line(error, lambda name: name == path)
    )
