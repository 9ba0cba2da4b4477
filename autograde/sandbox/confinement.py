"""Confines a process before it runs code nobody vouches for: every layer in order, or none of the code runs."""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograde.sandbox import bubblewrap, landlock, namespaces, resources, seccomp, system
from autograde.sandbox.namespaces import Means
from autograde.sandbox.paths import allowed, default_readable
from autograde.sandbox.resources import Limits

__all__ = ["Confinement", "Limits", "Unprotected", "default_readable", "layers", "prepare", "require"]


class Unprotected(RuntimeError):
    """A student's code would run without protection; the text says what is missing and what to do."""


def layers() -> dict[str, str]:
    """Mechanism -> why it does not work here, "" when it does. Tries each; takes some tens of milliseconds."""
    if sys.platform != "linux":
        names = ("landlock", "seccomp", "user namespaces", "network namespace", "tmpfs", "bubblewrap")
        return dict.fromkeys(names, "only Linux has it")
    privileged = namespaces.capabilities() >> namespaces.CAP_SYS_ADMIN & 1
    return {
        "landlock": landlock.unavailable(),
        "seccomp": seccomp.unavailable(),
        "user namespaces": tried(lambda: system.unshare(system.CLONE_NEWUSER)),
        "network namespace": failure(Means(not privileged, mounts=False, network=True, spare_user=False)),
        "tmpfs": failure(Means(not privileged, mounts=True, network=False, spare_user=False)),
        "bubblewrap": bubblewrap.unavailable(),
    }


def require() -> None:
    """Raise Unprotected unless files can be kept apart (Landlock or bubblewrap) and system calls filtered (seccomp)."""
    if sys.platform != "linux":
        raise Unprotected(refusal("confinement needs Linux"))
    if missing := seccomp.unavailable():
        raise Unprotected(refusal(missing))
    if (no_landlock := landlock.unavailable()) and (no_bubblewrap := bubblewrap.unavailable()):
        raise Unprotected(refusal(f"{no_landlock}, and {no_bubblewrap}"))


def refusal(reason: str) -> str:
    return f"students' code cannot be confined here: {reason}; grade on another machine, or say --no-sandbox"


def prepare(readable: Sequence[Path], protected: Sequence[Path], landlock: bool | None = None) -> Confinement:
    """Find out what works, and open what confined children may read; called once, by the process that forks them.

    `readable` files and folders stay readable except for `protected` ones inside them; see `paths.allowed`. With
    `landlock=False` the process must have been started inside bubblewrap, and no protected file may be in sight.
    Raises Unprotected when a needed mechanism is missing, ValueError for unusable paths.
    """
    if sys.platform != "linux":
        raise Unprotected(refusal("confinement needs Linux"))
    if missing := seccomp.unavailable():
        raise Unprotected(refusal(missing))
    version = 0 if landlock is False else landlock_version()
    whole, listed = allowed(readable, protected)
    if not version:
        expect_hidden(protected, whole)
        # Landlock keeps children out of this process's memory; without it, this does.
        system.prctl(system.PR_SET_DUMPABLE, 0)
    means = next((means for means in namespaces.candidates() if not failure(means)), None)
    if means is None:
        raise Unprotected(refusal("a child process could not be set up"))
    rules = ()
    if version:
        rules = tuple((path_descriptor(path), rights_on(path)) for path in whole)
        rules += tuple((path_descriptor(path), READ_NAMES) for path in listed)
    means = replace(means, threads=counts_threads(means))
    program = seccomp.program(metadata=not means.mounts)
    return Confinement(version, rules, program, means, os.getpid())


READ_NAMES = landlock.READ_DIR


def landlock_version() -> int:
    if missing := landlock.unavailable():
        raise Unprotected(refusal(f"{missing}, and this process is not inside bubblewrap"))
    return landlock.abi()


def path_descriptor(path: Path) -> int:
    return os.open(path, os.O_PATH | os.O_CLOEXEC)


def rights_on(path: Path) -> int:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return landlock.READ
    return landlock.DEVICE if stat.S_ISCHR(mode) else landlock.READ_FILE


