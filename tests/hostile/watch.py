"""What an attack must leave as it was: files and processes."""

from __future__ import annotations

import ctypes
import hashlib
import os
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
WAIT_SECONDS = 30.0  # what attacks leave behind would stay for much longer
HASHED_BYTES = 4 * 2**20
IGNORED_FOLDERS = {"__pycache__", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", "class"}


@dataclass(frozen=True)
class Process:
    """One running process, told apart from a later one with the same id by its start (clock ticks after boot)."""

    pid: int
    parent: int
    started: int
    command: str


def adopt_orphans() -> None:
    """Let processes whose parent has died become children of this one rather than of init: a daemon stays in sight."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this process cannot adopt orphans, so leftovers would go unseen")


def descendants(root: int) -> dict[int, Process]:
    """The living processes that descend from `root` (pid -> process); zombies, which are no more than a name, not."""
    alive = {process.pid: process for process in map(read_process, pids()) if process is not None}
    found: dict[int, Process] = {}
    newest = {root}
    while newest:
        newest = {pid for pid, process in alive.items() if process.parent in newest and pid not in found}
        found |= {pid: alive[pid] for pid in newest}
    return found


def pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def read_process(pid: int) -> Process | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return None
    # The name is in parentheses and may contain anything, also spaces and parentheses.
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else Process(pid, int(fields[1]), int(fields[19]), command)


def leftovers(root: int, before: Iterable[Process], wait: float = WAIT_SECONDS) -> list[Process]:
    """Descendants of `root` that were not there `before`; gives them `wait` seconds to end."""
    known = {(process.pid, process.started) for process in before}
    deadline = time.monotonic() + wait
    while True:
        new = [process for process in descendants(root).values() if (process.pid, process.started) not in known]
        if not new or time.monotonic() > deadline:
            return new
        time.sleep(0.02)


def snapshot(folder: Path, hashed: bool = True) -> dict[str, tuple]:
    """Relative name -> kind, size, modification time (ns), contents (sha256, or the target of a link).

    Folders count by name only: making and removing a file of its own is the grader's right.
    """
    found: dict[str, tuple] = {}
    for path in walk(folder):
        status = path.lstat()
        name = os.fsencode(path.relative_to(folder)).decode(errors="backslashreplace")
        if stat.S_ISDIR(status.st_mode):
            found[name] = ("folder",)
            continue
        content = ""
        if stat.S_ISLNK(status.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(status.st_mode) and hashed and status.st_size <= HASHED_BYTES:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[name] = (oct(status.st_mode), status.st_size, status.st_mtime_ns, content)
    return found


def walk(folder: Path) -> Iterable[Path]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: os.fsencode(entry.name)):
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in IGNORED_FOLDERS:
                    yield Path(entry.path)
                    yield from walk(Path(entry.path))
            elif not entry.name.endswith(".pyc"):
                yield Path(entry.path)


def differences(before: dict[str, tuple], after: dict[str, tuple]) -> list[str]:
    """Sentences about what was added, removed or changed."""
    added = [f"{name} is new" for name in after.keys() - before.keys()]
    removed = [f"{name} is gone" for name in before.keys() - after.keys()]
    changed = [f"{name} was changed" for name in before.keys() & after.keys() if before[name] != after[name]]
    return sorted(added + removed + changed)
