"""The judge's half of the conversation: starts the fork server, and asks workers to run cells and call functions.

Whatever comes from a worker is data from a stranger: replies are bound to their request, limits are kept by the judge,
and a worker that breaks the rules is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import torch

from autograde.judge.expect import error_text
from autograde.judge.launch import Launched, connect, launch
from autograde.sandbox.resources import Limits
from autograde.worker.wire import HEADER, MAX_BYTES, MAX_TEXT, Exchange, Reader, Reference, WireError, parse

START_SECONDS = 120.0
POLL_SECONDS = 0.05
# A worker that in one request neither computes nor asks for this long is waiting for something that will not come.
IDLE_SECONDS = 10.0
AWAKE = 0.2  # share of the time that one which does not wait is computing
# Time on the wall that one request may take, whatever its processor time: for one that computes a little now and then.
WALL = 4.0  # times the limit of processor time, and
WALL_SECONDS = 30.0
MAX_CALLBACKS = 1_000_000


class WorkerEnded(Exception):
    """The worker is gone; the text says why in words, without a subject."""


class OverLimit(WorkerEnded):
    """The worker was killed because it took too long; `seconds` is the limit."""

    def __init__(self, text: str, seconds: float):
        super().__init__(text)
        self.seconds = seconds


class ServerFailed(RuntimeError):
    """The fork server did not start; the text says why and what to do."""


@dataclass(frozen=True)
class CellOutcome:
    """`outputs` are those of a notebook file, `error` what the cell raised ("" if nothing); `ended` says that the cell
    ended its process and how. `attempts` and `replaced` are what the cell tried or replaced that no answer needs to."""

    outputs: tuple[dict, ...] = ()
    error: str = ""
    stopped: bool = False
    ended: str = ""
    attempts: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()


class ServerConnection:
    """A connection to a fork server; a context manager. Not for several threads at once.

    Made with the arguments of `launch` it starts the server, and `close` ends it; `of(launched)` takes over one that is
    starting; `joined(address)` shares one that another process started, which forks a server of its own for this
    connection. Each waits until the server answers, and raises ServerFailed when it does not.
    """

    def __init__(self, sandbox: bool = True, bubblewrap: bool = False):
        self._launched: Launched | None = launch(sandbox, bubblewrap)
        self._begin(self._launched.control)

    @classmethod
    def of(cls, launched: Launched) -> ServerConnection:
        server = cls.__new__(cls)
        server._launched = launched
        server._begin(launched.control)
        return server

    @classmethod
    def joined(cls, address: str) -> ServerConnection:
        server = cls.__new__(cls)
        server._launched = None
        try:
            server._begin(connect(address))
        except OSError as error:
            raise ServerFailed(f"the process that runs students' code is gone: {error}") from None
        return server

    def _begin(self, control: socket.socket) -> None:
        self._control = control
        self._control.settimeout(START_SECONDS)
        self._buffer = b""
        try:
            answer = self._line()
        except (OSError, EOFError):
            answer = {"failed": self._launched.complaint() if self._launched else "it closed its socket"}
        if "failed" in answer:
            self.close()
            raise ServerFailed(f"the process that runs students' code did not start: {answer['failed']}")
        self.pid: int = answer["ready"]

    def __enter__(self) -> ServerConnection:
        return self

    def __exit__(self, *arguments: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the server; with it end the workers of this connection."""
        self._control.close()
        if self._launched is not None:
            self._launched.close()

    def ask(self, do: str, descriptors: tuple[int, ...] = (), **fields: object) -> dict:
        """One command to the server, and its answer. Raises ServerFailed when the server is gone."""
        try:
            socket.send_fds(self._control, [json.dumps({"do": do, **fields}).encode()], list(descriptors))
            return self._line()
        except (OSError, EOFError) as error:
            raise ServerFailed(f"the process that runs students' code is gone: {error}") from None

    def _line(self) -> dict:
        while b"\n" not in self._buffer:
            part = self._control.recv(65536)
            if not part:
                raise EOFError("it closed its socket")
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def spawn(self, memory: int) -> Worker:
        """A fresh worker that may use `memory` bytes."""
        limits = asdict(Limits(memory=int(memory)))
        ours, theirs = socket.socketpair()
        reports, writing = os.pipe()
        os.set_blocking(reports, False)
        try:
            pid = self.ask("spawn", (theirs.fileno(), writing), limits=limits)["pid"]
        finally:
            theirs.close()
            os.close(writing)
        return Worker(self, pid, ours, reports)


