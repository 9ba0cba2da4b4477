"""The student's functions as the tests see them when they run in a worker: the same interface as `Answer`."""

from __future__ import annotations

import builtins
import re
import time
from collections.abc import Callable, Iterator, Mapping

import torch

from autograde.judge.answer import (
    Delegation,
    Forbidden,
    Results,
    exception_sentence,
    member_label,
    mutation_sentence,
    named_type,
    not_a_function,
    tensors,
    unanswered,
    undefined,
)
from autograde.judge.connection import OverLimit, RemoteError, Worker, WorkerEnded, described
from autograde.judge.expect import AnswerError, Mistake
from autograde.judge.limits import OutOfTime
from autograde.worker.delegation import delegation_sentence, public_name
from autograde.worker.wire import Reference, WireError

BUILTIN = {
    name: kind for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception)
}


def identifier(text: object) -> str:
    """A name that a stranger gave, as far as it is one."""
    return re.sub(r"\W", "_", str(text)[:60]) or "object"


class RemoteAnswer:
    """Attributes are the functions that the student defined in the worker; see `autograde.judge.answer.Answer`."""

    def __init__(self, worker: Worker):
        self._worker = worker
        self._functions: dict[str, RemoteFunction] = {}
        self._results = Results()
        self._limit, self._began = 0.0, 0.0
        self._cpu_began: float | None = None
        self._cpu_known = 0.0  # the worker's processor time, when it was asked last after a test
        self.forbidden: str | None = None
        self.running: str | None = None
        worker.proxies(self._proxy)

    def __getattr__(self, name: str) -> RemoteFunction:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._functions:
            reply, _ = self._ask({"do": "look", "name": name}, {}, f"`{name}`")
            if reply.get("found") is not True:
                raise undefined(name)
            if reply.get("callable") is not True:
                raise not_a_function(name, identifier(reply.get("type")))
            self._functions[name] = RemoteFunction(self, ["name", name], f"`{name}`")
        return self._functions[name]

    def _proxy(self, reference: Reference) -> object:
        target = ["kept", reference.number]
        label = f"the function returned by {self.running}"
        if reference.type_name in ("function", "method", "builtin_function_or_method", "partial"):
            return RemoteFunction(self, target, label)
        base = RemoteCallable if reference.callable else RemoteObject
        return named_type(identifier(reference.type_name), base)(self, target, str(self.running))

    @property
    def alive(self) -> bool:
        return self._worker.alive

    def run_test(self, function: Callable[[], None], seconds: float, seed: int) -> None:
        """Run a test, which calls this answer's functions: all calls together may take `seconds` of processor time.

        Raises OutOfTime.
        """
        self.running = None
        self._results = Results()
        try:
            self._worker.begin(seed)
        except WorkerEnded as end:
            self.forbidden = f"the answer's process {end} (no points for this exercise)"
            raise Forbidden(self.forbidden) from None
        self._limit, self._began, self._cpu_began = seconds, time.monotonic(), None
        function()
        attempts = self._worker.attempts()
        if attempts:
            self.forbidden = f"{self.running or 'the answer'} {attempts[0]} (no points for this exercise)"
            raise Forbidden(self.forbidden)

    def spent(self, elapsed: float) -> float:
        """Processor time of the test that ended just now; for a short one its time on the wall, which is never less."""
        if elapsed < 1.0 or not self._worker.alive:
            return min(elapsed, self._limit)
        before, self._cpu_known = self._cpu_known, self._worker.clock()[0]
        return min(elapsed, self._cpu_known - before)

    def _left(self) -> float:
        """Processor time left in this test. It is never more than the time on the wall, which is asked first."""
        elapsed = time.monotonic() - self._began
        if elapsed < self._limit / 2:
            return self._limit
        cpu = self._worker.clock()[0]
        if self._cpu_began is None:
            self._cpu_began = max(0.0, cpu - elapsed)
        return self._limit - (cpu - self._cpu_began)

    def guard(self, do: str, label: str, target: list, args: tuple = (), kwargs: Mapping | None = None, **fields):
        """Let the worker do something with what is at `target`, guarded; `label` names it to the reader."""
        kwargs = dict(kwargs or {})
        self.running = label
        values = {"args": tuple(args), "kwargs": kwargs} if do == "call" else {}
        reply, reader = self._ask({"do": do, "target": target, **fields}, values, label)
        delegated = reply.get("delegated")
        if delegated is not None:
            name = public_name(str(delegated)[:80]) or "torch.optim"
            self.forbidden = delegation_sentence(name)
            raise Delegation(self.forbidden)
        self._check_inputs(reply, args, kwargs, label)
        try:
            error = described(reply["error"]) if reply.get("error") is not None else None
        except WireError as broken:
            raise self._broken(broken) from None
        if error is not None:
            raise self._error(error, label)
        try:
            result = reader.read(reply.get("value"))
            self._set_generators(reader.read(reply.get("generators")))
        except WireError as error:
            raise self._broken(error) from None
        return result

    def forbid(self, sentence: str | None) -> None:
        """Raise Forbidden with the sentence, and keep it; nothing when it is None."""
        if sentence is not None:
            self.forbidden = sentence
            raise Forbidden(sentence)

    def _ask(self, message: dict, values: dict, label: str):
        try:
            return self._worker.request(message, values, max(self._left(), 0.05))
        except OverLimit:
            raise OutOfTime from None
        except WorkerEnded as end:
            self.forbidden = f"{label} {end} (no points for this exercise)"
            raise Forbidden(self.forbidden) from None
        except WireError as error:
            raise Mistake(f"{label} returned something the grader cannot read: {error}") from None

    def _broken(self, error: WireError) -> Forbidden:
        self.forbidden = f"the answer broke the rules of the connection to the grader: {error}"
        return Forbidden(self.forbidden)

    def _check_inputs(self, reply: dict, args: tuple, kwargs: dict, label: str) -> None:
        mutated, names = reply.get("mutated"), reply.get("parameters")
        if not isinstance(mutated, list) or not mutated:
            return
        names = [identifier(name) for name in names] if isinstance(names, list) else []
        names += [f"argument {index + 1}" for index in range(len(names), len(args))]
        named = dict(zip(names, args, strict=False)) | kwargs
        found = [pair for name, value in named.items() for pair in tensors(name, value)]
        found = [(name, value) for name, value in found if isinstance(value, torch.Tensor)]
        for (name, _), number in zip(found, self._worker.numbers([value for _, value in found]), strict=True):
            if number is not None and number in mutated:
                self.forbidden = mutation_sentence(label, name)
                raise Forbidden(self.forbidden)

    def _set_generators(self, rows: object) -> None:
        for number, state in rows if isinstance(rows, list) else []:
            generator = self._worker.kept(number)
            if isinstance(generator, torch.Generator) and isinstance(state, bytes):
                try:
                    generator.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
                except (RuntimeError, TypeError, ValueError) as error:
                    raise WireError(f"a damaged generator: {type(error).__name__}") from None

    def _error(self, error: RemoteError, label: str) -> AnswerError:
        kind = BUILTIN.get(error.builtin, Exception)
        try:
            raised = kind(error.text)
        except TypeError:  # UnicodeDecodeError and the like want more than a text
            raised = Exception(error.text)
        if issubclass(kind, NotImplementedError):
            return unanswered(label, raised)
        return AnswerError(
            exception_sentence(label, identifier(error.kind), error.text, error.line, error.source), raised
        )


