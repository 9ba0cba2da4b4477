"""Files that are either the old one or the new one, whenever the machine or the program stops."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

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
