"""Each layer of the confinement alone, and all of them together, against harmless attempts."""

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from autograde.sandbox import landlock, namespaces
from autograde.sandbox.confinement import layers
from tests.patience import HANG_SECONDS

ONLY_LANDLOCK = "confinement = replace(confinement, program=NO_FILTER, means=NO_MEANS)"
NO_ROOT = """
confinement = replace(confinement, means=replace(confinement.means, user=True, mounts=True))
os.chroot("/proc")
"""
ONLY_SECCOMP = (
    "confinement = replace(confinement, landlock=0, means=NO_MEANS, program=module.seccomp.program(metadata=True))"
)
ONLY_NAMESPACES = "confinement = replace(confinement, landlock=0, program=NO_FILTER)"

TRY = """
def attempt(function, *arguments, **options):
    try:
        print("allowed", function(*arguments, **options))
    except (OSError, RuntimeError, ValueError, MemoryError) as error:
        print("denied", type(error).__name__, getattr(error, "errno", None))
def write(path, mode="w"):
    with open(path, mode) as file:
        return file.write("changed")
def read(path):
    with open(path) as file:
        return file.read()
"""


@pytest.fixture(scope="module")
def mounts():
    """Skips where the kernel lets this user mount nothing."""
    if missing := layers()["tmpfs"]:
        pytest.skip(f"no private mounts here: {missing}")


def test_entering_applies_what_was_prepared_and_prepares_nothing(confined):
    """Every worker enters, so what is the same for all of them is done once, before the fork."""
    before = """
from autograde.sandbox import seccomp
def program(*arguments):
    raise AssertionError("the filter was compiled once more")
seccomp.program = program
loaded = set(sys.modules)
"""
    ended = confined("print(sorted(set(sys.modules) - loaded))", before=before)
    assert ended.error == "" and ended.lines == ["[]"]


def test_landlock_alone_denies_files_tcp_signals_and_abstract_sockets(confined, place):
    if (version := landlock.abi()) < 6:
        pytest.skip(f"Landlock {version} knows no signals")
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"""{TRY}
import signal, socket
attempt(read, "{place}/protected/secret.txt")
attempt(read, "{place}/elsewhere/other.txt")
attempt(read, "/etc/passwd")
attempt(write, "{place}/scratch/new")
attempt(os.listdir, "{place}")
attempt(socket.create_connection, ("127.0.0.1", {server.getsockname()[1]}), 2)
attempt(os.kill, server, 0)
channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
attempt(channel.sendto, b"x", "\\0doctor-test")
attempt(read, "/proc/" + str(server) + "/environ")
attempt(os.getpgid, 0)
"""
        before = (
            ONLY_LANDLOCK + "\nimport socket\nabstract = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)"
            "\nabstract.bind('\\0doctor-test')"
        )
        lines = confined(code, before=before).lines
    assert [line.split()[0] for line in lines] == ["denied"] * 9 + ["allowed"], lines


def test_seccomp_alone_denies_processes_sockets_signals_and_file_modes(confined, place):
    code = f"""{TRY}
import signal, socket, subprocess, fcntl
attempt(os.fork)
attempt(subprocess.run, ["/bin/true"])
attempt(socket.socket)
attempt(socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM)
attempt(os.kill, os.getpid(), 0)
attempt(os.chmod, "{place}/elsewhere/other.txt", 0o777)
attempt(os.utime, "{place}/elsewhere/other.txt", (1, 1))
attempt(os.setsid)
attempt(os.sched_setaffinity, 0, os.sched_getaffinity(0))
attempt(fcntl.fcntl, 1, fcntl.F_SETOWN, server)
attempt(resource.prlimit, server, resource.RLIMIT_CORE)
attempt(os.setpriority, os.PRIO_USER, 0, 19)
attempt(os.memfd_create, "x")
attempt(read, "{place}/elsewhere/other.txt")
attempt(lambda: len(socket.socketpair()))
attempt(resource.prlimit, 0, resource.RLIMIT_CORE)
"""
    lines = confined(code, before=ONLY_SECCOMP).lines
    assert [line.split()[0] for line in lines] == ["denied"] * 13 + ["allowed"] * 3, lines
    assert all(line.endswith(" 1") for line in lines[:13]), lines  # EPERM


def test_namespaces_alone_keep_files_unchanged_and_the_network_away(confined, place, mounts):
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"""{TRY}
import socket
attempt(write, "{place}/elsewhere/other.txt")
attempt(os.chmod, "{place}/elsewhere/other.txt", 0o777)
attempt(os.utime, "{place}/elsewhere/other.txt", (1, 1))
attempt(socket.create_connection, ("127.0.0.1", {server.getsockname()[1]}), 2)
attempt(write, "in-scratch.txt")
"""
        lines = confined(code, before=ONLY_NAMESPACES).lines
    assert [line.split()[0] for line in lines] == ["denied"] * 4 + ["allowed"], lines
    assert (place / "elsewhere" / "other.txt").read_text() == "other"
    assert list((place / "scratch").iterdir()) == []  # what is written in scratch is gone with the process