class RemoteFunction:
    """A function of the student in the worker."""

    def __init__(self, answer: RemoteAnswer, target: list, label: str):
        self._answer, self._target, self._label = answer, target, label
        self._worker_number = target[1] if target[0] == "kept" else None

    def __call__(self, *args: object, **kwargs: object) -> object:
        result = self._answer.guard("call", self._label, self._target, args, kwargs)
        if self._target[0] == "name":
            self._answer.forbid(self._answer._results.check(self._label, args, kwargs, result))
        return result


class RemoteObject:
    """An object in the worker that the student's code made."""

    def __init__(self, answer: RemoteAnswer, target: list, label: str):
        self._answer, self._target, self._label = answer, target, label
        self._worker_number = target[1]

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        label = member_label(self._label, name)
        value = self._answer.guard("get", label, self._target, attribute=name)
        return RemoteFunction(self._answer, value._target, label) if isinstance(value, RemoteFunction) else value

    def __iter__(self) -> Iterator[object]:
        return iter(self._answer.guard("items", self._label, self._target))

    def __len__(self) -> int:
        return self._answer.guard("length", self._label, self._target)


class RemoteCallable(RemoteObject):
    """An object with a `__call__` of its own."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self._answer.guard("call", f"the object returned by {self._label}", self._target, args, kwargs)
