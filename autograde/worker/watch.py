"""What a cell or a call in the worker tried or changed that no answer needs to.

None of this protects anything: the confinement does, and everything here runs beside the student's code, which could
undo it. It gives the reason to those who did not.
"""

from __future__ import annotations

import builtins
import operator
import os
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

MAX_REPORTS = 20
NETWORK = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
NETWORK += ("socket.getnameinfo", "socket.sendto", "socket.sendmsg", "urllib.Request", "http.client.connect")
SIGNALS = ("os.kill", "os.killpg", "signal.pthread_kill")
PATHS = ("open", "os.listdir", "os.scandir", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.symlink", "os.link")
PATHS += ("os.chmod", "os.chown", "os.truncate", "os.utime", "shutil.rmtree", "shutil.copyfile", "shutil.move")
PATHS += ("sqlite3.connect", "glob.glob", "os.chdir", "os.mkfifo", "os.mknod", "tempfile.mkstemp")
# Libraries look at these by themselves.
SYSTEM = ("/sys/", "/usr/", "/lib", "/bin", "/opt/", "/etc/", "/dev/", "/var/cache/", "/var/lib/", "/run/systemd/")
SECRET = ("/etc/passwd", "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/ssh", "/etc/ssl/private")
OWN = ("/proc/self", "/proc/thread-self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/", "/proc/version")


class Watch:
    """Reports forbidden attempts, as short texts, to a file descriptor, at once: the process may not live long.

    Made before the fork, since it touches many pages, which each child would copy.
    """

    def __init__(self, readable: Sequence[str], scratch: str):
        self._allowed = tuple(os.path.realpath(path).rstrip("/") for path in (*readable, scratch))
        # Python itself looks up the source of a line that it warns about, also in the worker's own code.
        own = (
            getattr(module, "__file__", None) for name, module in sys.modules.items() if name.startswith("autograde")
        )
        self._own_sources = {os.path.realpath(path) for path in own if path}
        self._left = MAX_REPORTS
        self._inside = False

    def install(self, descriptor: int) -> None:
        """From now on every attempt of this process is reported there; cannot be removed."""
        self._descriptor = descriptor
        self._own = f"/proc/{os.getpid()}"
        sys.addaudithook(self._audit)

    def report(self, text: str) -> None:
        if self._left > 0:
            self._left -= 1
            line = text.encode("ascii", "backslashreplace")[:200].replace(b"\n", b" ")
            os.write(self._descriptor, line + b"\n")

    def _audit(self, event: str, arguments: tuple) -> None:
        if self._inside or self._left <= 0:
            return
        self._inside = True
        try:
            if event in PATHS:
                for path in arguments[:2] if event in ("os.rename", "os.link", "shutil.move") else arguments[:1]:
                    self._path(event, path)
            elif event in NETWORK:
                self.report(f"tried to use the network ({event})")
            elif event in SIGNALS:
                self.report(f"tried to send a signal ({event})")
        except (OSError, ValueError, TypeError):
            pass
        finally:
            self._inside = False

    def _path(self, event: str, path: object) -> None:
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if not isinstance(path, (str, os.PathLike)):
            return
        name = os.fspath(path)
        if not name.startswith("/") and ".." not in name:
            return  # below the working folder; finding out where that is takes long in a deep one
        real = os.path.realpath(os.path.abspath(name))
        if real in self._own_sources or any(real == root or real.startswith(root + "/") for root in self._allowed):
            return
        if real.startswith((self._own, *OWN)):
            secret = real.rsplit("/", 1)[-1] in ("environ", "mem")
        else:
            secret = real.startswith(SECRET) or not real.startswith(SYSTEM)
        if secret and real not in ("/", "/proc", "/tmp"):
            self.report(f"tried to reach `{real}` ({event})")


class Snapshot:
    """The public names of some modules and the hooks of the shell, as they were before any cell ran."""

    def __init__(self, shell, modules: Sequence[ModuleType], classes: Sequence[type]):
        self._shell = shell
        self._modules = {module.__name__: module for module in modules}
        self._names = {name: public(vars(module)) for name, module in self._modules.items()}
        self._classes = {f"{kind.__module__}.{kind.__qualname__}": kind for kind in classes}
        self._attributes = {name: public(vars(kind)) for name, kind in self._classes.items()}
        self._hooks = {name: list(calls) for name, calls in shell.events.callbacks.items()}
        self._transformers = list(shell.ast_transformers)
        manager = shell.input_transformer_manager
        self._lists = [(manager, name, list(getattr(manager, name))) for name in ("cleanup_transforms",
                       "line_transforms", "token_transformers")]  # fmt: skip
        self._lists.append((shell, "input_transformers_post", list(shell.input_transformers_post)))
        self._meta_path = list(sys.meta_path)

    def restore(self) -> list[str]:
        """Put everything back; returns what had been replaced, in words."""
        found = []
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module:
                sys.modules[name] = module
                found.append(f"replaced the module `{name}`")
            found += self._restore_names(name, vars(module), self._names[name], module)
        for name, kind in self._classes.items():
            found += self._restore_names(name, vars(kind), self._attributes[name], kind)
        shell = self._shell
        if list(shell.ast_transformers) != self._transformers:
            shell.ast_transformers = list(self._transformers)
            found.append("installed an AST transformer")
        for owner, attribute, before in self._lists:
            if list(getattr(owner, attribute)) != before:
                setattr(owner, attribute, list(before))
                found.append("installed an input transformer")
        for event, calls in self._hooks.items():
            if list(shell.events.callbacks[event]) != calls:
                shell.events.callbacks[event] = list(calls)
                found.append(f"installed a hook for the event `{event}`")
        if sys.meta_path[: len(self._meta_path)] != self._meta_path:
            sys.meta_path[:] = self._meta_path
            found.append("replaced Python's import system")
        for getter, setter in ((sys.getprofile, sys.setprofile), (sys.gettrace, sys.settrace)):
            if getter() is not None:
                setter(None)
                found.append(f"left a function installed with `sys.{setter.__name__}`")
        return found

    @staticmethod
    def _restore_names(label: str, now, before: dict, owner: object) -> list[str]:
        if all(map(operator.is_, map(now.get, before), before.values())):  # without a loop in Python: it runs often
            return []
        found = []
        for name, value in before.items():
            if now.get(name, value) is not value:
                setattr(owner, name, value)
                found.append(f"replaced `{label}.{name}`")
        return found


def public(names: Mapping[str, object]) -> dict[str, object]:
    """Without what changes by itself: `_` in a shell, and the storage class that goes with PyTorch's default dtype."""
    return {name: value for name, value in names.items() if not name.startswith("__") and name not in ("_", "Storage")}


def watched_modules() -> list[ModuleType]:
    """Modules whose names an answer has no reason to replace."""
    names = ("torch", "torch.nn.functional", "torch.linalg", "torch.testing", "torch.autograd", "torch.optim")
    names += ("numpy", "numpy.linalg", "numpy.testing", "math", "random", "json", "os", "time", "inspect", "pytest")
    return [builtins, *(sys.modules[name] for name in names if name in sys.modules)]
