"""The worker's half of the conversation: runs cells and calls functions when the judge asks for it.

Everything here runs in the confined process, beside the student's code and as little to be trusted. Requests come one
at a time; while a function runs it may call back into the judge (an oracle handed to it), and the judge may ask again
before it answers that.
"""

from __future__ import annotations

import builtins
import inspect
import itertools
import os
import random
import socket
import sys
import threading
from collections.abc import Callable

import numpy as np
import torch

from autograde.worker.delegation import Watcher
from autograde.worker.own_line import own_line
from autograde.worker.shell import WorkerShell, is_cell, run_cell
from autograde.worker.watch import Snapshot
from autograde.worker.wire import HEADER, Exchange, Reader, Reference, WireError, parse

MAX_ITEMS = 10_000
MAX_MESSAGE = 2_000


class Student:
    """Serves one judge until the pipe closes."""

    def __init__(self, pipe: socket.socket, shell: WorkerShell, snapshot: Snapshot):
        self._pipe, self._shell, self._snapshot = pipe, shell, snapshot
        self._reading = pipe.makefile("rb", buffering=2**16)
        self._kept: list[object] = []
        self._lock = threading.RLock()
        self._callbacks = itertools.count(1)
        self._exchange = self._fresh()

    def _fresh(self) -> Exchange:
        self._kept = []
        return Exchange(self._keep, self._mine, self._oracle, lambda value: getattr(value, "judge_number", None))

    def _keep(self, value: object) -> int:
        for number, known in enumerate(self._kept):
            if known is value:
                return number
        self._kept.append(value)
        return len(self._kept) - 1

    def _mine(self, number: int) -> object:
        return self._kept[number]

    def _oracle(self, reference: Reference) -> Callable:
        """A function of the judge: calling it asks the judge."""

        def oracle(*args: object, **kwargs: object) -> object:
            with self._lock:
                number = next(self._callbacks)
                self._send({"callback": number, "function": reference.number}, {"args": args, "kwargs": kwargs})
                return self._serve(number)

        oracle.judge_number = reference.number
        oracle.__name__ = oracle.__qualname__ = reference.type_name
        return oracle

    def serve(self) -> None:
        """Answer requests until the judge closes the pipe."""
        self._serve(None)

    def _serve(self, callback: int | None) -> object:
        """Handle requests; in a callback, until its answer comes, which is returned or raised."""
        while True:
            message = self._receive()
            if message is None:
                os._exit(0)
            body, reader = message
            if "answer" in body:
                if body["answer"] != callback:
                    raise RuntimeError("the grader answered another call")
                if "error" in body:
                    kind = getattr(builtins, body["error"], Exception)
                    raise kind(body["text"])
                return reader.read(body["value"])
            number = body["request"]
            try:
                reply, values = getattr(self, "_do_" + body["do"])(body, reader)
                frame = self._frame({"reply": number, **reply}, values)
            except WireError as error:
                frame = self._frame({"reply": number, "unsent": str(error)}, {})
            self._pipe.sendall(frame)

    def _frame(self, message: dict, values: dict) -> bytes:
        return self._exchange.dumps(message, values)

    def _send(self, message: dict, values: dict) -> None:
        self._pipe.sendall(self._frame(message, values))

    def _receive(self) -> tuple[dict, Reader] | None:
        head = self._reading.read(HEADER.size)
        if len(head) < HEADER.size:
            return None
        text, data = HEADER.unpack(head)
        body, data = parse(self._reading.read(text)), self._reading.read(data)
        if "begin" in body:
            self._begin(body["begin"])
        return self._exchange.loads(body, data)

    def _do_cell(self, body: dict, reader: Reader) -> tuple[dict, dict]:
        outputs, error = run_cell(self._shell, body["source"])
        reply = {"outputs": outputs, "replaced": self._snapshot.restore()}
        if error is not None:
            reply["error"] = self._describe(error)
        return reply, {}

    def _do_staff(self, body: dict, reader: Reader) -> tuple[dict, dict]:
        """Define the staff's functions, without leaving their source where `inspect` finds it."""
        exec(compile(body["source"], "<staff>", "exec"), self._shell.user_ns)
        return {}, {}

    def _begin(self, seed: int) -> None:
        """A new test: the global generators are seeded, and nothing of an earlier test is known any more."""
        self._exchange = self._fresh()
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        torch.default_generator.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)

    def _do_look(self, body: dict, reader: Reader) -> tuple[dict, dict]:
        names = self._shell.user_ns
        name = body["name"]
        if name not in names:
            return {"found": False}, {}
        return {"found": True, "callable": callable(names[name]), "type": type(names[name]).__name__[:80]}, {}

    def _do_get(self, body: dict, reader: Reader) -> tuple[dict, dict]:
        target = self._target(body["target"])
        return self._guard(lambda: getattr(target, body["attribute"]))

    def _do_items(self, body: dict, reader: Reader) -> tuple[dict, dict]:
        target = self._target(body["target"])
        return self._guard(lambda: list(itertools.islice(iter(target), MAX_ITEMS)))

    def _do_length(self, body: dict, reader: Reader) -> tuple[dict, dict]:
        target = self._target(body["target"])
        return self._guard(lambda: len(target))

    def _do_call(self, body: dict, reader: Reader) -> tuple[dict, dict]:
        function = self._target(body["target"])
        args, kwargs = reader.read(body["args"]), reader.read(body["kwargs"])
        reply, values = self._guard(lambda: function(*args, **kwargs))
        if reply["mutated"]:
            reply["parameters"] = parameter_names(function)
        return reply, values

    def _guard(self, function: Callable[[], object]) -> tuple[dict, dict]:
        watcher = Watcher()
        reply: dict = {}
        values: dict = {}
        previous = sys.getprofile()
        try:
            sys.setprofile(watcher)
            values["value"] = function()
        except BaseException as error:
            values.clear()
            reply["error"] = self._describe(error)
        finally:
            sys.setprofile(previous)
        reply["delegated"] = watcher.delegated
        reply["mutated"] = self._exchange.changed_of_theirs()
        values["generators"] = [
            [number, generator.get_state().numpy().tobytes()] for number, generator in self._exchange.generators.items()
        ]
        return reply, values

    def _target(self, target: list) -> object:
        return self._shell.user_ns[target[1]] if target[0] == "name" else self._kept[target[1]]

    def _describe(self, error: BaseException) -> dict:
        """What was raised, the nearest built-in type of it, and the line of the student's own code."""
        kind = next((k.__name__ for k in type(error).__mro__ if getattr(builtins, k.__name__, None) is k), "Exception")
        try:
            text = str(error)
        except Exception:
            text = ""
        if isinstance(error, SyntaxError):
            line, source = error.lineno, (error.text or "").strip()
        else:
            line, source = own_line(error, is_cell)
        return {
            "type": type(error).__name__[:80],
            "kind": kind,
            "text": text[:MAX_MESSAGE],
            "line": line,
            "source": source[:200],
        }


def parameter_names(function: object) -> list[str]:
    try:
        return [name[:80] for name in inspect.signature(function).parameters]
    except (TypeError, ValueError):
        return []
