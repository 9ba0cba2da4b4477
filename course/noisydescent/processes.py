"""Real worker processes for data-parallel training: PyTorch's gloo backend over the loopback interface.

    with Workers(4) as workers:
        thetas = workers.run(data_parallel_sgd, [(gradient, theta, shard, rate) for shard in shards])

The processes live exactly as long as the `with` block: they end when it is left, also by an exception or an interrupt
of the kernel, and when the process that started them dies. What they run is a function of an importable module, as they
are fresh interpreters that know nothing of the notebook.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

import torch
import torch.distributed as dist
from torch import Tensor

from noisydescent.arguments import positive, whole_number

# theta (d,), a minibatch -> its mean gradient (d,)
Gradient = Callable[[Tensor, Tensor], Tensor]


def data_parallel_sgd(
    gradient: Gradient, theta: Tensor, batches: Sequence[Tensor], rate: float, weighted: bool = True
) -> Tensor:
    """One worker's part of SGD with gradients averaged over all workers; theta (d,) after the last step.

    batches   this worker's minibatches, one a step, each with its samples along the first dimension
    weighted  weigh a worker's mean gradient by its number of samples, which gives the mean over all samples; without
              it a sample of a small shard counts more
    """
    for batch in batches:
        count = torch.tensor(float(len(batch)) if weighted else 1.0, dtype=theta.dtype)
        total = count * gradient(theta, batch)
        dist.all_reduce(total)  # every worker now holds the sum over workers
        dist.all_reduce(count)
        theta = theta - rate * total / count
    return theta


def row_gradient(problem) -> Gradient:
    """Mean gradient of a problem with `gradient_i`, such as `Logistic`, over a minibatch of row numbers (B,)."""
    return functools.partial(_row_gradient, problem)


def sequence_gradient(problem) -> Gradient:
    """Mean gradient of a `MarkovLanguage` over a minibatch of sequences (B, T + 1)."""
    return functools.partial(_sequence_gradient, problem)


def _row_gradient(problem, theta: Tensor, rows: Tensor) -> Tensor:
    return problem.gradient_i(theta.expand(len(rows), -1), rows).mean(dim=0)


def _sequence_gradient(problem, theta: Tensor, sequences: Tensor) -> Tensor:
    return problem.gradient(theta[None], sequences[None])[0]


class WorkerError(RuntimeError):
    """A worker process raised an exception, or ended by itself; the message has its traceback."""


class Workers:
    """`count` processes of one thread each that share a `torch.distributed` process group (gloo, loopback only).

    timeout   seconds that a worker waits for the others in a collective operation before it gives up

    To be used as a context manager. Tensors are sent as copies and have to be on the CPU. Starting takes about as long
    as `count` imports of torch on the free cores.
    """

    def __init__(self, count: int, timeout: float = 300.0) -> None:
        self.count, self.timeout = whole_number("count", count), positive("timeout", timeout)
        self._processes: list[subprocess.Popen] = []
        self._folder: tempfile.TemporaryDirectory | None = None

    @property
    def pids(self) -> list[int]:
        """Process numbers, by rank."""
        return [process.pid for process in self._processes]

    def __enter__(self) -> Workers:
        self._messages: queue.SimpleQueue = queue.SimpleQueue()
        self._folder = tempfile.TemporaryDirectory(prefix="noisydescent-", ignore_cleanup_errors=True)
        try:
            for rank in range(self.count):
                self._start(rank)
            self._collect()  # each reports once it has joined the group
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def run(self, function: Callable, arguments: Sequence[tuple], **named: Any) -> list:
        """`function(*arguments[rank], **named)` in every process at once; the results by rank.

        The function and its arguments have to be picklable: no lambda, nothing defined in a notebook. An exception in
        one worker ends them all and is raised here as `WorkerError`.
        """
        if not self._processes:
            raise RuntimeError("no worker process is running: call run inside `with Workers(...) as workers:`")
        if len(arguments) != self.count:
            raise ValueError(f"arguments must hold one tuple for each of {self.count} workers, got {len(arguments)}")
        tasks = [pickle.dumps((function, one, named)) for one in arguments]
        try:
            for process, task in zip(self._processes, tasks, strict=True):
                with contextlib.suppress(BrokenPipeError):  # its reader thread says why it ended
                    _write(process.stdin, task)
            return self._collect()
        except BaseException:  # an interrupt too: half-done work cannot be continued
            self.close()
            raise

    def close(self) -> None:
        """End all processes and wait until they are gone. Safe to call again."""
        while self._processes:
            process = self._processes[-1]
            process.kill()  # they hold nothing that is worth an orderly end
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()
            self._processes.pop()
        if self._folder is not None:
            self._folder.cleanup()

    def _start(self, rank: int) -> None:
        folder = Path(self._folder.name)
        code = "import sys; from noisydescent.processes import _main; _main(*sys.argv[1:])"
        options = [str(value) for value in (rank, self.count, folder, self.timeout)]
        with open(folder / f"errors-{rank}.txt", "wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-c", code, *options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(),
            )
        self._processes.append(process)
        reader = threading.Thread(target=_read, args=(rank, process, self._messages), daemon=True)
        reader.start()

    def _collect(self) -> list:
        """One message from every process; WorkerError for the first that reports a failure, or is gone."""
        results: dict[int, Any] = {}
        while len(results) < self.count:
            rank, well, value = self._messages.get()
            if not well:
                log = (Path(self._folder.name) / f"errors-{rank}.txt").read_text(errors="replace")[-2000:]
                raise WorkerError(f"worker {rank}: {value or f'ended by itself. {log}'}")
            results[rank] = value
        return [results[rank] for rank in range(self.count)]


def _environment() -> dict[str, str]:
    """Of a worker: this one's module path, one thread, no GPU, and gloo on the loopback interface."""
    names = {name for _, name in socket.if_nameindex()} if hasattr(socket, "if_nameindex") else set()
    loopback = next(({"GLOO_SOCKET_IFNAME": name} for name in ("lo", "lo0") if name in names), {})
    path = os.pathsep.join(part or os.getcwd() for part in sys.path)
    one_thread = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    no_gpu = {"CUDA_VISIBLE_DEVICES": "", "NOISY_DESCENT_DEVICE": "cpu"}
    return {**os.environ, "PYTHONPATH": path, "MASTER_ADDR": "127.0.0.1", **one_thread, **no_gpu, **loopback}


