"""Kill `autograde grade` at random moments, as a power cut would, and start it again."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from autograde.classroom.gradebook import open_gradebook
from autograde.classroom.settings import class_settings
from autograde.sandbox.paths import ROOT
from tests.classroom.gradebook_rows import rows
from tests.patience import HANG_SECONDS

MADE = ("results", "autograded")


def start(class_folder: Path, assignment: str, *options: str) -> subprocess.Popen:
    """The command in a process group of its own."""
    command = [sys.executable, "-m", "autograde", "grade", assignment, "--class", str(class_folder), *options]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def finish(class_folder: Path, assignment: str, *options: str) -> str:
    """Run the command to its end; returns what it printed. Raises RuntimeError when it failed."""
    process = start(class_folder, assignment, *options)
    text = process.communicate(timeout=HANG_SECONDS)[0]
    if process.returncode not in (0, 1):
        raise RuntimeError(f"exit code {process.returncode}: {text}")
    return text


def killed(class_folder: Path, assignment: str, seconds: float, *options: str) -> bool:
    """Start the command and kill its whole group after so many seconds; False when it had ended by then."""
    process = start(class_folder, assignment, *options)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    return False


def kill_and_resume(
    class_folder: Path, assignment: str, kills: int, longest: float, seed: int, *options: str
) -> list[list[tuple]]:
    """Kill the command `kills` times, each after up to `longest` seconds, going on where the one before was killed.

    A run that ends before its kill comes begins the class anew. Returns the rows of the gradebook of every run that
    got to the end, the last of which is started when all kills are done.
    """
    moments = random.Random(seed)
    complete, done = [], 0
    while done < kills:
        if killed(class_folder, assignment, moments.uniform(0.1 * longest, longest), *options):
            done += 1
        else:
            complete.append(rows_of(class_folder))
            forget(class_folder)
    finish(class_folder, assignment, *options)
    return [*complete, rows_of(class_folder)]


def rows_of(class_folder: Path) -> list[tuple]:
    with open_gradebook(class_settings(class_folder)) as gradebook:
        return rows(gradebook)


def forget(class_folder: Path) -> None:
    """Remove everything but the submissions and the seed."""
    (class_folder / "gradebook.db").unlink(missing_ok=True)
    for name in MADE:
        shutil.rmtree(class_folder / name, ignore_errors=True)