def expect_hidden(protected: Sequence[Path], whole: Sequence[Path]) -> None:
    """Raise Unprotected if a protected file can be seen that is not among the readable ones."""
    for secret in protected:
        for folder, folders, files in os.walk(secret):
            here = [Path(folder, name) for name in folders]
            folders[:] = [path.name for path in here if path not in whole]
            for path in (Path(folder, name) for name in files):
                if not any(path.is_relative_to(root) for root in whole):
                    raise Unprotected(refusal(f"{path} can be read although Landlock is off"))
        if secret.is_file():
            raise Unprotected(refusal(f"{secret} can be read although Landlock is off"))


@dataclass(frozen=True)
class Confinement:
    """What `prepare` found and opened: version of Landlock (0: bubblewrap), its rules, seccomp program, namespaces."""

    landlock: int
    rules: tuple[tuple[int, int], ...]
    program: bytes
    means: Means
    server: int

    def enter(self, scratch: Path, limits: Limits, keep: Collection[int] = ()) -> None:
        """Confine this process, a fresh child of the one that prepared, for good; its folder becomes `scratch`.

        Every open file but those in `keep` is closed, and 0, 1 and 2 become /dev/null unless kept. Files can be
        written in `scratch` only, and nowhere (then the folder is /) where the kernel lets this user mount nothing.
        Raises Unprotected when any layer fails: the caller must then end the process without running anything.
        """
        try:
            self.layer_by_layer(scratch, limits, keep)
        except (OSError, RuntimeError) as error:
            raise Unprotected(f"confining a process failed ({error}), so nothing was run in it") from error

    def layer_by_layer(self, scratch: Path, limits: Limits, keep: Collection[int]) -> None:
        if len(os.listdir("/proc/self/task")) != 1:
            raise RuntimeError("it has several threads")
        if os.getsid(0) != os.getpid():
            os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for descriptor in {0, 1, 2} - set(keep):
            os.dup2(null, descriptor, inheritable=True)
        namespaces.enter(self.means, scratch, limits.scratch)
        ruleset = self.ruleset(scratch) if self.landlock else None
        close_all_but({0, 1, 2, *keep} | ({ruleset} if ruleset is not None else set()))
        resources.apply(limits, self.means.threads)
        namespaces.drop_privileges()
        # Losing privileges can clear this, so it comes after; a server that died meanwhile is noticed by the number.
        system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self.server:
            raise RuntimeError("the process that prepared the confinement is not its parent, or has ended")
        if ruleset is not None:
            landlock.restrict(self.landlock, ruleset)
        seccomp.install(self.program)

    def ruleset(self, scratch: Path) -> int:
        # /proc/self means another folder in each process.
        rules = [*self.rules, (path_descriptor(Path("/proc/self")), landlock.READ)]
        if self.means.mounts:
            rules.append((path_descriptor(scratch), landlock.everything_but_devices(self.landlock)))
        return landlock.ruleset(self.landlock, rules)


def close_all_but(kept: Collection[int]) -> None:
    start = 0
    for descriptor in sorted(kept):
        if start < descriptor:  # closerange takes an empty range that ends at 0 for everything
            os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, 2**31 - 1)


def failure(means: Means) -> str:
    """Why a child cannot get what `means` promises, "" when it can."""

    def attempt() -> None:
        # Any folder does: only the child sees what is mounted on it.
        namespaces.enter(means, Path(sys.prefix), resources.MIB)
        namespaces.drop_privileges()

    return tried(attempt)


def counts_threads(means: Means) -> bool:
    """Whether a limit on threads works, and counts those of one child only."""

    def attempt() -> None:
        namespaces.enter(means, Path(sys.prefix), resources.MIB)
        namespaces.drop_privileges()
        resources.allow_no_thread()
        threading.Thread(target=int).start()

    apart = means.spare_user or (means.user and (means.mounts or means.network))
    return apart and bool(tried(attempt))


def tried(attempt: Callable[[], None]) -> str:
    """What goes wrong when a forked child makes the attempt, "" for nothing."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        text = "it failed"
        try:
            attempt()
            text = ""
        except Exception as error:
            text = str(error) or type(error).__name__
        finally:
            os.write(writing, text.encode()[:500])
            os._exit(bool(text))
    os.close(writing)
    with open(reading, errors="replace") as pipe:
        text = pipe.read()
    status = os.waitpid(child, 0)[1]
    return text or ("" if status == 0 else f"the trial ended with status {status}")
