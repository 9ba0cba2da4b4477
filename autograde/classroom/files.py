"""Files that are either the old one or the new one, whenever the machine or the program stops, and locks of files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

UNFINISHED = ".unfinished-"


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Write `text` (UTF-8) to `path`, with the permissions `mode`; also over a read-only file.

    The folder is made when missing. Raises OSError when the file cannot be written; the old one is then still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=UNFINISHED, dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def remove_unfinished(folder: Path) -> None:
    """Remove what a killed run left half written in `folder`."""
    for path in folder.glob(f"{UNFINISHED}*"):
        path.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, busy: Exception | None = None) -> Iterator[None]:
    """Hold the lock `path`, an empty file that stays; the lock of a program that was killed is gone with it.

    Waits while another program holds it, or raises `busy` at once where that is given. Raises OSError, with one
    sentence, where a file cannot be locked at all.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=-1 if busy is None else 0)
    except Timeout:
        raise busy from None
    except (OSError, NotImplementedError) as error:
        why = getattr(error, "strerror", None) or error
        raise OSError(f"{path} cannot be locked ({why}): use a folder in which you may write and lock files") from None
    try:
        yield
    finally:
        lock.release()