def test_without_namespaces_nothing_can_be_written(confined, place):
    before = "confinement = replace(confinement, means=NO_MEANS, program=module.seccomp.program(metadata=True))"
    code = TRY + f'attempt(write, "{place}/scratch/new")\nattempt(write, "/tmp/sandbox-test")\nprint(os.getcwd())'
    lines = confined(code, before=before).lines
    assert [line.split()[0] for line in lines] == ["denied", "denied", "/"]


def test_all_layers_deny_what_is_not_listed(confined, place):
    (place / "scratch" / "link").symlink_to(place / "protected" / "secret.txt")
    code = f"""{TRY}
os.symlink("{place}/protected/secret.txt", "soft")
for path in ("{place}/protected/secret.txt", "../protected/secret.txt", "soft", "/etc/passwd", "/etc/hosts",
             "/proc/1/environ", "/proc/version", "{place}/elsewhere/other.txt", "/dev/mem", "/dev/tty"):
    attempt(read, path)
for path in ("/proc", "/", "/home", "/root", "/dev", "/dev/shm", "/tmp"):
    attempt(os.listdir, path)
attempt(write, "/dev/shm/sandbox-test")
"""
    lines = confined(code).lines
    assert len(lines) == 18 and all(line.startswith("denied") for line in lines), lines


def test_only_the_files_to_keep_stay_open(confined, place):
    before = f"opened = os.open('{place}/protected/secret.txt', os.O_RDONLY); os.set_inheritable(opened, True)"
    code = """
print(sorted(map(int, os.listdir("/proc/self/fd")))[:3], os.readlink("/proc/self/fd/0"))
try:
    os.read(opened, 10)
except OSError as error:
    print(error.errno)
"""
    lines = confined(code, before=before).lines
    assert lines == ["[0, 1, 2] /dev/null", "9"]


def test_keeping_nothing_and_gaps(confined):
    after = """
for kept in ((), (0,), (5,), (0, 7)):
    pid = os.fork()
    if pid == 0:
        try:
            for number in range(3, 12):
                os.dup2(0, number)
            module.close_all_but({0, 1, 2, *kept})
            alive = [number for number in range(3, 12) if os.path.exists(f"/proc/self/fd/{number}")]
            print(alive == [number for number in kept if number > 2], flush=True)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
"""
    assert confined("pass", after=after).lines == ["True"] * 4


def test_memory_private(confined):
    code = "held = []\ntry:\n    while len(held) < 80: held.append(bytearray(b'x') * 2**25)\n"
    code += "except MemoryError: print('stopped', len(held) * 32)"
    word, mib = confined(code, memory=2**28).text.split()
    assert word == "stopped" and int(mib) < 256


def test_memory_shared(confined):
    code = "import mmap\nheld = []\ntry:\n    while len(held) < 80: held.append(mmap.mmap(-1, 2**25))\n"
    code += "except OSError: print('stopped', len(held) * 32)"
    word, mib = confined(code, address_space=2**28).text.split()
    assert word == "stopped" and int(mib) <= 256


def test_memory_below_what_is_in_use_is_an_error(confined):
    ended = confined("print('ran')", memory=4096)
    assert ended.lines == [] and "below" in ended.error and ended.status == 3 << 8


def test_cpu_time(confined):
    code = (
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile time.process_time() < 5: pass\nprint('on')"
    )
    ended = confined(code, cpu_seconds=1)
    assert ended.lines == [] and ended.status == signal.SIGKILL and ended.cpu < 3


def test_scratch_is_limited_in_size_and_number_of_files(confined, mounts):
    code = """
def fill():
    for number in range(100):
        with open(f"big{number}", "wb", buffering=0) as file:
            file.write(bytes(2**20))
try:
    fill()
except OSError as error:
    print(error.errno, sum(os.stat(name).st_size for name in os.listdir()) <= 2**23)
for name in os.listdir():
    os.unlink(name)
try:
    for number in range(30000):
        open(str(number), "x").close()
except OSError as error:
    print(error.errno)
"""
    assert confined(code, scratch=2**23).lines == ["28 True", "28"]


def test_one_file_is_limited_in_size(confined, mounts):
    code = TRY + "attempt(lambda: [open('big', 'ab', buffering=0).write(bytes(2**20)) for _ in range(3)])"
    assert confined(code, file_size=2**20).lines == ["denied OSError 27"]


def test_threads_are_counted(confined):
    code = """
import threading
threading.stack_size(65536)
wait, made = threading.Event(), 0
try:
    for made in range(200):
        threading.Thread(target=wait.wait, daemon=True).start()
except RuntimeError:
    pass
print(made, confinement.means.threads)
wait.set()
"""
    made, counted = confined(code, processes=20).text.split()
    if counted == "False":
        pytest.skip("this kernel and user cannot count the threads of one process")
    assert int(made) == 19