class Worker:
    """One worker, from its start to its end."""

    def __init__(self, server: ServerConnection, pid: int, pipe: socket.socket, reports: int):
        self._server, self.pid, self._pipe, self._reports = server, pid, pipe, reports
        self._requests = 0
        self._callbacks = 0
        self._buffer = bytearray()
        self._news: dict[str, int] = {}
        self._kept: list[object] = []
        self._proxy: Callable[[Reference], object] = refuse
        self._exchange = self._fresh()
        self.ended = ""
        pipe.settimeout(START_SECONDS)
        try:
            self._some()
        except EOFError:
            complaint = " ".join(self.attempts()).lstrip("!") or self.end(1.0)
            self.close()
            raise ServerFailed(f"a worker did not start: {complaint}") from None

    def _fresh(self) -> Exchange:
        self._kept = []
        return Exchange(self._keep, self.kept, lambda reference: self._proxy(reference), self._number_of)

    def _keep(self, value: object) -> int:
        for number, known in enumerate(self._kept):
            if known is value:
                return number
        if not isinstance(value, torch.Generator) and not callable(value):
            raise WireError(f"a {type(value).__name__} cannot be handed to an answer")
        self._kept.append(value)
        return len(self._kept) - 1

    def kept(self, number: object) -> object:
        """What was handed over under this number. Raises WireError."""
        if type(number) is not int or not 0 <= number < len(self._kept):
            raise WireError("a message names a function that was never handed over")
        return self._kept[number]

    @staticmethod
    def _number_of(value: object) -> int | None:
        return getattr(value, "_worker_number", None)

    def proxies(self, make: Callable[[Reference], object]) -> None:
        """Set what stands for the worker's functions and objects; it has their number as `_worker_number`."""
        self._proxy = make

    @property
    def alive(self) -> bool:
        return not self.ended

    def begin(self, seed: int) -> None:
        """A new test: global generators seeded, earlier references forgotten. The next request tells the worker."""
        if self.ended:
            raise WorkerEnded(self.ended)
        self._exchange = self._fresh()
        self._news = {"begin": seed}

    def run_cell(self, source: str, seconds: float) -> CellOutcome:
        """Run a cell for at most `seconds` of processor time."""
        try:
            reply, _ = self.request({"do": "cell", "source": source}, {}, seconds)
        except WorkerEnded as end:
            return CellOutcome(ended=str(end), attempts=self.attempts())
        except Unsent:
            return CellOutcome(error="OutputError: what the cell showed is too large to keep", attempts=self.attempts())
        try:
            error = described(reply["error"]) if reply.get("error") else None
        except WireError as broken:
            self._stop(f"broke the rules of the connection to the grader: {broken}")
            return CellOutcome(ended=self.ended, attempts=self.attempts())
        return CellOutcome(
            outputs=tuple(entry for entry in as_list(reply.get("outputs")) if isinstance(entry, dict)),
            error=f"{error.kind}: {error.text}" if error and error.text else error.kind if error else "",
            stopped=error is not None and error.builtin in ("SystemExit", "KeyboardInterrupt", "GeneratorExit"),
            attempts=self.attempts(),
            replaced=tuple(str(text)[:200] for text in as_list(reply.get("replaced"))[:10]),
        )

    def run_staff(self, source: str, seconds: float) -> CellOutcome:
        """Define the functions of a staff's solution."""
        try:
            self.request({"do": "staff", "source": source}, {}, seconds)
        except WorkerEnded as end:
            return CellOutcome(ended=str(end))
        return CellOutcome()

    def attempts(self) -> tuple[str, ...]:
        """What the worker reported since the last time it was asked."""
        data = b""
        with contextlib.suppress(BlockingIOError):
            while len(data) < 65536:
                part = os.read(self._reports, 65536 - len(data))
                if not part:
                    break
                data += part
        return tuple(dict.fromkeys(data.decode("ascii", "replace").splitlines()))

    def numbers(self, tensors: list[torch.Tensor]) -> list[int | None]:
        return self._exchange.numbers(tensors)

    def request(self, message: dict, values: dict, seconds: float) -> tuple[dict, Reader]:
        """Ask, answer what it asks back, and return its reply. `seconds` limits its processor time.

        Raises WorkerEnded when it died, OverLimit when it took too long, WireError when the values cannot be sent or
        the reply could not (it goes on living then).
        """
        if self.ended:
            raise WorkerEnded(self.ended)
        self._requests += 1
        number = self._requests
        frame = self._exchange.dumps({"request": number, **self._news, **message}, values)
        self._news = {}
        clock = Clock(self, seconds)
        try:
            self._send(frame, clock)
            while True:
                body, reader = self._receive(clock)
                if "callback" in body:
                    self._answer(body, reader, clock)
                    continue
                if body.get("reply") != number:
                    raise WireError("a reply belongs to another request")
                if "unsent" in body:
                    raise Unsent(str(body["unsent"])[:200])
                return body, reader
        except Unsent:
            raise
        except WireError as error:
            self._stop(f"broke the rules of the connection to the grader: {error}")
        except EOFError:
            self._stop("", patience=2.0)
        raise WorkerEnded(self.ended)

    def _stop(self, text: str, patience: float = 0.0) -> None:
        how = self.end(patience)
        self.ended = text or how

    def _answer(self, body: dict, reader: Reader, clock: Clock) -> None:
        """Call the function that the worker asks for, and send what it gives."""
        self._callbacks += 1
        if self._callbacks > MAX_CALLBACKS:
            raise WireError("too many calls")
        number = body["callback"]
        function = self.kept(body.get("function"))
        args, kwargs = reader.read(body.get("args")), reader.read(body.get("kwargs"))
        if not isinstance(args, tuple) or not isinstance(kwargs, dict) or not callable(function):
            raise WireError("a call has damaged arguments")
        with clock.stopped():
            try:
                frame = self._exchange.dumps({"answer": number}, {"value": function(*args, **kwargs)})
            except Exception as error:
                kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
                failure = {"answer": number, "error": kinds[0], "text": error_text(error)[:500]}
                frame = self._exchange.dumps(failure, {})
        self._send(frame, clock)

    def _send(self, frame: bytes, clock: Clock) -> None:
        view = memoryview(frame)
        while view:
            try:
                view = view[self._pipe.send(view[: 2**18], socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) :]
            except BlockingIOError:
                if not select.select([], [self._pipe], [], POLL_SECONDS)[1]:
                    clock.check()
            except OSError:
                raise EOFError from None

    def _receive(self, clock: Clock) -> tuple[dict, Reader]:
        text, data = HEADER.unpack(self._exactly(HEADER.size, clock))
        if text > MAX_TEXT or data > MAX_BYTES:
            raise WireError("a message is larger than allowed")
        return self._exchange.loads(parse(self._exactly(text, clock)), self._exactly(data, clock))

    def _exactly(self, size: int, clock: Clock) -> bytes:
        while len(self._buffer) < size:
            if not select.select([self._pipe], [], [], POLL_SECONDS)[0]:
                clock.check()
                continue
            self._buffer += self._some()
            clock.glance()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _some(self) -> bytes:
        try:
            part = self._pipe.recv(2**18)
        except OSError:
            part = b""
        if not part:
            raise EOFError
        return part

    def clock(self) -> tuple[float, str]:
        answer = self._server.ask("clock", pid=self.pid)
        return answer["cpu"], answer["state"]

    def end(self, patience: float = 0.0) -> str:
        """Kill it if it lives; returns how it ended, in words."""
        if self.pid < 0:
            return self.ended
        answer = self._server.ask("end", pid=self.pid, patience=patience)
        self.pid = -1
        self._pipe.close()
        self.ended = "was ended by the grader" if answer["by_us"] else ending(answer["code"])
        return self.ended

    def close(self) -> None:
        """End it and let go of everything."""
        self.end()
        if self._reports >= 0:
            os.close(self._reports)
            self._reports = -1


