"""Take in one submission without trusting its folder: refuse it, or give its notebook as plain data.

Nothing is followed, executed or unpacked: every name is opened relative to its open folder, a link is never followed,
and only ordinary files are read. A refusal means that nothing of the submission may be executed; a review means that
it is graded on merit and that a person must look at it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from autograde.classroom.digest import digest_of
from autograde.classroom.submission import Submission, is_plain_name, quoted

MAX_NOTEBOOK_BYTES = 20 * 2**20
MAX_CELLS = 5_000
MAX_BRACKETS = 1_000_000  # lists and objects cost some 100 bytes each in memory
MAX_NESTING = 100
TOO_DEEP = f"The notebook's JSON is nested more than {MAX_NESTING} levels deep: clear its outputs and save it again."
MAX_ENTRIES = 1_000
MAX_LEVELS = 10
MAX_TIMESTAMP_BYTES = 200
# Two computers' clocks differ by minutes, and an archive that a submission came in may have stored the local time
# without its zone, so that summer time shifts it by exactly an hour; more than that is no accident.
BACKDATED_SECONDS = 3600.0
FUTURE_SECONDS = 86400.0

TIMESTAMP = "timestamp.txt"
OWN_FILES = {TIMESTAMP, "submission_secret.txt"}  # nbgrader writes them
CHECKPOINTS = ".ipynb_checkpoints"
ARCHIVE_SUFFIXES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
ARCHIVE_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"7z\xbc\xaf\x27\x1c", b"Rar!")
ZIPS_THAT_ARE_DATA = (".npz", ".pt", ".pth", ".ckpt", ".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".whl")
TIMESTAMP_FORM = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?)"
    r"( ?(?P<offset>[+-]\d\d:?\d\d|Z)| (?P<zone>[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True)
class Intake:
    """What was handed in: plain data, or the reasons why nothing of it may be executed.

    `notebook` is the parsed JSON without the cells' outputs, None when `refusals` is not empty; `reviews` are reasons
    for a person to look; `ignored` names the files that are not used, escaped. `digest` is a sha256 over everything
    that the rest depends on. `timestamp` is UTC, "YYYY-MM-DD HH:MM:SS.ffffff UTC", None when there is none to trust.
    """

    submission: Submission
    notebook: dict | None
    refusals: tuple[str, ...]
    reviews: tuple[str, ...]
    ignored: tuple[str, ...]
    digest: str
    timestamp: str | None


@dataclass(frozen=True)
class Entry:
    """One name below the submitted folder: its path there, what it is, its size in bytes, whether it is an archive."""

    path: str
    kind: str
    size: int
    archive: bool = False


class Refusal(Exception):
    """Why nothing of the submission may be executed, in one sentence."""


class NotOrdinary(Exception):
    """The name is not an ordinary file; the message says what it is ("a link", "a folder")."""


class TooLarge(Exception):
    """The file has more bytes than the limit."""


def students(class_folder: Path, assignment: str) -> list[str]:
    """Names in the submitted folder that have the assignment, sorted; also strange ones, which will be refused.

    A name that is a link, or a folder that cannot be opened, counts as having it. Empty when there is no such folder.
    """
    if not is_plain_name(assignment):
        return []
    try:
        with opened(os.fspath(Path(class_folder) / "submitted"), os.O_RDONLY | os.O_DIRECTORY) as submitted:
            return sorted(name for name in os.listdir(submitted) if has_assignment(submitted, name, assignment))
    except (OSError, ValueError):
        return []


def has_assignment(submitted: int, name: str, assignment: str) -> bool:
    try:
        kind = kind_of(os.stat(name, dir_fd=submitted, follow_symlinks=False))
        if kind != "a folder":
            return kind == "a link"
        with opened_folder(name, submitted) as folder:
            os.stat(assignment, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    except (OSError, NotOrdinary):
        return True
    return True


def read_submission(submission: Submission) -> Intake:
    """Look at `<class_folder>/submitted/<student>/<assignment>` and take in its notebook; never raises."""
    name = f"{submission.assignment}.ipynb"
    facts: list[bytes] = []  # everything that the outcome depends on, for the digest
    entries: list[Entry] = []
    reviews: list[str] = []
    notebook, timestamp, refusals = None, None, ()
    try:
        with submitted_folder(submission) as folder:
            entries, complete = walk(folder)
            reviews += reviews_of(entries, complete, name)
            notebook, modified = read_notebook(folder, name, entries, reviews, facts)
            timestamp = read_timestamp(folder, modified, reviews, facts)
    except Refusal as refusal:
        refusals = (str(refusal),)
    except (OSError, ValueError, MemoryError, RecursionError) as error:
        refusals = (f"The submitted files cannot be read ({without_path(error)}).",)
    if refusals:
        notebook, timestamp = None, None
    facts += [f"{part}".encode("utf-8", "surrogatepass") for part in (*refusals, *reviews, timestamp, *entries)]
    ignored = tuple(quoted(entry.path)[1:-1] for entry in entries if is_ignored(entry, name))
    return Intake(submission, notebook, refusals, tuple(reviews), ignored, digest_of(facts), timestamp)


@contextlib.contextmanager
def submitted_folder(submission: Submission) -> Iterator[int]:
    """The open folder of the submission. Raises Refusal when its names may not be used, or it, or the student's folder,
    is missing or no folder."""
    if submission.refusal:
        raise Refusal(submission.refusal)
    with contextlib.ExitStack() as stack:
        # The class folder and `submitted` are the instructor's own and may be links; what is in them is not.
        try:
            path = os.fspath(Path(submission.class_folder) / "submitted")
            folder = stack.enter_context(opened(path, os.O_RDONLY | os.O_DIRECTORY))
        except OSError as error:
            raise Refusal(f"The folder of the submissions cannot be opened ({without_path(error)}).") from None
        names = ((submission.student, "The student's folder"), (submission.assignment, "The submitted folder"))
        for name, what in names:
            try:
                folder = stack.enter_context(opened_folder(name, folder))
            except FileNotFoundError:
                raise Refusal(f"{what} {quoted(name)} does not exist.") from None
            except NotOrdinary as error:
                raise Refusal(f"{what} {quoted(name)} is {error}, not a folder; it was not opened.") from None
        yield folder


def walk(folder: int) -> tuple[list[Entry], bool]:
    """Everything below the folder, sorted by name, and whether that is all: limits on number and depth end it early.

    What was found before a limit depends on the order on disk, so that nothing is given then.
    """
    found: list[Entry] = []
    complete = look(folder, "", 1, found)
    return (sorted(found, key=lambda entry: entry.path) if complete else []), complete


def look(folder: int, prefix: str, level: int, found: list[Entry]) -> bool:
    """Append what is in the open folder, then what is in its folders; False as soon as a limit is reached."""
    with os.scandir(folder) as listing:
        names = sorted(entry.name for entry in itertools.islice(listing, MAX_ENTRIES + 1 - len(found)))
    if len(found) + len(names) > MAX_ENTRIES:
        return False
    folders = []
    for name in names:
        info = os.stat(name, dir_fd=folder, follow_symlinks=False)
        kind = kind_of(info)
        size = info.st_size if stat.S_ISREG(info.st_mode) else 0
        found.append(Entry(prefix + name, kind, size, kind == "a file" and is_archive(folder, name)))
        folders += [name] if kind == "a folder" else []
    if folders and level == MAX_LEVELS:
        return False
    for name in folders:
        with contextlib.ExitStack() as stack:
            try:
                inner = stack.enter_context(opened_folder(name, folder))
            except (OSError, NotOrdinary):
                found.append(Entry(f"{prefix}{name}/", "a closed folder", 0))
                continue
            if not look(inner, f"{prefix}{name}/", level + 1, found):
                return False
    return True


def kind_of(info: os.stat_result) -> str:
    """What a name stands for, with its article. A second name for the same bytes makes a file a hard link."""
    if stat.S_ISREG(info.st_mode):
        return "a hard link" if info.st_nlink > 1 else "a file"
    if stat.S_ISDIR(info.st_mode):
        return "a folder"
    if stat.S_ISLNK(info.st_mode):
        return "a link"
    if stat.S_ISFIFO(info.st_mode):
        return "a named pipe"
    return "a socket" if stat.S_ISSOCK(info.st_mode) else "a device"


def is_archive(folder: int, name: str) -> bool:
    """Whether the name or the first bytes of an ordinary file say that it is an archive."""
    lower = name.lower()
    if lower.endswith(ARCHIVE_SUFFIXES):
        return True
    if lower.endswith(ZIPS_THAT_ARE_DATA):
        return False
    try:
        with opened_file(name, folder) as (descriptor, _):
            head = os.read(descriptor, 512)
    except (OSError, NotOrdinary):
        return False
    return head.startswith(ARCHIVE_MAGIC) or head[257:262] == b"ustar"


def is_ignored(entry: Entry, notebook: str) -> bool:
    parts = entry.path.split("/")
    return entry.kind != "a folder" and CHECKPOINTS not in parts and entry.path not in (notebook, *OWN_FILES)


def reviews_of(entries: list[Entry], complete: bool, notebook: str) -> list[str]:
    """Why a person must look at the files beside the notebook, one sentence for each kind of reason."""
    if not complete:
        return [
            f"The submitted folder has more than {MAX_ENTRIES:,} entries or {MAX_LEVELS} levels of folders; "
            "only the notebook was used."
        ]
    # nbgrader's timestamp is read, and complained about, by read_timestamp
    beside = [entry for entry in entries if entry.path not in (notebook, TIMESTAMP)]
    reviews = []
    for kind in ("a link", "a hard link", "a named pipe", "a socket", "a device", "a closed folder"):
        names = [entry.path for entry in beside if entry.kind == kind]
        if names:
            reviews.append(f"Among the submitted files is {kind}, which was not opened: {listed(names)}.")
    ordinary = [entry for entry in beside if entry.kind == "a file" and CHECKPOINTS not in entry.path.split("/")]
    archives = [entry.path for entry in ordinary if entry.archive]
    if archives:
        reviews.append(f"Among the submitted files is an archive, which was not opened: {listed(archives)}.")
    notebooks = [entry.path for entry in ordinary if entry.path.endswith(".ipynb") and not entry.archive]
    if notebooks and any(entry.path == notebook for entry in entries):
        reviews.append(f"There is more than one notebook; {quoted(notebook)} was graded, not {listed(notebooks)}.")
    return reviews


def read_notebook(
    folder: int, name: str, entries: list[Entry], reviews: list[str], facts: list[bytes]
) -> tuple[dict, float]:
    """The parsed notebook and its modification time (seconds). Adds to reviews and facts; raises Refusal."""
    try:
        with opened_file(name, folder) as (descriptor, info):
            if info.st_size > MAX_NOTEBOOK_BYTES:  # refused unread: the next one handed in shall have another digest
                facts.append(f"{info.st_size} {info.st_mtime_ns}".encode())
            data = read_all(descriptor, MAX_NOTEBOOK_BYTES)
    except FileNotFoundError:
        raise Refusal(missing_notebook(name, entries)) from None
    except NotOrdinary as error:
        raise Refusal(f"The notebook {quoted(name)} is {error}, not a file; it was not opened.") from None
    except TooLarge:
        limit = MAX_NOTEBOOK_BYTES // 2**20
        raise Refusal(
            f"The notebook is larger than {limit} MiB: clear its outputs, save it and hand it in again."
        ) from None
    facts.append(data)
    return parse_notebook(data, reviews), info.st_mtime


def missing_notebook(name: str, entries: list[Entry]) -> str:
    files = [entry for entry in entries if entry.kind == "a file" and CHECKPOINTS not in entry.path.split("/")]
    notebooks = [entry.path for entry in files if entry.path.lower().endswith(".ipynb")]
    archives = [entry.path for entry in files if entry.archive]
    if notebooks:
        found = f"{listed(notebooks)} was found instead: hand it in under the right name"
    elif archives:
        found = f"an archive was found, which is never opened ({listed(archives)}): hand in the notebook itself"
    else:
        found = "hand it in again"
    return f"There is no notebook {quoted(name)}; {found}."


def parse_notebook(data: bytes, reviews: list[str]) -> dict:
    """The notebook as plain data, without outputs. A number that is not finite, or has over 100 digits, becomes None.

    Adds a review when a key occurs twice in one object: the last one counts, as in JupyterLab. Raises Refusal when
    the bytes are no notebook of format 4 within the limits.
    """
    if not data.strip():
        raise Refusal("The notebook file is empty: save the notebook and hand it in again.")
    if data.startswith(ARCHIVE_MAGIC) or data[257:262] == b"ustar":
        raise Refusal("The notebook file is an archive, which is never opened: hand in the notebook itself.")
    encoding = json.detect_encoding(data)
    if not encoding.startswith("utf-8"):
        raise Refusal(f"The notebook is not written in UTF-8 but looks like {encoding.upper()}: save it as UTF-8.")
    # A cell of an assignment says its type twice, the second time in nbgrader's metadata.
    if data.count(b'"cell_type"') > 2 * MAX_CELLS:
        raise Refusal(f"The notebook has more than {MAX_CELLS:,} cells.")
    if data.count(b"{") + data.count(b"[") > MAX_BRACKETS:
        raise Refusal("The notebook holds too many lists and objects: clear its outputs and hand it in again.")
    repeated: set[str] = set()

    def unique(pairs: list[tuple[str, object]]) -> dict:
        found = dict(pairs)
        if len(found) < len(pairs):
            repeated.add("yes")
        return found

    try:
        notebook = json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=unique,
            parse_constant=lambda text: None,
            parse_int=lambda text: int(text) if len(text) <= 100 else None,
            parse_float=lambda text: number if math.isfinite(number := float(text)) else None,
        )
    except UnicodeDecodeError:
        raise Refusal("The notebook is not written in UTF-8: save it again in JupyterLab.") from None
    except ValueError as error:
        raise Refusal(f"The notebook is not valid JSON ({without_path(error)}): save it again in JupyterLab.") from None
    except RecursionError:  # how deep that is depends on the caller's stack; it is always more than the limit below
        raise Refusal(TOO_DEEP) from None
    except MemoryError:
        raise Refusal("The notebook is too large to be read: clear its outputs and hand it in again.") from None
    if nesting(notebook) > MAX_NESTING:
        raise Refusal(TOO_DEEP)
    check_structure(notebook)
    for cell in notebook["cells"]:
        if isinstance(cell, dict):
            cell.pop("outputs", None)  # no grade depends on them, and they are nearly all of a notebook's size
    if repeated:
        reviews.append("The notebook's JSON names a key twice in one place; the last one counted.")
    return notebook


def check_structure(notebook: object) -> None:
    """Raises Refusal unless the data is an object of notebook format 4 with a list of cells."""
    if not isinstance(notebook, dict):
        raise Refusal("The file is JSON but not a notebook: save the notebook in JupyterLab and hand it in again.")
    version = notebook.get("nbformat")
    if not (type(version) in (int, float) and version == 4):
        if "worksheets" in notebook or (type(version) is int and 0 < version < 4):
            raise Refusal("The notebook has an old format: open and save it in JupyterLab and hand it in again.")
        raise Refusal(f"The notebook has the format {quoted(str(version))}, not 4: save it in JupyterLab again.")
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise Refusal("The notebook has no list of cells: save it in JupyterLab and hand it in again.")
    if len(cells) > MAX_CELLS:
        raise Refusal(f"The notebook has more than {MAX_CELLS:,} cells.")


def nesting(data: object) -> int:
    """Levels of lists and objects in JSON data; counts no further than one more than MAX_NESTING."""
    level, current = 0, [data]
    while current and level <= MAX_NESTING:
        containers = [item for item in current if isinstance(item, dict | list)]
        current = [value for item in containers for value in (item.values() if isinstance(item, dict) else item)]
        level += bool(containers)
    return level


def read_timestamp(folder: int, modified: float, reviews: list[str], facts: list[bytes]) -> str | None:
    """The time of handing in from nbgrader's timestamp file, in UTC; None, with a review, when it cannot be trusted.

    `modified` is the notebook's modification time in seconds: a notebook changed after it was handed in was not.
    """
    try:
        with opened_file(TIMESTAMP, folder) as (descriptor, _):
            data = read_all(descriptor, MAX_TIMESTAMP_BYTES)
        facts.append(data)
        moment = parse_timestamp(data.decode())
    except FileNotFoundError:
        return None
    except NotOrdinary as error:
        reviews.append(f"The timestamp file is {error}, not a file; the time of handing in is not known.")
        return None
    except TooLarge:
        reviews.append("The timestamp file is too long to be one; the time of handing in is not known.")
        return None
    except (OSError, ValueError, OverflowError, ZoneInfoNotFoundError):
        reviews.append("The timestamp file cannot be read as a date and time; the time of handing in is not known.")
        return None
    if moment.timestamp() > time.time() + FUTURE_SECONDS:
        reviews.append("The timestamp lies in the future; the time of handing in is not known.")
        return None
    if moment.timestamp() < modified - BACKDATED_SECONDS:
        reviews.append(
            "The timestamp is more than an hour earlier than the last change of the notebook; "
            "the time of handing in is not known."
        )
        return None
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f UTC")


def parse_timestamp(text: str) -> datetime:
    """The moment that nbgrader reads in this text. Raises ValueError when it is not a full date and time.

    nbgrader's own parser completes "10" to the tenth of this month, opens a zone's name as a path, takes an unknown
    zone for UTC and +0100 after a space for a hundred seconds, and importing it takes a second in every process.
    """
    match = TIMESTAMP_FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError("not a timestamp")
    moment = datetime.fromisoformat(match["time"] + (match["offset"] or ""))
    if match["zone"]:
        moment = moment.replace(tzinfo=ZoneInfo(match["zone"]))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextlib.contextmanager
def opened(name: str, flags: int, folder: int | None = None) -> Iterator[int]:
    descriptor = os.open(name, flags, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def opened_folder(name: str, folder: int) -> Iterator[int]:
    """The folder of this name in an open folder. Raises NotOrdinary when it is something else, OSError otherwise."""
    kind = kind_of(os.stat(name, dir_fd=folder, follow_symlinks=False))
    if kind != "a folder":
        raise NotOrdinary(kind)
    with opened(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, folder) as descriptor:
        yield descriptor


@contextlib.contextmanager
def opened_file(name: str, folder: int) -> Iterator[tuple[int, os.stat_result]]:
    """Descriptor and status of the ordinary file of this name in an open folder.

    Raises NotOrdinary when it is something else, OSError when it cannot be opened.
    """
    # Looked at before opening, because opening a device can do something, and after, because it may have changed.
    kind = kind_of(os.stat(name, dir_fd=folder, follow_symlinks=False))
    if kind != "a file":
        raise NotOrdinary(kind)
    with opened(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, folder) as descriptor:
        info = os.fstat(descriptor)
        if kind_of(info) != "a file":
            raise NotOrdinary(kind_of(info))
        yield descriptor, info


def read_all(descriptor: int, limit: int) -> bytes:
    """All bytes of an open file. Raises TooLarge when there are more than `limit`, before reading where it can."""
    if os.fstat(descriptor).st_size > limit:
        raise TooLarge
    parts, left = [], limit + 1
    while left > 0 and (part := os.read(descriptor, min(left, 2**20))):
        parts.append(part)
        left -= len(part)
    if left == 0:
        raise TooLarge
    return b"".join(parts)


def listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(quoted(name) for name in names[:3]) + more


def without_path(error: BaseException) -> str:
    """What went wrong, without the path that Python puts into the message."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, line {error.lineno}"
    return type(error).__name__
