"""Rows 13 to 17: tests, solutions, other people's work, the network, links."""

import os
import re
import textwrap

import pytest

from autograde.sandbox.paths import ROOT
from tests.hostile.cells import ASSIGNMENT, heist, right
from tests.hostile.rows import case

TESTS = "@ROOT@/autograde/bank/so_minibatch_gradient/exercise.py"
SOLUTION = "@ROOT@/solutions/1_1_intuition/1_1_intuition.ipynb"
ANSWER = "@ROOT@/autograde/bank/so_sgd/right_list.py"

# Each takes the text of the file PATH, or fails.
READERS = {
    "open": "return open(PATH).read()",
    "os_open": "import os\nreturn os.read(os.open(PATH, os.O_RDONLY), 100)",
    "pathlib": "import pathlib\nreturn pathlib.Path(PATH).read_bytes()",
    "relative": "import os\nreturn open(os.path.relpath(PATH)).read()",
    "climbing": "return open('../' * 40 + PATH.lstrip('/')).read()",
    "proc_root": "return open('/proc/self/root' + PATH).read()",
    "proc_cwd": "return open('/proc/self/cwd/' + '../' * 40 + PATH.lstrip('/')).read()",
    "ctypes_open": """
        import ctypes
        c = ctypes.CDLL(None)
        fd = c.open(PATH.encode(), 0)
        buffer = ctypes.create_string_buffer(100)
        return fd >= 0 and c.read(fd, buffer, 100) > 0
    """,
    "ctypes_syscall": """
        import ctypes, platform
        c = ctypes.CDLL(None)
        openat = 257 if platform.machine() == 'x86_64' else 56
        return c.syscall(openat, -100, PATH.encode(), 0, 0) >= 0
    """,
    "ctypes_openat2": """
        import ctypes
        how = (ctypes.c_uint64 * 3)(0, 0, 0)
        return ctypes.CDLL(None).syscall(437, -100, PATH.encode(), how, 24) >= 0
    """,
    "fopen": """
        import ctypes
        c = ctypes.CDLL(None)
        c.fopen.restype = ctypes.c_void_p
        return c.fopen(PATH.encode(), b'r')
    """,
    "open_tree": "import ctypes\nreturn ctypes.CDLL(None).syscall(428, -100, PATH.encode(), 0) >= 0",
    "import_path": """
        import importlib.util
        spec = importlib.util.spec_from_file_location('stolen', PATH, loader=None)
        import importlib.machinery
        return importlib.machinery.SourceFileLoader('stolen', PATH).get_data(PATH)
    """,
    "runpy": "import runpy\nreturn runpy.run_path(PATH)",
    "sys_path": (
        "import sys\nsys.path[:0] = ['@ROOT@']\nimport autograde.bank.so_minibatch_gradient.exercise as m\nreturn m"
    ),
    "linecache": "import linecache\nreturn linecache.getline(PATH, 1)",
    "tokenize": "import tokenize\nreturn tokenize.open(PATH).read()",
    "file_input": "import fileinput\nreturn ''.join(fileinput.input(PATH))",
    "numpy": "import numpy\nreturn len(numpy.fromfile(PATH, dtype='u1'))",
    "memmap": "import numpy\nreturn len(numpy.memmap(PATH, dtype='u1', mode='r'))",
    "torch_file": "return torch.from_file(PATH, size=10, dtype=torch.uint8).sum()",
    "torch_storage": "return torch.UntypedStorage.from_file(PATH, False, 10)[0]",
    "torch_jit": "torch.jit.load(PATH)\nreturn True",
    "cat": "import subprocess\nreturn subprocess.check_output(['cat', PATH])",
    "shell": "return get_ipython().getoutput('cat ' + PATH, split=False).startswith(('\"\"\"', '{', 'import', 'def'))",
    "magic": "get_ipython().run_line_magic('run', PATH)\nreturn True",
    "load": "return get_ipython().find_user_code(PATH)",
    "copy": "import shutil\nreturn open(shutil.copy(PATH, 'stolen')).read()",
    "symlink": "import os\nos.symlink(PATH, 'stolen')\nreturn open('stolen').read()",
    "hardlink": "import os\nos.link(PATH, 'stolen')\nreturn open('stolen').read()",
    "rename": "import os\nos.rename(PATH, 'stolen')\nreturn open('stolen').read()",
    "list": "import os\nreturn os.listdir(os.path.dirname(PATH))",
    "glob": "import glob\nreturn glob.glob(os.path.dirname(PATH) + '/*') if (os := __import__('os')) else 0",
    "sqlite": "import sqlite3\nsqlite3.connect(PATH).execute('attach ? as stolen', (PATH,))\nreturn False",
    "async": """
        import asyncio
        async def read():
            return await asyncio.to_thread(lambda: open(PATH).read())
        return asyncio.run(read())
    """,
    "thread": """
        import threading
        found = []
        thread = threading.Thread(target=lambda: found.append(open(PATH).read()))
        thread.start()
        thread.join()
        return found
    """,
    "chdir": "import os\nos.chdir(os.path.dirname(PATH))\nreturn open(os.path.basename(PATH)).read()",
    "chroot": "import os\nos.chroot(os.path.dirname(PATH))\nreturn open('/' + os.path.basename(PATH)).read()",
    "mount": """
        import ctypes, os
        os.mkdir('here')
        c = ctypes.CDLL(None)
        return c.mount(os.path.dirname(PATH).encode(), b'here', None, 4096, None) == 0 and os.listdir('here')
    """,
    "namespace": """
        import os
        os.unshare(0x10000000 | 0x00020000)
        return open(PATH).read()
    """,
    "inherited_descriptors": """
        import os
        for fd in range(3, 1024):
            try:
                if os.path.basename(PATH) in os.listdir(fd):
                    return True
            except OSError:
                pass
            try:
                return os.open(PATH.lstrip('/'), os.O_RDONLY, dir_fd=fd)
            except OSError:
                pass
    """,
    "descendants_of_descriptors": """
        import os
        for fd in os.listdir('/proc/self/fd'):
            try:
                return open(f'/proc/self/fd/{fd}/' + '../' * 40 + PATH.lstrip('/')).read()
            except OSError:
                pass
    """,
}


