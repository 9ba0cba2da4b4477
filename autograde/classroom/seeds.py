"""The seed of an assignment's hidden inputs: the instructor's, or one drawn once and stored with the class."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Annotated

import msgspec

from autograde.classroom.files import locked, write_atomically

LARGEST = 2**63 - 1
Seeds = dict[str, Annotated[int, msgspec.Meta(ge=0, le=LARGEST)]]


def seed_of(class_folder: Path, assignment: str, given: int | None = None) -> int:
    """The seed of this assignment in this class: `given` (then stored), else the stored one, else a new one of 31 bits.

    It lies in `seeds.json` of the class folder, which only its owner can read: who knows it knows the hidden inputs.
    Raises ValueError when `given` is out of range or the file is damaged, OSError when it cannot be read or written.
    """
    if given is not None and not 0 <= given <= LARGEST:
        raise ValueError(f"the seed must be an integer from 0 to {LARGEST}, got {given}")
    path = Path(class_folder) / "seeds.json"
    # Two programs that start at once must not draw two seeds: the second waits until the first has stored its own.
    with locked(path.with_name(".seeds.lock")):
        seeds = read(path)
        if given is None and assignment in seeds:
            return seeds[assignment]
        seed = secrets.randbits(31) if given is None else given
        if seeds.get(assignment) != seed:
            write_atomically(path, json.dumps(seeds | {assignment: seed}, indent=1, sort_keys=True) + "\n")
        return seed


def read(path: Path) -> Seeds:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Seeds)
    except FileNotFoundError:
        return {}
    except msgspec.MsgspecError:
        raise ValueError(f"{path} is damaged: restore it, or remove it to draw new seeds") from None
