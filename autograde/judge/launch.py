"""Start the fork server: a process of its own, with an empty environment, that the judges talk to over sockets.

Nothing here imports PyTorch, so that the server's imports can go on beside the caller's.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autograde.sandbox.bubblewrap import bubblewrap_prefix
from autograde.sandbox.confinement import default_readable, layers, require
from autograde.sandbox.paths import ROOT

CODE = "import sys; sys.path[:0] = {}; from autograde.worker.server import main; sys.exit(main())"


@dataclass
class Launched:
    """A server that is starting: the socket to it, its process and its folder, and where others can reach it."""

    control: socket.socket
    process: subprocess.Popen
    folder: Path

    @property
    def address(self) -> str:
        return str(self.folder / "judges")

    def complaint(self) -> str:
        """End it, and give the last line of what it complained about."""
        self.process.kill()
        text = self.process.communicate()[1].decode(errors="replace").strip().splitlines()
        return text[-1] if text else "it ended without a word"

    def close(self) -> None:
        """End the server and all its workers."""
        self.control.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def launch(sandbox: bool = True, bubblewrap: bool = False) -> Launched:
    """Start a server and return at once; it begins to answer when its imports are done.

    With `sandbox` its workers are confined by Landlock or, where the kernel has none or `bubblewrap` says so, in
    bubblewrap. Raises Unprotected where neither is possible. The files of the project, except for the course's library,
    are out of the workers' reach.
    """
    if sandbox:
        require()
        bubblewrap = bubblewrap or bool(layers()["landlock"])
    bubblewrap = bubblewrap and sandbox
    folder = Path(tempfile.mkdtemp(prefix="noisydescent-")).resolve()
    scratch = folder / "scratch"
    scratch.mkdir()
    paths = import_paths()
    settings = {
        "folder": str(folder),
        "scratch": str(scratch),
        "sandbox": sandbox,
        "protected": [str(ROOT)],
        "hidden": [path for path in paths if Path(path) == ROOT],
        "bubblewrap": bubblewrap,
        "sources": [str(path) for path in own_sources()],
    }
    ours, theirs = socket.socketpair()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Through the folder's descriptor: the path of a socket may have 108 bytes only.
    with open_folder(folder) as here:
        listener.bind(f"/proc/self/fd/{here}/judges" if sys.platform == "linux" else str(folder / "judges"))
    listener.listen(128)
    given = [theirs.fileno(), listener.fileno()]
    command = [sys.executable, "-s", "-P", "-c", CODE.format(paths), *map(str, given), json.dumps(settings)]
    if bubblewrap:
        prefix = bubblewrap_prefix([*default_readable(), *own_sources()], [ROOT], scratch)
        # The server's imports want a folder to write in; each worker mounts its own there.
        command = [*prefix, "--tmpfs", str(scratch), *command]
    process = subprocess.Popen(
        command,
        pass_fds=given,
        env=environment(scratch if bubblewrap else folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=None if bubblewrap else folder,
        start_new_session=True,
    )
    theirs.close()
    listener.close()
    return Launched(ours, process, folder)


@contextmanager
def open_folder(folder: Path) -> Iterator[int]:
    """The descriptor of a folder, for a `with` block."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def connect(address: str) -> socket.socket:
    """Reach a server that another process started. Raises OSError when it is gone."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path = Path(address)
    with open_folder(path.parent) as here:
        connection.connect(f"/proc/self/fd/{here}/{path.name}" if sys.platform == "linux" else address)
    return connection


def import_paths() -> list[str]:
    """Folders from which the server imports the grader and the course's library: those this process uses."""
    spec = importlib.util.find_spec("noisydescent")
    folders = [ROOT, *(Path(path).resolve().parent for path in spec.submodule_search_locations)]
    return [str(path) for path in dict.fromkeys(folders)]


def own_sources() -> list[Path]:
    """What the server imports of the grader: the untrusted room and the sandbox, nothing of the trusted ones."""
    here = ROOT / "autograde"
    return [here / "__init__.py", here / "worker", here / "sandbox"]


def environment(folder: Path) -> dict[str, str]:
    """The whole environment of the server: nothing of the caller's, which may hold keys."""
    clean = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
        "CUDA_VISIBLE_DEVICES": "",
        "MALLOC_ARENA_MAX": "2",
    }
    # A pool started by an import would not survive the fork, and a pool of 64 would not fit into the memory limit.
    clean |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    clean["OMP_THREAD_LIMIT"] = "4"
    fonts = Path(os.environ.get("MPLCONFIGDIR") or Path.home() / ".cache" / "matplotlib")
    if fonts.is_dir() and os.access(fonts, os.W_OK):
        clean["MPLCONFIGDIR"] = str(fonts)
    return clean
