"""The fork server: imports what students' code imports, once, and forks a confined worker whenever it is told to.

It starts no thread (a pool of threads started before the fork would hang the child) and runs nothing backward, never
touches an accelerator, and knows no test, no solution and no seed. Commands come as JSON lines over a socket from the
judge; when that closes, the server ends, and its workers with it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
import types
from collections.abc import Sequence
from pathlib import Path

# What notebooks use; the lazily imported parts of PyTorch are slow, and are needed by the first `backward` or `optim`.
# fmt: off
PRELOAD = (
    "numpy.testing", "torch.optim", "torch.utils.data", "torch.func", "torch.distributions", "torch.testing",
    "torch._dynamo", "matplotlib.pyplot", "matplotlib.backends.backend_agg", "matplotlib_inline.backend_inline",
    "IPython.core.magics", "ipywidgets", "tqdm.auto", "asyncio", "timeit", "noisydescent",
)
# fmt: on


def main(arguments: list[str] | None = None) -> int:
    """Serve the process that started this one, and whoever connects; ends when the first one closes its socket.

    Arguments: the numbers of the socket to that process and of the listening socket, and the settings as JSON.
    """
    first, second, settings = (arguments or sys.argv[1:])[:3]
    control, listener = socket.socket(fileno=int(first)), socket.socket(fileno=int(second))
    control.set_inheritable(False)
    listener.set_inheritable(False)
    settings = json.loads(settings)
    try:
        server = ForkServer(settings)
    except Exception as error:
        tell(control, {"failed": f"{type(error).__name__}: {error}"})
        return 1
    server.welcome(control)
    while True:
        ready = select.select([control, listener], [], [])[0]
        if listener in ready:
            server.serve_apart(listener, control)
        if control in ready and not server.answer(control):
            break
    shutil.rmtree(settings["folder"], ignore_errors=True)  # whoever started this may have been killed
    return 0


def tell(control: socket.socket, message: dict) -> None:
    control.sendall(json.dumps(message).encode() + b"\n")


class ForkServer:
    def __init__(self, settings: dict):
        os.environ["MPLBACKEND"] = "agg"
        for name in PRELOAD:
            with contextlib.suppress(ImportError):  # a part that this version does not have, or an optional package
                importlib.import_module(name)
        from autograde.worker.quiet import nobody_answers
        from autograde.worker.shell import make_shell, run_cell
        from autograde.worker.student import Student
        from autograde.worker.watch import Snapshot, Watch, watched_modules

        self._control: socket.socket | None = None
        self._scratch = Path(settings["scratch"])
        self._shell = make_shell(self._scratch)
        run_cell(self._shell, "None")  # what the first cell needs is imported and set up for all
        self._student = Student
        self._confinement = None
        if settings["sandbox"]:
            from autograde.sandbox.confinement import Limits, default_readable, prepare

            self._limits = Limits
            readable, protected = default_readable(), [Path(path) for path in settings["protected"]]
            if settings["bubblewrap"]:
                sources = [Path(path) for path in settings["sources"]]
                self._confinement = prepare([*readable, *sources], protected, landlock=False)
            else:
                self._confinement = prepare(readable, protected)
        else:
            readable = ["/"]
        self._watch = Watch([str(path) for path in readable], str(self._scratch))
        self._hidden = settings["hidden"]
        # Looked up here: reading all names would copy their pages in each child.
        self._grader = [name for name in sys.modules if name == "autograde" or name.startswith("autograde.")]
        self._apart: set[int] = set()  # servers forked for others
        self._ending: set[int] = set()  # workers that were killed
        self._quiet = nobody_answers()  # for as long as there is this process
        self._quiet.__enter__()
        tempfile.tempdir = None  # looked up again in the worker, whose folder is another one
        import torch

        warm_up()
        self._snapshot = Snapshot(self._shell, watched_modules(), (torch.Tensor, torch.Generator))
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the judge, which closes the socket
        # The cyclic collector would touch, and so copy, every page of the parent's objects in each child.
        gc.collect()
        gc.freeze()

    def welcome(self, control: socket.socket) -> None:
        tell(control, {"ready": os.getpid()})

    def answer(self, control: socket.socket) -> bool:
        """Carry out one command; False when the other side has closed the socket."""
        self._control = control
        try:
            data, descriptors, _, _ = socket.recv_fds(control, 65536, 2)
            if not data:
                return False
            self._ending -= {pid for pid in self._ending if os.waitpid(pid, os.WNOHANG)[0]}
            command = json.loads(data)
            tell(control, getattr(self, "_do_" + command.pop("do"))(descriptors, **command))
        except ConnectionError:
            return False
        return True

    def serve_apart(self, listener: socket.socket, control: socket.socket) -> None:
        """Fork a server for a process that has connected; it ends with that connection."""
        self._apart -= {pid for pid in self._apart if os.waitpid(pid, os.WNOHANG)[0]}
        connection, _ = listener.accept()
        if pid := os.fork():
            self._apart.add(pid)
            connection.close()
            return
        try:
            listener.close()
            control.close()
            self._ending.clear()
            if self._confinement is not None:
                self._confinement = dataclasses.replace(self._confinement, server=os.getpid())
            self.welcome(connection)
            while self.answer(connection):
                pass
        finally:
            os._exit(0)

    def _do_spawn(self, descriptors: list[int], limits: dict) -> dict:
        pid = os.fork()
        if pid == 0:
            self._child(*descriptors, limits)
        for descriptor in descriptors:
            os.close(descriptor)
        return {"pid": pid}

    def _do_stay(self, descriptors: list[int], cores: list[int]) -> dict:
        """Run on these cores from now on, and the workers too."""
        os.sched_setaffinity(0, cores)
        return {}

    def _do_clock(self, descriptors: list[int], pid: int) -> dict:
        """CPU seconds and state of a worker that was not ended yet."""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return {"cpu": 0.0, "state": "X"}
        return {"cpu": (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), "state": fields[0]}

    def _do_end(self, descriptors: list[int], pid: int, patience: float) -> dict:
        """Kill a worker if it still lives after `patience` seconds, and say how it ended."""
        ends = time.monotonic() + patience
        ended, status = os.waitpid(pid, os.WNOHANG)
        while ended == 0 and time.monotonic() < ends:
            time.sleep(0.002)
            ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return {"by_us": False, "code": os.waitstatus_to_exitcode(status)}
        os.kill(pid, signal.SIGKILL)
        self._ending.add(pid)  # taking down its memory takes a while, in which the judge can go on
        return {"by_us": True, "code": -signal.SIGKILL}

    def _child(self, pipe: int, reports: int, limits: dict) -> None:
        code = 70
        try:
            if self._confinement is not None:
                self._confinement.enter(self._scratch, self._limits(**limits), keep={pipe, reports})
            else:
                os.setsid()
                self._control.close()
                os.chdir(self._scratch)
                null = os.open(os.devnull, os.O_RDWR)
                for number in (0, 1, 2):
                    os.dup2(null, number)
            import torch

            torch.set_num_threads(1)
            sys.argv = sys.orig_argv = ["python"]
            os.environ.clear()
            os.environ.update(PATH=os.defpath, HOME=str(self._scratch), TMPDIR=str(self._scratch), LANG="C.UTF-8")
            hide_grader(self._grader, self._hidden)
            self._watch.install(reports)
            connection = socket.socket(fileno=pipe)
            connection.sendall(b"+")
            self._student(connection, self._shell, self._snapshot).serve()
            code = 0
        except BaseException as error:
            complaint = f"!{type(error).__name__}: {error}"[:500].encode("ascii", "backslashreplace")
            with contextlib.suppress(OSError):
                os.write(reports, complaint + b"\n")
        finally:
            os._exit(code)


def warm_up() -> None:
    """Run common operations once: the first run of each sets up tables and touches pages, in every child anew.

    With one thread PyTorch starts no thread pool, which would be missing in the children; `enter` makes sure of that.
    Nothing runs backward: the autograd engine remembers that it was used before a fork, and refuses to work after it.
    """
    import numpy as np
    import torch

    torch.set_num_threads(1)
    with torch.no_grad():
        for dtype in (torch.float64, torch.float32):
            generator = torch.Generator().manual_seed(0)
            x = torch.randn(6, 4, generator=generator, dtype=dtype)
            y, rows = x @ x[0], torch.randint(6, (3,), generator=generator)
            scores = torch.sigmoid(-y) * torch.exp(-y.abs()) + torch.log1p(y.square()).sqrt()
            parts = [x[rows], x.T.contiguous().T[:3], torch.zeros_like(x[:3]), x.clone()[:3]]
            joined = torch.stack(parts).sum(dim=0).mean(dim=1) / 2
            (scores - scores.max()).clamp(min=0).norm(), torch.cat([joined, y]).var(correction=0), x.T @ x
            torch.isfinite(x).all() and bool((x == x).any()), float(y.sum()), y.tolist(), torch.where(y > 0, y, -y)
            torch.linalg.eigh(x.T @ x), x.cumsum(0), torch.einsum("ij,ij->i", x, x), torch.as_tensor(x.numpy())
            np.linalg.norm(x.numpy()) + x.numpy().mean(axis=0) @ x.numpy()[0]
            x.unbind(), x.reshape(-1), x.index_select(0, rows), torch.topk(y.abs(), 2), torch.sort(y), y.sign()


def hide_grader(modules: Sequence[str], folders: Sequence[str]) -> None:
    """Take the grader out of reach of `import`; `from autograde import check` still works, and checks nothing."""
    for name in modules:
        del sys.modules[name]
    stub = types.ModuleType("autograde", "In a worker there is nothing to check: the judge does it.")
    stub.check = lambda *arguments, **options: 0.0
    sys.modules["autograde"] = stub
    sys.path[:] = [entry for entry in sys.path if entry not in folders]


if __name__ == "__main__":
    sys.exit(main())
