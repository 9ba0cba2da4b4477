"""The attacks that `doctor` tries, as text that runs in a confined process.

Each is harmless when it succeeds: bounded, on files, sockets and processes of the doctor's own. In its namespace are
`place` (names and numbers to attack), `got(text)` to say what it obtained, `attempt(function, *arguments)`, which
says nothing about an error the system gave and returns the result or None, and `raw(name, *arguments)`, a system call
by number.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Attack:
    """`held` says what counts as held; `layer` is the kind of protection that is meant to hold it.

    When `may_die`, ending by a signal counts as held too. `machine` limits it to one architecture.
    """

    name: str
    layer: str
    held: str
    source: str
    may_die: bool = False
    machine: str = ""


PRELUDE = """
import ctypes, errno, fcntl, mmap, os, resource, signal, socket, struct, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)

def raw(name, *arguments):
    numbers = NUMBERS[name]
    values = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result = libc.syscall(ctypes.c_long(numbers), *values)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")
    return result

def attempt(function, *arguments):
    try:
        return function(*arguments)
    except (OSError, MemoryError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
        stopped(error)
        return None

try:
    os.chdir(place["scratch"])
except OSError:  # bubblewrap shows none
    pass
"""

NUMBERS = {
    machine: {name: int(number) for name, number in (entry.split("=") for entry in text.split())}
    for machine, text in {
        "x86_64": """
            openat=257 openat2=437 socket=41 connect=42 kill=62 tgkill=234 rt_sigqueueinfo=129 clone=56 clone3=435
            ptrace=101 process_vm_readv=310 pidfd_open=434 prlimit64=302 memfd_create=319 unshare=272 mount=165
            chroot=161 setns=308 setresuid=117 personality=135 io_uring_setup=425 userfaultfd=323 bpf=321
            perf_event_open=298 keyctl=250 shmget=29 msgget=68
        """,
        "aarch64": """
            openat=56 openat2=437 socket=198 connect=203 kill=129 tgkill=131 rt_sigqueueinfo=138 clone=220 clone3=435
            ptrace=117 process_vm_readv=270 pidfd_open=434 prlimit64=261 memfd_create=279 unshare=97 mount=40
            chroot=51 setns=268 setresuid=147 personality=92 io_uring_setup=425 userfaultfd=282 bpf=280
            perf_event_open=241 keyctl=219 shmget=194 msgget=186
        """,
    }.items()
}

NOT_READ = "the protected file's text is not obtained"
UNCHANGED = "the protected folder stays as it was"
NOTHING_ARRIVES = "nothing arrives at the doctor's own listener"
NO_SIGNAL = "the doctor receives no signal"
NO_PROCESS = "no second process comes into being"


def attacks() -> list[Attack]:
    """All attacks, in the order in which they are tried."""
    return [
        Attack(
            "read a protected file",
            "files",
            NOT_READ,
            """
def read(path):
    with open(path) as file:
        got(f"read {len(file.read())} characters")
attempt(read, place["secret"])
attempt(read, "../" * 30 + place["secret"].lstrip("/"))
attempt(lambda: got(f"listed {len(os.listdir(os.path.dirname(place['secret'])))} names"))
""",
        ),
        Attack(
            "read it through a link made in scratch",
            "files",
            NOT_READ,
            """
def read(path):
    with open(path) as file:
        got(f"read {len(file.read())} characters through {path}")
for make, name in ((os.symlink, "soft"), (os.link, "hard")):
    attempt(make, place["secret"], name)
    attempt(read, name)
attempt(os.symlink, os.path.dirname(place["secret"]), "folder")
attempt(read, "folder/" + os.path.basename(place["secret"]))
""",
        ),
        Attack(
            "read it by system calls",
            "files",
            NOT_READ,
            """
AT_FDCWD = -100
path = place["secret"].encode()
descriptor = attempt(raw, "openat", AT_FDCWD, path, os.O_RDONLY, 0)
how = struct.pack("QQQ", os.O_RDONLY, 0, 0)
for found in (descriptor, attempt(raw, "openat2", AT_FDCWD, path, how, len(how))):
    if found is not None:
        got(f"read {len(os.read(found, 100))} bytes")
""",
        ),
        Attack(
            "read a file that was open at the start",
            "open files",
            NOT_READ,
            """
for descriptor in range(3, 256):
    if descriptor != place["report"]:
        text = attempt(os.pread, descriptor, 100, 0)
        if text:
            got(f"read {len(text)} bytes from descriptor {descriptor}")
""",
        ),
        Attack(
            "write outside scratch",
            "files",
            UNCHANGED,
            """
folder = os.path.dirname(place["secret"])
def write(path, mode):
    with open(path, mode) as file:
        file.write("changed")
    got(f"wrote {path}")
attempt(write, place["secret"], "a")
for where in (folder, os.path.dirname(folder), "/tmp", "/var/tmp", "/dev/shm", os.path.expanduser("~"), sys.prefix):
    path = f"{where}/noisydescent-doctor-{os.getpid()}"
    attempt(write, path, "x")
    attempt(os.mkdir, path + "-folder")
    for made in (path, path + "-folder"):
        if os.path.lexists(made):
            got(f"made {made}")
            attempt(os.unlink if os.path.isfile(made) else os.rmdir, made)
attempt(os.rename, place["secret"], folder + "/renamed")
attempt(os.unlink, place["secret"])
attempt(os.truncate, place["secret"], 0)
""",
        ),
        Attack(
            "change mode, owner or times of a file outside",
            "metadata",
            UNCHANGED,
            """
attempt(lambda: got(f"mode {os.chmod(place['secret'], 0o777)}"))
attempt(lambda: got(f"times {os.utime(place['secret'], (1, 1))}"))
attempt(lambda: got(f"owner {os.chown(place['secret'], os.geteuid(), os.getegid())}"))
attempt(lambda: got(f"attribute {os.setxattr(place['secret'], 'user.doctor', b'1')}"))
""",
        ),
        Attack(
            "connect over TCP",
            "network",
            NOTHING_ARRIVES,
            """
attempt(lambda: got(f"connected {socket.create_connection(('127.0.0.1', place['tcp']), 2)}"))
descriptor = attempt(raw, "socket", socket.AF_INET, socket.SOCK_STREAM, 0)
if descriptor is not None:
    address = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(place["tcp"]), bytes([127, 0, 0, 1]))
    attempt(lambda: got(f"connected {raw('connect', descriptor, address, len(address))}"))