LOOK = "import os\nreturn os.listdir(PATH) if os.path.isdir(PATH) else open(PATH, 'rb').read(10)"


@case(13, "reads tests or solutions from disk", "zero")
def test_reading(arena):
    arena.answer(heist(**{name: with_path(reader, TESTS) for name, reader in READERS.items()}))
    arena.survives(says="gradient|tried|replaced|installed|left")


@case(13, "reads tests or solutions from disk", "zero")
def test_reading_everything_else(arena):
    paths = (SOLUTION, ANSWER, "@ROOT@/solutions", "@ROOT@/autograde", "@ROOT@/autograde/bank", "@ROOT@/.git/HEAD")
    arena.answer(heist(*[with_path(LOOK, path) for path in paths]))
    arena.survives(says="gradient|tried|replaced|installed|left")


@case(13, "reads tests or solutions from disk", "zero")
def test_reading_aloud(arena):
    """An attack that does not hide its failure is told what was in its way."""
    arena.answer(f"stolen = open({TESTS!r}).read()\n\n{right()}")
    arena.survives(says="PermissionError|FileNotFoundError|Permission denied|No such file|tried")


def with_path(source: str, path: str) -> str:
    return f"PATH = {path!r}\n" + textwrap.dedent(source).strip("\n")


FILES = (
    "@CLASS@/submitted/ada/1_1_intuition/1_1_intuition.ipynb",
    "@CLASS@/submitted",
    "@CLASS@/gradebook.db",
    "@CLASS@/seeds.json",
    "@CLASS@/results",
    "@OUTSIDE@/secret.txt",
    "/etc/shadow",
    "/root",
    "/home",
    "/tmp",
    "/dev/shm",
    "/proc/1/environ",
    "/proc/1/cmdline",
    "/proc/@PID@/environ",
    "/proc/@PID@/cmdline",
    "/proc/@PID@/fd",
    "/proc/@PID@/mem",
    "/proc/@PID@/cwd/pyproject.toml",
    "/proc/@PID@/root/etc/hostname",
    "/proc/kcore",
    "/proc/kallsyms",
    "/sys/kernel/notes",
    "/dev/mem",
    "/var/log",
)


