"""Namespaces, a scratch folder of limited size, and the loss of every privilege (Linux)."""

from __future__ import annotations

import ctypes
import errno
import os
from dataclasses import dataclass
from pathlib import Path

from autograde.sandbox import system

MOUNT_SETATTR = 442
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
MOUNT_ATTR_RDONLY = 1
CAP_SETUID, CAP_SYS_ADMIN = 7, 21
PR_CAP_AMBIENT_CLEAR_ALL = 4
CAPABILITY_VERSION_3 = 0x20080522
FILES_IN_SCRATCH = 16384
# Root's threads are never counted; those of an unused real user id are. One id a process keeps the counts apart.
FIRST_SPARE_USER = 0x60000000


class MountAttributes(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user_namespace"))


@dataclass(frozen=True)
class Means:
    """What this kernel lets this user do, found by trying.

    `user`: a user namespace has to come first (no privileges of its own); `mounts`: everything read-only and a
    scratch folder of limited size; `network`: a network without interfaces, and an IPC namespace; `spare_user`: an
    unused real user id, for root; `threads`: this process's threads are counted apart from all others'.
    """

    user: bool
    mounts: bool
    network: bool
    spare_user: bool
    threads: bool = False


def capabilities() -> int:
    """The effective capabilities of this process, one bit each."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))


def candidates() -> list[Means]:
    """The means to try, best first."""
    held = capabilities()
    user = not held >> CAP_SYS_ADMIN & 1
    spare = os.geteuid() == 0 and bool(held >> CAP_SETUID & 1)
    return [
        Means(user, mounts, network, spare_user)
        for spare_user in ((True, False) if spare else (False,))
        for mounts, network in ((True, True), (True, False), (False, True), (False, False))
    ]


def enter(means: Means, scratch: Path, size: int) -> None:
    """Enter the namespaces that `means` promises, and work in `scratch`, at most `size` bytes. Raises OSError."""
    flags = (system.CLONE_NEWNS if means.mounts else 0) | (
        (system.CLONE_NEWNET | system.CLONE_NEWIPC) if means.network else 0
    )
    if flags and means.user:
        enter_user_namespace(flags)
    elif flags:
        system.unshare(flags)
    if means.mounts:
        # Nothing mounted here may show outside.
        system.mount("none", "/", None, system.MS_REC | system.MS_PRIVATE)
        read_only("/")
        options = f"size={size},nr_inodes={FILES_IN_SCRATCH},mode=0700"
        folder = existing(scratch)
        system.mount("tmpfs", str(folder), "tmpfs", system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC, options)
        scratch.mkdir(parents=True, exist_ok=True)
        os.chdir(scratch)
    else:
        os.chdir("/")
    if means.spare_user:
        # Only the real user id, which nothing but the count of threads goes by: files stay readable.
        os.setresuid(FIRST_SPARE_USER + os.getpid(), 0, 0)


def enter_user_namespace(flags: int) -> None:
    user, group = os.geteuid(), os.getegid()
    system.prctl(system.PR_SET_DUMPABLE, 1)  # else the maps below belong to root
    system.unshare(flags | system.CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def existing(scratch: Path) -> Path:
    """Where to mount: `scratch`, or the folder for scratch folders where that alone is visible (bubblewrap)."""
    if scratch.is_dir():
        return scratch
    if scratch.parent.is_dir() and scratch.parent != Path("/"):
        return scratch.parent
    raise FileNotFoundError(errno.ENOENT, f"there is no scratch folder {scratch}")


def read_only(path: str) -> None:
    """Make a mount and all below it read-only (Linux 5.12 or newer)."""
    attributes = MountAttributes(set=MOUNT_ATTR_RDONLY)
    arguments = (AT_FDCWD, os.fsencode(path), AT_RECURSIVE, attributes, ctypes.sizeof(attributes))
    system.syscall(MOUNT_SETATTR, "read-only mounts", *arguments)


def drop_privileges() -> None:
    """Give up every capability for good, also those that a program could bring, and privileges by execution."""
    with open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    held = capabilities()
    if held:
        for capability in range(last + 1):
            system.prctl(system.PR_CAPBSET_DROP, capability)
        system.prctl(system.PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    system.checked(system.libc().capset(header, (ctypes.c_uint32 * 6)()), "capabilities")
    if capabilities():
        raise OSError(errno.EPERM, "some capabilities could not be given up")
    system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
    system.prctl(system.PR_SET_DUMPABLE, 0)
