"""Landlock: which files, TCP ports, processes and abstract sockets a process may reach (Linux 5.13 or newer).

The numbers are those of the kernel's linux/landlock.h; each version (ABI) of Landlock knows some more of them.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterable

from autograde.sandbox import system

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION, PATH_BENEATH, QUIET = 1, 1, 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_BLOCK = 1 << 6, 1 << 11
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
# How many file rights each ABI knows: rename across folders came with 2, truncate with 3, ioctl on devices with 5.
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
NEWEST_FILE_RIGHTS = 16
BIND_AND_CONNECT_TCP = 0b11
ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

READ = READ_FILE | READ_DIR
DEVICE = READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV


class RulesetAttributes(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("rights", ctypes.c_uint64), ("folder", ctypes.c_int32))


def abi() -> int:
    """Version of Landlock in the running kernel. Raises OSError where there is none."""
    return system.syscall(CREATE_RULESET, "Landlock", None, 0, VERSION)


def file_rights(version: int) -> int:
    return (1 << FILE_RIGHTS.get(version, NEWEST_FILE_RIGHTS)) - 1


def everything_but_devices(version: int) -> int:
    """The rights on a scratch folder: all that is known, except to execute files and to make device nodes."""
    return file_rights(version) & ~(EXECUTE | MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV)


def ruleset(version: int, rules: Iterable[tuple[int, int]]) -> int:
    """File descriptor of a new set of rules, pairs (descriptor of a file or folder, rights); all else is denied.

    Whatever the kernel's version knows is denied as a whole: files first, from 4 TCP too, from 6 signals to processes
    outside and abstract UNIX sockets of others. Raises OSError.
    """
    rights = file_rights(version)
    attributes = RulesetAttributes(
        rights,
        BIND_AND_CONNECT_TCP if version >= 4 else 0,
        ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0,
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    descriptor = system.syscall(CREATE_RULESET, "new Landlock rules", attributes, size, 0)
    for folder, allowed in rules:
        rule = PathBeneath(allowed & rights, folder)
        system.syscall(ADD_RULE, "Landlock rule", descriptor, PATH_BENEATH, rule, 0)
    return descriptor


def restrict(version: int, descriptor: int) -> None:
    """Put the calling thread, and all it starts, under the rules for good. Needs no_new_privs. Raises OSError."""
    # From version 7 on, denials would be written to the audit log, which a loop of them could fill.
    system.syscall(RESTRICT_SELF, "Landlock", descriptor, QUIET if version >= 7 else 0)
    os.close(descriptor)


def unavailable() -> str:
    """Why there is no Landlock, "" when there is."""
    try:
        abi()
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            return "the kernel has Landlock, but it is switched off (boot option lsm=landlock,...)"
        return "the kernel has no Landlock (Linux 5.13 or newer has)"
    return ""