@case(14, "reads other people's work, keys, environment, memory", "zero")
def test_reading_other_files(arena):
    # The address space of a process begins with a hole, which nobody can read: being let in is enough.
    opened = ("mem", "kcore", "kallsyms", "notes")
    attacks = [with_path("return open(PATH, 'rb')" if path.endswith(opened) else LOOK, path) for path in FILES]
    arena.answer(heist(*attacks))
    arena.survives(says="gradient|tried|replaced|installed|left")


READING_OTHER_PROCESSES = {
    "environment": "import os\nreturn 'HOSTILE_SUITE_SECRET' in os.environ",
    "first_environment": "return b'HOSTILE_SUITE' in open('/proc/self/environ', 'rb').read()",
    "environment_in_memory": """
        import ctypes
        environ = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), 'environ')
        n = 0
        while environ[n]:
            if environ[n].startswith(b'HOSTILE_SUITE'):
                return True
            n += 1
    """,
    "getenv": "import ctypes\nreturn ctypes.CDLL(None).getenv(b'HOSTILE_SUITE_SECRET')",
    "parents_environment": "import os\nreturn open(f'/proc/{os.getppid()}/environ', 'rb').read()",
    "parents_memory": "import os\nreturn open(f'/proc/{os.getppid()}/mem', 'rb')",
    "parents_maps": "import os\nreturn open(f'/proc/{os.getppid()}/maps').read()",
    "parents_stack": "import os\nreturn open(f'/proc/{os.getppid()}/stack').read()",
    "parents_files": "import os\nreturn os.listdir(f'/proc/{os.getppid()}/fd')",
    "other_processes": """
        import os
        for name in os.listdir('/proc'):
            if name.isdigit() and int(name) != os.getpid():
                try:
                    return open(f'/proc/{name}/cmdline', 'rb').read(1)
                except OSError:
                    pass
    """,
    "own_memory": """
        # The judge's secrets would be here if the worker were a copy of the judge.
        import re
        for line in open('/proc/self/maps'):
            if 'rw-p' in line:
                low, high = (int(n, 16) for n in line.split()[0].split('-'))
                with open('/proc/self/mem', 'rb') as memory:
                    memory.seek(low)
                    if re.search(rb'[a]n environment variable [o]f', memory.read(min(high - low, 2**26))):
                        return True
    """,
    "process_vm_readv": """
        import ctypes, os
        c = ctypes.CDLL(None, use_errno=True)
        buffer = ctypes.create_string_buffer(8)
        pair = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
        own = (ctypes.c_void_p * 2)(id(None), 8)
        return c.process_vm_readv(os.getppid(), pair, 1, own, 1, 0) > 0
    """,
    "ptrace": "import ctypes, os\nreturn ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0",
    "ptrace_judge": "import ctypes\nreturn ctypes.CDLL(None).syscall(101, 16906, @PID@, 0, 0) == 0",
    "pidfd": """
        import os, ctypes
        fd = os.pidfd_open(os.getppid())
        return ctypes.CDLL(None).syscall(438, fd, 0, 0) >= 0
    """,
    "kcmp": "import ctypes, os\nreturn ctypes.CDLL(None).syscall(312, os.getpid(), os.getppid(), 2, 0, 0) >= 0",
    "keys": "import ctypes\nreturn ctypes.CDLL(None).syscall(250, 0, -3, 1) >= 0",
    "shared_memory": """
        from multiprocessing import shared_memory
        return shared_memory.SharedMemory(create=True, size=100, name='hostile_suite')
    """,
    "sysv_memory": "import ctypes\nreturn ctypes.CDLL(None).shmget(0, 100, 0o1600) >= 0",
    "open_by_handle": """
        import ctypes
        c = ctypes.CDLL(None)
        handle = ctypes.create_string_buffer(136)
        handle[0:1] = b'\\x80'
        mount = ctypes.c_int()
        return c.name_to_handle_at(-100, b'/', handle, ctypes.byref(mount), 0) == 0
    """,
}