class Unsent(WireError):
    """The worker lives, but what it should have sent cannot be sent."""


class Clock:
    """Processor time and idleness of a worker during one request."""

    def __init__(self, worker: Worker, seconds: float):
        self._worker, self._seconds = worker, seconds
        self._begin: float | None = None
        self._last_cpu = 0.0
        self._judge = 0.0  # seconds that the judge computed meanwhile
        self._idle = 0.0
        self._seen = self._glanced = self._started = time.monotonic()

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """While the judge itself computes, the worker is not idle by its own fault."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._seen = time.monotonic()
            self._judge += self._seen - began

    def glance(self) -> None:
        """`check`, now and then: for a worker that keeps the judge busy."""
        if time.monotonic() - self._glanced > 4 * POLL_SECONDS:
            self.check()

    def check(self) -> None:
        """Raise OverLimit, the worker killed, when it used its processor time or has waited for nothing too long."""
        now = self._glanced = time.monotonic()
        cpu, state = self._worker.clock()
        if self._begin is None:
            self._begin = max(0.0, cpu - (now - self._started))
        if cpu - self._begin > self._seconds:
            self._kill(f"took more than {self._seconds:.3g} s of processor time")
        # One that sleeps in many short naps computes a little in between.
        if state not in "RD" and cpu - self._last_cpu < AWAKE * (now - self._seen):
            self._idle += now - self._seen
        self._last_cpu, self._seen = cpu, now
        if state in "Tt":
            self._kill("stopped its own process")
        if now - self._started - self._judge > WALL * self._seconds + WALL_SECONDS:
            self._kill("took far more time than it computed")
        if self._idle > IDLE_SECONDS:
            self._kill(f"waited for {IDLE_SECONDS:.3g} s without computing anything")

    def _kill(self, text: str) -> None:
        self._worker._stop(text)
        raise OverLimit(text, self._seconds)


@dataclass(frozen=True)
class RemoteError:
    """An exception in the worker: its type's name, the built-in type nearest to it, its text and where it came from."""

    kind: str
    builtin: str
    text: str
    line: int | None
    source: str


def described(data: object) -> RemoteError:
    if not isinstance(data, dict):
        raise WireError("a reply has a damaged error")
    line = data.get("line")
    return RemoteError(
        kind=str(data.get("type"))[:80],
        builtin=str(data.get("kind"))[:80],
        text=str(data.get("text"))[:2000],
        line=line if type(line) is int else None,
        source=str(data.get("source") or "")[:200],
    )


def as_list(value: object) -> list:
    return value if isinstance(value, list) else []


def refuse(reference: Reference) -> object:
    raise WireError("a function was handed over where only data is expected")


def ending(code: int) -> str:
    if code == 0:
        return "ended its own process"
    if code > 0:
        return f"ended its own process with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    why = {"SIGXCPU": ": it used all its processor time", "SIGSEGV": ": is there a recursion without an end?"}
    return f"crashed with {name}{why.get(name, '')}"
