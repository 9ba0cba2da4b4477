"""The seccomp filter: system calls that no answer to an exercise needs, denied with an error.

The rest stays allowed. Calls by number and structure are what the kernel sees, so that going around Python's modules
gains nothing. Where an argument decides, only its low 32 bits are compared, because the kernel looks at no others.
"""

from __future__ import annotations

import ctypes
import errno
import os

from autograde.sandbox import system

NETWORK = "socket connect bind listen accept accept4"
PROCESSES = "fork vfork execve execveat setsid setpgid"
SIGNALS = "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal pidfd_open pidfd_getfd"
OTHER_PROCESSES = (
    "ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp migrate_pages move_pages"
    " sched_setaffinity sched_setscheduler sched_setparam sched_setattr ioprio_set"
)
MOUNTS = (
    "mount umount umount2 pivot_root chroot unshare setns move_mount open_tree open_tree_attr fsopen fsconfig fsmount"
    " fspick mount_setattr"
)
KERNEL = (
    "bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register open_by_handle_at"
    " name_to_handle_at keyctl add_key request_key init_module finit_module create_module delete_module"
    " kexec_load kexec_file_load reboot swapon swapoff acct quotactl quotactl_fd syslog lookup_dcookie vhangup sync"
    " syncfs nfsservctl uselib _sysctl"
)
SHARED_MEMORY = (
    "shmget shmat shmctl msgget msgctl msgsnd msgrcv semget semop semtimedop semctl mq_open mq_unlink"
    " memfd_create memfd_secret"
)
DEVICES = "mknod mknodat iopl ioperm modify_ldt personality"
WATCHING = "inotify_init inotify_init1 inotify_add_watch fanotify_init fanotify_mark"
CLOCKS_AND_NAMES = (
    "settimeofday stime clock_settime clock_settime64 adjtimex clock_adjtime clock_adjtime64 sethostname setdomainname"
)
IDENTITY = "setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset"
DENIED = " ".join(
    (
        *(NETWORK, PROCESSES, SIGNALS, OTHER_PROCESSES, MOUNTS, KERNEL, SHARED_MEMORY, DEVICES, WATCHING),
        *(CLOCKS_AND_NAMES, IDENTITY),
    )
).split()

# Landlock does not look at owner, mode, times and attributes of files. A read-only mount does; without it, these go.
METADATA = (
    "chmod fchmod fchmodat fchmodat2 chown lchown fchown fchownat utime utimes futimesat utimensat utimensat_time64"
    " setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat file_setattr"
)

# Numbers of newer calls, the same on every architecture, for a libseccomp older than the kernel.
NUMBERS = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_open": 434,
    "clone3": 435,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "memfd_secret": 447,
    "process_mrelease": 448,
    "fchmodat2": 452,
    "setxattrat": 463,
    "removexattrat": 466,
    "open_tree_attr": 467,
    "file_setattr": 469,
}
# Nobody has looked at calls newer than the last of these: they answer as they do on an older kernel.
UNKNOWN = range(470, 512)

CLONE_THREAD = 0x10000
AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_TYPE = 1, 2, 3, 0xF
PRIO_PROCESS = 0
F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY = 8, 10, 15, 1024, 1026
FIOSETOWN, SIOCSPGRP, TIOCSTI, TIOCLINUX = 0x8901, 0x8902, 0x5412, 0x541C
PR_SET_MM, PR_SET_CHILD_SUBREAPER, PR_SCHED_CORE = 35, 36, 62
# Nothing may undo what confinement has set, nor have the kernel send signals to others.
DENIED_FCNTL = (F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY)
DENIED_IOCTL = (FIOSETOWN, SIOCSPGRP, TIOCSTI, TIOCLINUX)
DENIED_PRCTL = (system.PR_SET_PDEATHSIG, system.PR_SET_DUMPABLE, PR_SET_MM, PR_SET_CHILD_SUBREAPER, PR_SCHED_CORE)
LOW_WORD = 0xFFFFFFFF

SECCOMP_MODE_FILTER = 2
INSTRUCTION_BYTES = 8


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def unavailable() -> str:
    """Why there is no seccomp filter here, "" when there is."""
    try:
        import pyseccomp  # noqa: F401 (it loads libseccomp)
    except ImportError:
        return "the Python package pyseccomp is not installed"
    except (OSError, RuntimeError, AttributeError):
        return "the library libseccomp.so.2 is not installed"
    try:
        with open("/proc/sys/kernel/seccomp/actions_avail") as file:
            actions = file.read().split()
    except OSError:
        return "the kernel has no seccomp filters"
    missing = {"errno", "kill_process", "allow"} - set(actions)
    return f"the kernel's seccomp has no {', '.join(sorted(missing))}" if missing else ""


def program(metadata: bool = False) -> bytes:
    """The filter as the kernel takes it; with `metadata`, mode, owner, times and attributes of files are denied too.

    Programs of another architecture than the interpreter's (32-bit, x32) are killed. Raises OSError or RuntimeError
    when libseccomp does not take a rule.
    """
    import pyseccomp
    from pyseccomp import EQ, MASKED_EQ, NE, Arg

    deny = pyseccomp.ERRNO(errno.EPERM)
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    rules.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)
    native = pyseccomp.system_arch()

    def add(action: int, name: str, *arguments: Arg) -> None:
        number = pyseccomp.resolve_syscall(native, name)
        if number == -1:
            if name not in NUMBERS:
                raise RuntimeError(f"this libseccomp does not know the system call {name}: install a newer one")
            number = NUMBERS[name]
        if number >= 0:  # negative: a call of other architectures only
            rules.add_rule_exactly(action, number, *arguments)

    for name in (*DENIED, *(METADATA.split() if metadata else ())):
        add(deny, name)
    # The C library then uses clone, whose flags are a plain argument.
    add(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    add(deny, "clone", Arg(0, MASKED_EQ, CLONE_THREAD, 0))
    add(deny, "prlimit64", Arg(0, NE, 0))
    # A UNIX datagram socket could send to any address although it is one of a pair.
    add(deny, "socketpair", Arg(0, NE, AF_UNIX))
    for kind in (SOCK_DGRAM, SOCK_RAW):
        add(deny, "socketpair", Arg(0, EQ, AF_UNIX), Arg(1, MASKED_EQ, SOCK_TYPE, kind))
    add(deny, "setpriority", Arg(0, NE, PRIO_PROCESS))
    add(deny, "setpriority", Arg(0, EQ, PRIO_PROCESS), Arg(1, NE, 0))
    for name, position, values in (
        ("fcntl", 1, DENIED_FCNTL),
        ("ioctl", 1, DENIED_IOCTL),
        ("prctl", 0, DENIED_PRCTL),
    ):
        for value in values:
            add(deny, name, Arg(position, MASKED_EQ, LOW_WORD, value))
    for number in UNKNOWN:
        rules.add_rule_exactly(pyseccomp.ERRNO(errno.ENOSYS), number)
    with open(os.memfd_create("filter"), "w+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def install(instructions: bytes) -> None:
    """Put the calling thread, and all it starts, under the filter for good. Needs no_new_privs. Raises OSError."""
    filter_program = Program(len(instructions) // INSTRUCTION_BYTES, instructions)
    system.prctl(system.PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_program)
