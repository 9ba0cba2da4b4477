"""Calls of the C library that Python has no function for; each raises OSError with the errno."""

from __future__ import annotations

import ctypes
import os
from functools import cache

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = (
    *(1, 4, 22, 24, 38),
    47,
)
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x8000000, 0x10000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 0x4000, 0x40000


@cache
def libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(number: int, what: str, *arguments: int | ctypes.Array | ctypes.Structure | bytes | None) -> int:
    """System call `number`; integers are passed as long, structures by address. `what` names it in the error."""
    return checked(libc().syscall(ctypes.c_long(number), *map(converted, arguments)), what)


def converted(argument):
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    return ctypes.byref(argument) if isinstance(argument, ctypes.Structure) else argument


def prctl(option: int, *values: int | ctypes.Structure) -> int:
    padded = (*values, *(0 for _ in range(4 - len(values))))
    return checked(libc().prctl(ctypes.c_int(option), *map(converted, padded)), f"prctl {option}")


def unshare(flags: int) -> None:
    checked(libc().unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    checked(libc().mount(*texts[:3], ctypes.c_ulong(flags), texts[3]), f"mount on {target}")


def set_thread_stack(size: int) -> None:
    """Stack of threads made from now on, in bytes; without effect where the C library has no such setting (musl)."""
    attributes = ctypes.create_string_buffer(128)  # larger than the structure is on any architecture
    if hasattr(libc(), "pthread_setattr_default_np"):
        libc().pthread_attr_init(attributes)
        libc().pthread_attr_setstacksize(attributes, ctypes.c_size_t(size))
        if number := libc().pthread_setattr_default_np(attributes):
            raise OSError(number, f"stack of threads: {os.strerror(number)}")
