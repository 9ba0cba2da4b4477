"""Limits on memory, CPU time, files and threads that a process sets on itself and cannot raise again."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

from autograde.sandbox import system

with suppress(ImportError):  # Windows has none; what needs it asks for Linux first
    import resource

MIB = 2**20
THREAD_STACK = 2 * MIB


@dataclass(frozen=True)
class Limits:
    """What one confined process may use.

    `memory` is private memory in all, the interpreter's own included; `address_space` is what it may map above what
    it has at the start, which also bounds shared memory; `file_size` is one file, `scratch` all its files together
    (bytes). `processes` counts the threads, since no second process can be made; where the kernel cannot count the
    threads of one child apart, memory alone bounds them. `cpu_seconds` is the CPU time after which it is killed.
    """

    cpu_seconds: int = 300
    memory: int = 1024 * MIB
    address_space: int = 2048 * MIB
    file_size: int = 64 * MIB
    scratch: int = 64 * MIB
    open_files: int = 256
    processes: int = 256

    def __post_init__(self):
        for name, value in vars(self).items():
            if not isinstance(value, int) or value <= 0:
                raise ValueError(f"the limit {name} must be a positive whole number, not {value!r}")


def mapped() -> tuple[int, int]:
    """Bytes of address space and of private writable memory that this process has now."""
    with open("/proc/self/statm", "rb") as file:
        pages = file.read().split()
    size = os.sysconf("SC_PAGE_SIZE")
    return int(pages[0]) * size, int(pages[5]) * size


def apply(limits: Limits, count_threads: bool) -> None:
    """Set the limits, hard as soft. Raises RuntimeError when this process is already larger than they allow."""
    space, private = mapped()
    if private >= limits.memory:
        raise RuntimeError(
            f"the limit of {limits.memory // MIB} MiB of memory is below the {private // MIB} MiB in use at the start"
        )
    values = {
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_DATA: limits.memory,
        resource.RLIMIT_AS: space + limits.address_space,
        resource.RLIMIT_FSIZE: limits.file_size,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_RTPRIO: 0,
    }
    if count_threads:
        values[resource.RLIMIT_NPROC] = limits.processes
    for kind, value in values.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    # Memory counts a thread's whole stack, usually 8 MiB, and torch.set_num_threads(64) makes twice as many threads.
    system.set_thread_stack(THREAD_STACK)
    # The stack's own limit stays as it is: a deep recursion should end as Python ends it.
    soft = resource.getrlimit(resource.RLIMIT_STACK)[0]
    resource.setrlimit(resource.RLIMIT_STACK, (soft, soft))


def allow_no_thread() -> None:
    """Forbid this process any more threads."""
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