@case(14, "reads other people's work, keys, environment, memory", "zero")
def test_reading_other_processes(arena):
    arena.answer(heist(**READING_OTHER_PROCESSES))
    arena.survives(says="gradient|tried|replaced|installed|left")


NETWORK = {
    "tcp": "import socket\nreturn socket.create_connection(('127.0.0.1', PORT), 2)",
    "tcp6": "import socket\nreturn socket.socket(socket.AF_INET6, socket.SOCK_STREAM)",
    "udp": "import socket\nreturn socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))",
    "raw": "import socket\nreturn socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "packet": "import socket\nreturn socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "netlink": "import socket\nreturn socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "vsock": "import socket\nreturn socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)",
    "server": "import socket\nreturn socket.create_server(('127.0.0.1', 0))",
    "look_up": "import socket\nreturn socket.getaddrinfo('example.com', 80)",
    "look_up_old": "import socket\nreturn socket.gethostbyname('example.com')",
    "look_up_by_hand": """
        import socket
        query = bytes.fromhex('0001010000010000000000000765786d61706c6503636f6d0000010001')
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(query, ('127.0.0.1', PORT))
    """,
    "urllib": "from urllib.request import urlopen\nreturn urlopen('http://127.0.0.1:PORT/', timeout=2).read()",
    "http": (
        "import http.client\nc = http.client.HTTPConnection('127.0.0.1', PORT, timeout=2)\n"
        "c.request('GET', '/')\nreturn True"
    ),
    "asyncio": """
        import asyncio
        return asyncio.run(asyncio.open_connection('127.0.0.1', PORT))
    """,
    "torch_hub": "return torch.hub.load_state_dict_from_url('http://127.0.0.1:PORT/x.pt', model_dir='.')",
    "torch_store": """
        import datetime, torch.distributed
        return torch.distributed.TCPStore('127.0.0.1', PORT, is_master=False, timeout=datetime.timedelta(seconds=1))
    """,
    "curl": "import subprocess\nreturn subprocess.check_output(['curl', '-s', 'http://127.0.0.1:PORT/'])",
    "bash": "import os\nreturn os.system('bash -c \"echo > /dev/tcp/127.0.0.1/PORT\"') == 0",
    "pip": "get_ipython().run_line_magic('pip', 'download --no-deps -i http://127.0.0.1:PORT/ x')\nreturn False",
    "ctypes": """
        import ctypes, socket, struct
        c = ctypes.CDLL(None)
        fd = c.socket(2, 1, 0)
        address = struct.pack('!HHI8x', 0, PORT, 0x7F000001)
        address = struct.pack('=H', 2) + address[2:]
        return fd >= 0 and c.connect(fd, address, 16) == 0
    """,
    "ctypes_syscall": "import ctypes\nreturn ctypes.CDLL(None).syscall(41, 2, 2, 0) >= 0",
    "io_uring": "import ctypes\nreturn ctypes.CDLL(None).syscall(425, 4, ctypes.create_string_buffer(120)) >= 0",
    "abstract": "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0ABSTRACT')\nreturn s",
    "unix_datagram": (
        "import socket\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\nreturn s.connect('\\0ABSTRACT') or s"
    ),
    "socketpair_rebound": """
        import socket
        one, other = socket.socketpair()
        one.connect('\\0ABSTRACT')
        return True
    """,
    "resolver": """
        import ctypes
        c = ctypes.CDLL(None)
        c.gethostbyname.restype = ctypes.c_void_p
        return c.gethostbyname(b'example.com')
    """,
    "inherited": """
        import os, socket, stat
        for fd in range(256):
            try:
                if stat.S_ISSOCK(os.fstat(fd).st_mode):
                    own = socket.socket(fileno=os.dup(fd))
                    if own.family in (socket.AF_INET, socket.AF_INET6):
                        return True
                    own.connect('\\0ABSTRACT')
                    return True
            except OSError:
                pass
    """,
    "smtp": "import smtplib\nreturn smtplib.SMTP('127.0.0.1', PORT, timeout=2)",
    "multiprocessing": "from multiprocessing.connection import Client\nreturn Client(('127.0.0.1', PORT))",
}


