"""Tries each attack on this machine, in a process confined as a worker is, and says which layer held it.

The attacks come from a small process of their own that forks a child for each; they aim at that process, at files in
a temporary folder and at sockets opened for the purpose, so one that succeeds does no harm.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from autograde.sandbox import bubblewrap, landlock, paths, system
from autograde.sandbox.attacks import NUMBERS, PRELUDE, Attack, attacks
from autograde.sandbox.confinement import Confinement, Limits, Unprotected, prepare, require

HELD, NOT_HELD = 0, 1
ATTACK_SECONDS = 15.0
HARNESS_SECONDS = 120.0
MIB = 2**20
CPU_SECONDS = 2
# Small, so that it takes little time to reach them; as many threads and as much scratch as a worker has.
LIMITS = Limits(cpu_seconds=60, memory=256 * MIB, address_space=512 * MIB)
PR_SET_CHILD_SUBREAPER = 36
SECRET = "the answer key of the doctor"
# The harness imports this package alone: the rest of the grader takes seconds to import.
START = """
import sys, types
package = types.ModuleType("autograde")
package.__path__ = [sys.argv[1]]
sys.modules["autograde"] = package
from autograde.sandbox import doctor
doctor.harness(sys.argv[2], sys.argv[3], sys.argv[4] == "bubblewrap")
"""


@dataclass(frozen=True)
class AttackOutcome:
    """What came of one attack: `detail` says what stopped it, or what it obtained."""

    attack: str
    layer: str
    held: bool
    detail: str


def main() -> int:
    """Try every attack, print a table; returns 0 if all were held, 1 if any was not or nothing could be tried."""
    try:
        outcomes = run()
    except Unprotected as error:
        print(f"autograde doctor: {error}", file=sys.stderr)
        return NOT_HELD
    print(table(outcomes))
    return HELD if outcomes and all(outcome.held for outcome in outcomes) else NOT_HELD


def table(outcomes: list[AttackOutcome]) -> str:
    columns = [("attack", "layer", "outcome")] + [
        (outcome.attack, outcome.layer, f"held ({outcome.detail})" if outcome.held else f"NOT held: {outcome.detail}")
        for outcome in outcomes
    ]
    widths = [max(len(row[column]) for row in columns) for column in (0, 1)]
    lines = [f"{attack:<{widths[0]}}  {layer:<{widths[1]}}  {result}" for attack, layer, result in columns]
    failed = sum(not outcome.held for outcome in outcomes)
    return "\n".join([*lines, "", f"{len(outcomes) - failed} of {len(outcomes)} attacks held"])


def run(in_bubblewrap: bool = False) -> list[AttackOutcome]:
    """Try every attack in confined processes and return what came of each, in some seconds.

    Uses Landlock where the kernel has it, unless `in_bubblewrap`. Raises Unprotected when neither works here.
    """
    require()
    in_bubblewrap = in_bubblewrap or bool(landlock.unavailable())
    with tempfile.TemporaryDirectory(prefix="noisydescent-doctor-") as name:
        base = Path(name).resolve()
        protected, scratch = base / "protected", base / "scratch"
        protected.mkdir()
        scratch.mkdir()
        put_secret(protected)
        before = contents_of(protected)
        package = Path(__file__).resolve().parents[1]
        command = [sys.executable, "-I", "-c", START, str(package), str(protected), str(scratch)]
        if in_bubblewrap:
            prefix = bubblewrap.bubblewrap_prefix(harness_readable(), [protected], scratch)
            command = [*prefix, *command, "bubblewrap"]
        else:
            command.append("landlock")
        outcomes = listen(command)
        if contents_of(protected) != before:
            outcomes.append(AttackOutcome("all of them together", "files", False, "the protected folder has changed"))
        return outcomes


def harness_readable() -> list[Path]:
    return [*paths.default_readable(), Path(__file__).resolve().parent]


def listen(command: list[str]) -> list[AttackOutcome]:
    """Run the harness and read an outcome from each line; one that is missing was not held."""
    try:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env={}, timeout=HARNESS_SECONDS
        )
    except subprocess.TimeoutExpired:
        return [
            AttackOutcome("all of them together", "cpu", False, f"the doctor took more than {HARNESS_SECONDS:.0f} s")
        ]
    outcomes = [AttackOutcome(**json.loads(line)) for line in ended.stdout.splitlines()]
    if ended.returncode:
        if not outcomes:
            reason = (ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"])[-1]
            raise Unprotected(f"the doctor's process did not start: {reason}")
        missing = todo()[len(outcomes)]
        detail = f"it ended the process that forks the workers (exit code {ended.returncode})"
        outcomes.append(AttackOutcome(missing.name, missing.layer, False, detail))
    return outcomes


def todo() -> list[Attack]:
    return [attack for attack in attacks() if attack.machine in ("", platform.machine())]


def harness(protected: str, scratch: str, in_bubblewrap: bool) -> None:
    """Attack from children of this process, and print the outcome of each attack as a line of JSON."""
    system.prctl(PR_SET_CHILD_SUBREAPER, 1)  # what an attack leaves behind becomes a child of this process
    confinement = prepare(harness_readable(), [Path(protected)], landlock=False if in_bubblewrap else None)
    for attack in todo():
        limits = replace(LIMITS, cpu_seconds=CPU_SECONDS) if attack.layer == "cpu" else LIMITS
        with targets(Path(protected), in_bubblewrap) as (place, harm):
            folder = Path(scratch, attack.layer.replace(" ", "-"))
            if not in_bubblewrap:
                folder.mkdir(exist_ok=True)
            place |= {
                "scratch": str(folder),
                "threads": limits.processes,
                "memory": limits.memory,
                "address_space": limits.address_space,
                "disk": limits.scratch,
                "cpu_seconds": limits.cpu_seconds,
            }
            held, detail = try_attack(attack, confinement, folder, limits, place, harm)
        outcome = AttackOutcome(attack.name, layer_of(attack.layer, confinement), held, detail)
        print(json.dumps(asdict(outcome)), flush=True)


def layer_of(kind: str, confinement: Confinement) -> str:
    """The mechanisms that hold this kind of attack here, the first line of defence first."""
    means = confinement.means
    files = f"Landlock {confinement.landlock}" if confinement.landlock else "bubblewrap"
    read_only = "read-only mounts" if means.mounts else "seccomp"
    network = ["seccomp", files, "network namespace" if means.network else ""]
    layers = {
        "files": [files, "read-only mounts" if means.mounts else ""],
        "metadata": [read_only],
        "open files": ["files closed"],
        "network": network,
        "signals": ["seccomp", files if confinement.landlock >= 6 or not confinement.landlock else ""],
        "processes": ["seccomp"],
        "threads": ["RLIMIT_NPROC" if means.threads else "RLIMIT_DATA"],
        "memory": ["RLIMIT_DATA, RLIMIT_AS"],
        "disk": ["tmpfs" if means.mounts else files],
        "cpu": ["RLIMIT_CPU"],
        "other processes": [files, "seccomp"],
        "limits": ["no capabilities", "seccomp"],
        "system calls": ["seccomp"],
    }
    return ", ".join(layer for layer in layers[kind] if layer)


def try_attack(
    attack: Attack, confinement: Confinement, scratch: Path, limits: Limits, place: dict, harm: Callable[[], str]
) -> tuple[bool, str]:
    """(held, what stopped it or what it obtained) of one attack, run in a confined child."""
    reading, writing = os.pipe()
    secret = os.open(place["secret"], os.O_RDONLY) if os.path.exists(place["secret"]) else None
    child = os.fork()
    if child == 0:
        attacked(attack, confinement, scratch, limits, place | {"report": writing})
    os.close(writing)
    if secret is not None:
        os.close(secret)
    said, in_time = read_until(reading, child, time.monotonic() + ATTACK_SECONDS)
    if not in_time:
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    left = adopted()
    obtained = [line[4:] for line in said if line.startswith("got ")]
    stops = [line[8:] for line in said if line.startswith("stopped ")]
    broken = [line[7:] for line in said if line.startswith("broken ")]
    if left:
        obtained.append(f"left {left} processes behind")
    if obtained:
        return False, "; ".join(obtained[:3])
    if damage := harm():
        return False, damage
    if broken:
        return False, f"the attack itself failed ({broken[0]})"
    if not in_time:
        return False, f"it still ran after {ATTACK_SECONDS:.0f} s"
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return attack.may_die, f"ended by {name}"
    if "done" not in said:
        return False, "the process became another program or ended early"
    return True, stops[0] if stops else attack.held


def attacked(attack: Attack, confinement: Confinement, scratch: Path, limits: Limits, place: dict) -> None:
    """In the child: confine it, run the attack, report, and end; never returns."""
    report = place["report"]

    def say(text: str) -> None:
        os.write(report, text.replace("\n", " ").encode()[:300] + b"\n")

    try:
        confinement.enter(scratch, limits, keep=(report,))
        names = {
            "place": place,
            "got": lambda text: say(f"got {text}"),
            "stopped": lambda error: say(f"stopped {type(error).__name__}: {getattr(error, 'strerror', '') or error}"),
            "NUMBERS": NUMBERS.get(platform.machine(), {}),
        }
        exec(compile(PRELUDE + attack.source, "<attack>", "exec"), names)
        say("done")
    except BaseException as error:
        say(f"broken {type(error).__name__}: {error}")
    finally:
        os._exit(0)


def read_until(reading: int, child: int, deadline: float) -> tuple[list[str], bool]:
    """The lines that came before the child ended, and whether that was before the deadline."""
    text = b""
    ended = os.pidfd_open(child)
    with open(reading, "rb", buffering=0) as pipe:
        watched = [pipe, ended]
        while (left := deadline - time.monotonic()) > 0:
            ready = select.select(watched, [], [], left)[0]
            if pipe in ready:
                part = pipe.read(65536)
                text += part
                if not part:
                    watched.remove(pipe)
            elif ended in ready:  # what the child left running may hold the pipe open
                break
    os.close(ended)
    return text.decode(errors="replace").splitlines(), left > 0


def adopted() -> int:
    """End and count the processes that were left to this one."""
    count = 0
    for name in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        os.kill(int(name), signal.SIGKILL)
        count += 1
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return count


def put_secret(protected: Path) -> None:
    """Put the folder in order that attacks aim at."""
    for path in protected.iterdir():
        path.unlink()
    (protected / "secret.txt").write_text(SECRET)


def contents_of(folder: Path) -> dict[str, tuple]:
    """What is in a folder: text, mode, owner and times of each file."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        about = path.lstat()
        text = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (text, about.st_mode, about.st_uid, about.st_gid, about.st_nlink, about.st_mtime_ns)
    return found


