"""Which files a confined process may read: what Python and its libraries need, without anyone's work."""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path

# The folder of the project, of which a confined process may read the course's library and nothing else.
ROOT = Path(__file__).resolve().parents[2]
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
SYSTEM = (
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/share",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/fonts",
    "/etc/ssl/openssl.cnf",
    "/etc/mime.types",
    "/var/cache/fontconfig",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/loadavg",
    "/proc/filesystems",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/sys/kernel/mm/transparent_hugepage",
)
PACKAGE_FOLDERS = ("site-packages", "dist-packages")


def default_readable() -> tuple[Path, ...]:
    """Python, its packages, the course's library, system libraries, fonts and devices that hold no data.

    No home, no project, no /etc but a few files. A process reads its own folder of /proc besides.
    """
    wanted = [Path(path) for path in (*SYSTEM, *DEVICES)]
    wanted += [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    wanted += [Path(path) for path in sys.path if Path(path).name in PACKAGE_FOLDERS]
    if libraries := sysconfig.get_config_var("LIBDIR"):
        wanted += [Path(libraries, name) for name in (sysconfig.get_config_var("INSTSONAME"),) if name]
    if sys.prefix != sys.base_prefix or Path(sys.prefix, "conda-meta").is_dir():
        wanted.append(Path(sys.prefix))
    if (spec := importlib.util.find_spec("noisydescent")) and spec.submodule_search_locations:
        wanted += [Path(path) for path in spec.submodule_search_locations]
    if matplotlib := sys.modules.get("matplotlib"):
        wanted += [Path(matplotlib.get_cachedir()), Path(matplotlib.get_configdir())]
    return distinct(wanted)


def distinct(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The paths that exist, links resolved, without those inside another one."""
    resolved = sorted({Path(os.path.realpath(path)) for path in paths if os.path.exists(path)})
    kept: list[Path] = []
    for path in resolved:
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return tuple(kept)


def allowed(readable: Sequence[Path], protected: Sequence[Path]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """(what may be read whole, folders of which only the names may be listed).

    A readable folder that contains a protected path is replaced by everything beside the way to it; Python finds no
    module in a folder that it cannot list, so the names in it stay visible. A readable folder inside a protected one
    is allowed; a path in both lists is protected. Links inside such a folder are left out: where they lead to counts.
    Raises ValueError for the whole file system as a readable folder.
    """
    secrets = {Path(os.path.realpath(path)) for path in protected}
    whole: set[Path] = set()
    listed: set[Path] = set()
    for root in {Path(os.path.realpath(path)) for path in readable if os.path.exists(path)}:
        if root == Path("/"):
            raise ValueError("the whole file system cannot be readable: name the folders that are needed")
        inside = [secret for secret in secrets if secret.is_relative_to(root)]
        if root in inside:
            continue
        if inside:
            listed.add(root)
        whole.update(without(root, inside))
    return tuple(sorted(whole)), tuple(sorted(listed))


def without(folder: Path, secrets: Sequence[Path]) -> list[Path]:
    """What `folder` holds except `secrets`, as few paths as possible."""
    if folder in secrets:
        return []
    if not any(secret.is_relative_to(folder) for secret in secrets):
        return [folder]
    entries = sorted(entry for entry in folder.iterdir() if not entry.is_symlink())
    return [path for entry in entries for path in without(entry, secrets)]
