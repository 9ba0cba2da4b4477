"""Bubblewrap, where the kernel has no Landlock: the whole fork server sees only the readable files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from autograde.sandbox import paths

TRIAL_SECONDS = 10
ANY_USER = 1000
# Links at the top of many systems, which the paths inside programs go through.
TOP_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")


def bubblewrap_prefix(readable: Sequence[Path], protected: Sequence[Path], scratch_parent: Path) -> list[str]:
    """Start of the command that runs a Python program (`sys.executable` and its arguments follow) in bubblewrap.

    Inside there are the readable files without the protected ones, all read-only, the interpreter, an empty folder
    `scratch_parent` in which a confined child mounts its own scratch folder, a private /proc and a few devices; no
    network, and no other process. Open file descriptors are inherited if they are inheritable. Only a process that
    never runs anyone else's code may have more, so whatever the server imports later must be readable.
    """
    whole, _ = paths.allowed([*readable, *interpreter()], protected)
    command = [
        *("bwrap", "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        # Root could not have a user namespace inside this one.
        *("--uid", str(ANY_USER), "--gid", str(ANY_USER), "--proc", "/proc", "--dev", "/dev"),
    ]
    for path in whole:
        if not path.is_relative_to("/proc") and not path.is_relative_to("/dev"):
            command += ["--ro-bind", str(path), str(path)]
    for path in TOP_LINKS:
        if os.path.islink(path):
            command += ["--symlink", os.readlink(path), path]
    for link, target in links(sys.executable):
        if not any(link.is_relative_to(path) for path in whole):
            command += ["--symlink", target, str(link)]
    command += ["--dir", str(scratch_parent), "--tmpfs", "/dev/shm"]
    for mount in ("/dev/shm", "/dev", "/"):  # the rest is read-only already
        command += ["--remount-ro", mount]
    return [*command, "--chdir", "/"]


def interpreter() -> list[Path]:
    """What starting Python takes, which its children need not read: the program, its library, a search for others."""
    files = [Path(sys.executable), Path("/sbin/ldconfig")]
    folder, name = (sysconfig.get_config_var(key) for key in ("LIBDIR", "INSTSONAME"))
    if folder and name:
        files.append(Path(folder, name))
    return files


def links(path: str) -> list[tuple[Path, str]]:
    """The links from `path` to the file, each with its target."""
    chain = []
    place = Path(path)
    while place.is_symlink():
        target = os.readlink(place)
        chain.append((place, target))
        place = place.parent / target
    return chain


def unavailable() -> str:
    """Why bubblewrap does not work here, "" when it does."""
    if shutil.which("bwrap") is None:
        return "bubblewrap (bwrap) is not installed"
    command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    try:
        trial = subprocess.run(command, capture_output=True, text=True, timeout=TRIAL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start ({error})"
    if trial.returncode:
        lines = trial.stderr.strip().splitlines() or [f"exit code {trial.returncode}"]
        return f"bubblewrap does not work here ({lines[-1]})"
    return ""