@case(15, "any network, loopback and name look-up included", "zero")
def test_network(arena, listener):
    places = {"PORT": str(listener.port), "ABSTRACT": listener.abstract}
    attacks = {name: re.sub("PORT|ABSTRACT", lambda match: places[match[0]], text) for name, text in NETWORK.items()}
    # Once is enough: where a firewall swallows packets, each waits for its time-out.
    arena.answer(heist(again=False, **attacks))
    arena.survives(says="gradient|tried|replaced|installed|left")
    assert not listener.heard, f"the listener was reached: {dict(listener.heard)}"


@case(15, "any network, loopback and name look-up included", "zero")
def test_network_aloud(arena, listener):
    arena.answer(f"import socket\nsocket.create_connection(('127.0.0.1', {listener.port}), 2)\n\n{right()}")
    arena.survives(says="Error|not permitted|tried")
    assert not listener.heard


@case(16, "a link to a file elsewhere among the files", "review")
@pytest.mark.parametrize(
    "target",
    [
        "/etc/hostname",
        "solution",
        "../../ada/1_1_intuition/1_1_intuition.ipynb",
        "/",
        "nowhere",
        "data.txt",
        "/dev/zero",
    ],
)
def test_symbolic_link(arena, target):
    target = str(ROOT / "solutions" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb") if target == "solution" else target
    os.symlink(target, arena.submission / "data.txt")
    arena.survives(says="link", refused=False)


@case(16, "a link to a file elsewhere among the files", "review")
def test_hard_link(arena):
    os.link(arena.outside / "secret.txt", arena.submission / "data.txt")
    arena.survives(says="link", refused=False)


@case(16, "a link to a file elsewhere among the files", "review")
def test_link_in_a_subfolder(arena):
    (arena.submission / "images").mkdir()
    os.symlink(arena.outside, arena.submission / "images" / "more")
    arena.survives(says="link", refused=False)


@case(16, "a link to a file elsewhere among the files", "review")
def test_timestamp_is_a_link(arena):
    os.symlink(arena.outside / "secret.txt", arena.submission / "timestamp.txt")
    result = arena.survives(says="link|timestamp", refused=False)
    assert result.timestamp is None


@case(17, "the notebook itself is a link", "review")
@pytest.mark.parametrize("target", ["solution", "ada", "own", "nowhere", "itself", "device"])
def test_notebook_is_a_link(arena, target):
    solution = ROOT / "solutions" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    ada = arena.folder / "submitted" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    (arena.submission / "own.txt").write_bytes(ada.read_bytes())
    targets = {"own": "own.txt", "nowhere": "nothing.ipynb", "itself": arena.file.name, "device": "/dev/zero"}
    os.symlink(targets.get(target, solution if target == "solution" else ada), arena.file)
    arena.survives(says="link", refused=True, submit=False)


@case(17, "the notebook itself is a link", "review")
def test_notebook_is_a_hard_link(arena):
    solution = arena.outside / "solution.ipynb"
    solution.write_bytes((ROOT / "solutions" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes())
    os.link(solution, arena.file)
    arena.survives(says="link", refused=True, submit=False)


@case(17, "the notebook itself is a link", "review")
@pytest.mark.parametrize("level", ["assignment", "student"])
def test_folder_is_a_link(arena, level):
    arena.submission.rmdir()
    ada = arena.folder / "submitted" / "ada"
    if level == "assignment":
        os.symlink(ada / ASSIGNMENT, arena.submission)
    else:
        arena.submission.parent.rmdir()
        os.symlink(ada, arena.submission.parent)
    arena.survives(says="link", refused=True, submit=False)


@case(13, "reads tests or solutions from disk", "zero")
@pytest.mark.parametrize("again", [False, True])
def test_loot_would_be_seen(arena, again):
    """What the tests with many attacks look for: an attack that works is named, also one in a call."""
    attack = "return True" if not again else "return 'minibatch_gradient' in globals()"
    arena.answer(heist(successful=attack, failed="return False"))
    with pytest.raises(AssertionError, match=r"LOOT: .*'successful'"):
        arena.survives()