@contextmanager
def targets(protected: Path, in_bubblewrap: bool) -> Iterator[tuple[dict, Callable[[], str]]]:
    """Things to attack, and a function that says what harm was done to them ("" for none)."""
    signals: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, frame: signals.append(number))
        for number in (signal.SIGUSR1, signal.SIGIO)
    }
    abstract = f"\0noisydescent-doctor-{os.getpid()}"
    listening = {
        "TCP": socket.create_server(("127.0.0.1", 0)),
        "UDP": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "UNIX": socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
        "UNIX datagram": socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM),
    }
    listening["UDP"].bind(("127.0.0.1", 0))
    listening["UNIX"].bind(abstract)
    listening["UNIX"].listen()
    listening["UNIX datagram"].bind(abstract + "-datagram")
    before = {} if in_bubblewrap else contents_of(protected)
    memory = ctypes.create_string_buffer(SECRET.encode())
    place = {
        "secret": str(protected / "secret.txt"),
        "tcp": listening["TCP"].getsockname()[1],
        "udp": listening["UDP"].getsockname()[1],
        "abstract": abstract,
        "parent": os.getpid(),
        "address": ctypes.addressof(memory),
    }

    def harm() -> str:
        reached = [name for name, channel in listening.items() if select.select([channel], [], [], 0)[0]]
        if reached:
            return f"something arrived over {reached[0]}"
        if signals:
            return f"the parent received {signal.Signals(signals[0]).name}"
        if not in_bubblewrap and contents_of(protected) != before:
            return "the protected folder has changed"
        return ""

    try:
        yield place, harm
    finally:
        if not in_bubblewrap and contents_of(protected) != before:
            put_secret(protected)
        for channel in listening.values():
            channel.close()
        for number, handler in handlers.items():
            signal.signal(number, handler)