""",
        ),
        Attack(
            "send over UDP",
            "network",
            NOTHING_ARRIVES,
            """
def send(family, address):
    with socket.socket(family, socket.SOCK_DGRAM) as channel:
        channel.sendto(b"doctor", address)
attempt(send, socket.AF_INET, ("127.0.0.1", place["udp"]))
attempt(send, socket.AF_INET6, ("::ffff:127.0.0.1", place["udp"]))
""",
        ),
        Attack(
            "look up a name",
            "network",
            NOTHING_ARRIVES + ", and no address is found",
            """
os.environ["RES_OPTIONS"] = "timeout:1 attempts:1"
attempt(lambda: got(f"resolved {socket.getaddrinfo('example.org', 80)[0][4]}"))
query = struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + b"\\x07example\\x03org\\x00\\x00\\x01\\x00\\x01"
def ask():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.sendto(query, ("127.0.0.1", place["udp"]))
attempt(ask)
""",
        ),
        Attack(
            "reach another program's UNIX socket",
            "network",
            NOTHING_ARRIVES,
            """
def send(kind, address):
    with socket.socket(socket.AF_UNIX, kind) as channel:
        if kind == socket.SOCK_STREAM:
            channel.connect(address)
            channel.send(b"doctor")
        else:
            channel.sendto(b"doctor", address)
def send_from_pair(address):
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.sendto(b"doctor", address)
attempt(send, socket.SOCK_STREAM, place["abstract"])
attempt(send, socket.SOCK_DGRAM, place["abstract"] + "-datagram")
attempt(send_from_pair, place["abstract"] + "-datagram")
""",
        ),
        Attack(
            "signal the parent",
            "signals",
            NO_SIGNAL,
            """
parent, number = place["parent"], int(signal.SIGUSR1)
attempt(os.kill, parent, number)
attempt(lambda: signal.pidfd_send_signal(os.pidfd_open(parent), number))
attempt(raw, "kill", parent, number)
attempt(raw, "tgkill", parent, parent, number)
attempt(raw, "rt_sigqueueinfo", parent, number, (ctypes.c_int * 32)(number, 0, -1))
def owned():
    one, other = socket.socketpair()
    fcntl.fcntl(one, fcntl.F_SETOWN, parent)
    fcntl.fcntl(one, fcntl.F_SETFL, fcntl.fcntl(one, fcntl.F_GETFL) | os.O_ASYNC)
    other.send(b"x")