def test_limits_are_final(confined):
    code = """
for name in ("RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CORE"):
    soft, hard = resource.getrlimit(getattr(resource, name))
    assert soft == hard != resource.RLIM_INFINITY, name
    for pair in ((soft + 1, hard), (soft + 1, hard + 1)):
        try:
            resource.setrlimit(getattr(resource, name), pair)
        except (ValueError, OSError):
            continue
        print("raised", name)
"""
    assert confined(code).lines == []


def test_no_privileges_are_left(confined):
    code = """
text = Path("/proc/self/status").read_text()
fields = dict(line.split(":", 1) for line in text.splitlines())
print([fields[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs", "Seccomp", "Threads")])
print(int(fields["CapBnd"], 16), os.getsid(0) == os.getpgid(0))
"""
    zero = "0" * 16
    lines = confined(code).lines
    assert lines[0] == str([zero, zero, zero, zero, "1", "2", "1"])
    if namespaces.capabilities():
        assert lines[1] == "0 True"


def test_another_architecture_is_killed(confined):
    if os.uname().machine != "x86_64":
        pytest.skip("the interpreter is not one of x86_64")
    assert confined("import ctypes; ctypes.CDLL(None).syscall(0x40000000 | 39); print(1)").status == signal.SIGSYS


def test_the_end_of_the_server_ends_the_child(confined, place):
    before = f"""
pipe = os.pipe()
entered = os.pipe()
middle = os.fork()
if middle:
    assert os.waitpid(middle, 0)[1] == 0
    os.close(pipe[1])
    os.close(entered[1])
    import select
    ended = select.select([pipe[0]], [], [], {HANG_SECONDS})[0]
    print("ended" if ended and os.read(pipe[0], 1) == b"" else "alive", flush=True)
else:
    confinement = replace(confinement, server=os.getpid())
    os.close(pipe[0])
    if os.fork() == 0:
        try:
            confinement.enter(folder / "scratch", Limits(), keep=(pipe[1], entered[1]))
            os.write(entered[1], b"x")
            time.sleep({2 * HANG_SECONDS})
        finally:
            os._exit(0)
    os.close(entered[1])
    os._exit(0 if os.read(entered[0], 1) else 1)
"""
    assert confined("pass", before=before).lines == ["ended"]


@pytest.mark.parametrize(
    "broken",
    [
        "confinement = replace(confinement, rules=((9999, 4),))",
        "confinement = replace(confinement, program=b'')",
        "confinement = replace(confinement, server=1)",
        NO_ROOT,
        """
import threading
fork = os.fork
def fork_and_start_a_thread():
    child = fork()
    if child == 0:
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
    return child
os.fork = fork_and_start_a_thread
""",
    ],
    ids=["rule", "filter", "parent", "namespace", "thread"],
)
def test_a_layer_that_fails_stops_everything(confined, broken):
    if "chroot" in broken and os.geteuid() != 0:
        pytest.skip("only root can change the root folder")
    ended = confined("print('ran')", before=broken)
    assert ended.lines == [] and ended.error.startswith("Unprotected: confining a process failed"), ended


def test_readable_files_stay_readable(confined, place):
    shared = place / "elsewhere"
    code = TRY + f'attempt(read, "{shared}/other.txt")\nattempt(write, "{shared}/other.txt")'
    lines = confined(code, readable=[shared]).lines
    assert lines[0] == "allowed other" and lines[1].startswith("denied")


def test_a_readable_folder_around_a_protected_one(confined, place):
    project = place / "project"
    for name in ("package/a.py", "package/inner/b.py", "package/secret/c.py", "package/secret/shown/d.py", "e.py"):
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"value = {name!r}")
    secret = project / "package" / "secret"
    (project / "package" / "way").symlink_to(secret)
    code = f"""{TRY}
for name in ("package/a.py", "package/inner/b.py", "e.py", "package/secret/shown/d.py",
             "package/secret/c.py", "package/way/c.py"):
    attempt(read, "{project}/" + name)
sys.path.append("{project}/package")
import a
print(a.value)
"""
    lines = confined(code, readable=[project, secret / "shown"], protected=[secret]).lines
    assert [line.split()[0] for line in lines] == ["allowed"] * 4 + ["denied"] * 2 + ["package/a.py"], lines


def test_python_itself_is_not_readable_when_it_is_protected(confined):
    """The default list gives way to what is protected."""
    target = Path(sys.prefix, "share").resolve()
    if not target.is_dir():
        pytest.skip(f"there is no {target}")
    lines = confined(
        f"{TRY}attempt(os.listdir, '{target}/jupyter')\nimport wave\nprint('ok')", protected=[target]
    ).lines
    assert lines[-1] == "ok"