def _write(stream: BinaryIO, payload: bytes) -> None:
    pickle.dump(payload, stream)
    stream.flush()


def _read(rank: int, process: subprocess.Popen, messages: queue.SimpleQueue) -> None:
    """What a worker sends, until it ends, into `messages` as (rank, whether it went well, value)."""
    try:
        while True:
            messages.put((rank, *pickle.loads(pickle.load(process.stdout))))
    except (EOFError, OSError, ValueError):
        messages.put((rank, False, ""))  # its standard output is closed
    except Exception:
        messages.put((rank, False, traceback.format_exc()))


def _main(rank: str, size: str, folder: str, timeout: str) -> None:
    """A worker: joins the group, then does one task after the other until its standard input is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt of the notebook is its parent's to handle
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not come between the replies
    tasks: queue.SimpleQueue = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks,), daemon=True).start()
    try:
        torch.set_num_threads(1)
        store = (Path(folder) / "store").as_uri()
        limit = timedelta(seconds=float(timeout))
        dist.init_process_group("gloo", init_method=store, rank=int(rank), world_size=int(size), timeout=limit)
        reply: Any = None
        while True:
            _write(replies, pickle.dumps((True, reply)))
            function, arguments, named = pickle.loads(tasks.get())
            reply = function(*arguments, **named)
    except Exception:
        _write(replies, pickle.dumps((False, traceback.format_exc())))
        os._exit(1)  # at once: peers that wait for this worker learn it from their closed connections


def _listen(tasks: queue.SimpleQueue) -> None:
    """Tasks from standard input; when that closes, because the parent closed it or died, the worker ends at once."""
    try:
        while True:
            tasks.put(pickle.load(sys.stdin.buffer))
    finally:
        os._exit(0)