attempt(owned)
""",
        ),
        Attack(
            "make processes (at most 50)",
            "processes",
            NO_PROCESS,
            """
def child():
    pid = os.fork()
    if pid == 0:
        time.sleep(0.2)
        os._exit(0)
    return pid
made = 0
while made < 50 and attempt(child) is not None:
    made += 1
if made:
    got(f"made {made} processes")
attempt(lambda: got(f"ran {subprocess.run(['/bin/true'], check=False)}"))
attempt(lambda: got(f"spawned {os.posix_spawn('/bin/true', ['true'], {})}"))
def by_number():
    pid = raw("clone", int(signal.SIGCHLD), 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    got(f"cloned {pid}")
attempt(by_number)
attempt(lambda: os.execv("/bin/true", ["true"]))
""",
        ),
        Attack(
            "leave a process behind",
            "processes",
            "no process of it remains",
            """
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(20)
        os._exit(0)
    got("started a daemon")
attempt(daemon)
""",
        ),
        Attack(
            "make threads (at most 1,000)",
            "threads",
            "the limit on threads stops it",
            """
threading.stack_size(65536)
made, wait = 0, threading.Event()
def start():
    threading.Thread(target=wait.wait, args=(5,), daemon=True).start()
    return True
while made < 1000 and attempt(start):
    made += 1
wait.set()
if made > place["threads"]:
    got(f"made {made} threads")
""",
        ),
        Attack(
            "take 3 GiB of private memory",
            "memory",
            "the limit on memory stops it",
            """
blocks = []
def more():
    blocks.append(bytearray(b"x") * 2**26)
    return True
while len(blocks) < 48 and attempt(more):
    pass
taken = len(blocks) * 2**26
blocks.clear()
if taken > place["memory"]:
    got(f"took {taken // 2**20} MiB")
""",
            may_die=True,
        ),
        Attack(
            "take 3 GiB of shared memory",
            "memory",
            "the limit on address space stops it",
            """
blocks = []
def more():
    block = mmap.mmap(-1, 2**26)
    blocks.append(block)
    for start in range(0, 2**26, 4096):
        block[start] = 1
    return True
while len(blocks) < 48 and attempt(more):
    pass
taken = len(blocks) * 2**26
if taken > place["address_space"]:
    got(f"took {taken // 2**20} MiB")
attempt(lambda: got(f"a memory file, {raw('memfd_create', b'doctor', 0)}"))
""",
            may_die=True,
        ),
        Attack(
            "fill the disk (at most 500 MiB)",
            "disk",
            "scratch holds no more than its limit",
            """
written = 0
def more(number):
    global written
    with open(f"file{number}", "wb", buffering=0) as file:
        for _ in range(10):
            written += file.write(bytes(2**20))
    return True
for number in range(50):
    if not attempt(more, number):
        break
if written > place["disk"]:
    got(f"wrote {written // 2**20} MiB")
def empty(number):
    open(f"empty{number}", "x").close()
    return True
for number in range(50):
    if os.path.exists(f"file{number}"):
        attempt(os.unlink, f"file{number}")
made = 0
while made < 30000 and attempt(empty, made):
    made += 1
if made == 30000:
    got(f"made {made} files")
""",
            may_die=True,
        ),
        Attack(
            "use CPU time without end",
            "cpu",
            "the limit on CPU time ends it",
            """
signal.signal(signal.SIGXCPU, signal.SIG_IGN)
while time.process_time() < place["cpu_seconds"] + 2:
    pass
got(f"used {time.process_time():.0f} s")
""",
            may_die=True,
        ),
        Attack(
            "read the parent's environment and memory",
            "other processes",
            "nothing of them is read",
            """
def read(path):
    with open(path, "rb") as file:
        got(f"read {len(file.read(4096))} bytes of {os.path.basename(path)}")
for name in ("environ", "maps"):
    attempt(read, f"/proc/{place['parent']}/{name}")
def memory():
    with open(f"/proc/{place['parent']}/mem", "rb", buffering=0) as file:
        file.seek(place["address"])
        got(f"read {len(file.read(16))} bytes of memory")
attempt(memory)
buffer = ctypes.create_string_buffer(16)
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
here, there = Vector(ctypes.addressof(buffer), 16), Vector(place["address"], 16)
read = attempt(raw, "process_vm_readv", place["parent"], ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
if read:
    got(f"read {read} bytes of memory by a system call")
""",
        ),
        Attack(
            "trace the parent",
            "other processes",
            "tracing is refused",
            """
PTRACE_SEIZE, PTRACE_DETACH = 0x4206, 17
def trace():
    raw("ptrace", PTRACE_SEIZE, place["parent"], 0, 0)
    got("attached to the parent")
attempt(trace)
attempt(lambda: got(f"a handle of the parent, {raw('pidfd_open', place['parent'], 0)}"))
""",
        ),
        Attack(
            "raise its own limits, or set its parent's",
            "limits",
            "no limit changes",
            """
unlimited = resource.RLIM_INFINITY
for name in ("RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CORE"):
    kind = getattr(resource, name)
    attempt(lambda: got(f"raised {name} {resource.setrlimit(kind, (unlimited, unlimited))}"))
    limits = struct.pack("QQ", 2**40, 2**40)
    attempt(lambda: got(f"raised {name} by number {raw('prlimit64', 0, int(kind), limits, None)}"))
attempt(lambda: got(f"the parent's {resource.prlimit(place['parent'], resource.RLIMIT_NOFILE)}"))
""",
        ),
        Attack(
            "undo the confinement",
            "system calls",
            "each call is refused",
            """
PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
for option, value in ((PR_SET_PDEATHSIG, 0), (PR_SET_DUMPABLE, 1)):
    if libc.prctl(option, value, 0, 0, 0) == 0:
        got(f"prctl {option}")
CLONE_NEWUSER, MS_REMOUNT = 0x10000000, 32
calls = [("unshare", CLONE_NEWUSER), ("mount", b"none", b"/", None, MS_REMOUNT, None), ("chroot", b"/")]
calls += [("setns", 0, 0), ("setresuid", 0, 0, 0), ("personality", 0x0040000)]
for call in calls:
    attempt(lambda: got(f"{call[0]} gave {raw(*call)}"))
attempt(lambda: got(f"new session {os.setsid()}"))
attempt(lambda: got(f"pinned {os.sched_setaffinity(0, {0})}"))
""",
        ),
        Attack(
            "use the kernel's riskier interfaces",
            "system calls",
            "each call is refused",
            """
calls = [("io_uring_setup", 1, ctypes.create_string_buffer(120)), ("userfaultfd", 0x80000)]
calls += [("bpf", 0, ctypes.create_string_buffer(48), 48), ("keyctl", 0, -3, 0), ("shmget", 0, 4096, 0o1600)]
software_clock = ctypes.create_string_buffer(b"\\1\\0\\0\\0\\x70", 112)
calls += [("perf_event_open", software_clock, 0, -1, -1, 0), ("msgget", 0, 0o1600)]
for call in calls:
    result = attempt(raw, *call)
    if result is not None:
        got(f"{call[0]} gave {result}")
        if call[0] in ("shmget", "msgget"):  # these would outlive the process
            IPC_RMID = 0
            libc.shmctl(result, IPC_RMID, None) if call[0] == "shmget" else libc.msgctl(result, IPC_RMID, None)
def clone3():
    arguments = struct.pack("8Q", 0, 0, 0, 0, int(signal.SIGCHLD), 0, 0, 0)
    if raw("clone3", arguments, len(arguments)) == 0:
        os._exit(0)
    got("clone3 made a process")
attempt(clone3)
""",
        ),
        Attack(
            "make system calls of another architecture",
            "system calls",
            "the process is killed",
            """
X32, GETPPID, SOCKET = 0x40000000, 110, 41
result = libc.syscall(ctypes.c_long(X32 | SOCKET), socket.AF_INET, socket.SOCK_STREAM, 0)
if result >= 0 or ctypes.get_errno() != errno.ENOSYS:
    got(f"an x32 call gave {result}")
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
# mov eax, 20 (getpid of 32 bits); int 0x80; ret
code.write(b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3")
address = ctypes.addressof(ctypes.c_char.from_buffer(code))
result = ctypes.CFUNCTYPE(ctypes.c_int)(address)()
if result > 0:
    got(f"a 32-bit call gave {result}")
""",
            may_die=True,
            machine="x86_64",
        ),
    ]
