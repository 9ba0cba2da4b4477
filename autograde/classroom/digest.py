"""Digests: of bytes, of text, and of everything that decides what a submission earns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from autograde.sandbox.paths import ROOT

GRADER = ROOT / "autograde"
LIBRARY = ROOT / "course" / "noisydescent"  # answers may call it
ROOMS = ("judge", "worker", "sandbox", "classroom")
ANSWERS = ("right_", "wrong")  # what the tests of an exercise are tested with: no grade depends on it


def grader_digest(
    texts: Iterable[bytes], exercises: Iterable[str], grader: Path = GRADER, library: Path = LIBRARY
) -> str:
    """Changes with the texts, and with the path or the content of any file that grades these exercises."""
    parts = [
        part
        for folder, files in ((grader, grader_files(exercises, grader)), (library, files_below(library)))
        for path in files
        for part in (path.relative_to(folder).as_posix().encode(), path.read_bytes())
    ]
    return digest_of([*texts, *parts])


def grader_files(exercises: Iterable[str], grader: Path = GRADER) -> list[Path]:
    """Whatever grades the exercises with these ids, in a fixed order: every file of the rooms, what the exercises of
    the bank share, and the exercises' own folders without their answers."""
    files = [path for room in ROOMS for path in files_below(grader / room)]
    files += sorted(path for path in (grader / "bank").glob("*") if path.is_file())
    for exercise in exercises:
        folder = files_below(grader / "bank" / exercise.replace("-", "_"))
        files += [path for path in folder if not path.name.startswith(ANSWERS)]
    return files


def files_below(folder: Path) -> list[Path]:
    """All files in the folder and its folders, sorted, except for caches and hidden ones."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in path.relative_to(folder).parts)
    )


def digest_of(parts: Iterable[bytes]) -> str:
    """sha256 over the parts, each with its length before it, so that no two lists of parts give the same."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
