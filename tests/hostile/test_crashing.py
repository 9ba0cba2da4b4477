"""Rows 25 to 35: processes that die, hang, grow, multiply or talk too much."""

import textwrap
from pathlib import Path

import pytest

from tests.hostile import watch
from tests.hostile.cells import (
    ASSIGNMENT,
    OTHER,
    TARGET,
    after_definition,
    at_call,
    at_definition,
    heist,
    right,
    right_at_call,
)
from tests.hostile.rows import case
from tests.patience import until

LOST = "tried|replaced|ended|died|killed|stopped|crash|signal|exit|interrupt|memory|time|raised|error|not defined|limit"

EXITS = {
    "os_exit": "import os\nos._exit(0)",
    "os_exit_3": "import os\nos._exit(3)",
    "sys_exit": "import sys\nsys.exit(0)",
    "system_exit": "raise SystemExit",
    "keyboard_interrupt": "raise KeyboardInterrupt",
    "exit": "exit()",
    "quit": "quit()",
    "generator_exit": "raise GeneratorExit",
    "own_base_exception": "raise type('Mine', (BaseException,), {})",
    "interrupt_main": "import _thread, time\n_thread.interrupt_main()\ntime.sleep(0.1)\nraise SystemExit",
    "ctypes_exit": "import ctypes\nctypes.CDLL(None).exit(0)",
    "quick_exit": "import ctypes\nctypes.CDLL(None)._exit(0)",
    "exit_in_thread": "import os, threading\nt = threading.Thread(target=os._exit, args=(0,))\nt.start()\nt.join()",
    "exit_group": "import ctypes\nctypes.CDLL(None).syscall(231, 0)",
    "execv": "import os\nos.execv('/bin/true', ['true'])\n",
    "closed_descriptors": "import os\nos.closerange(0, 1024)",
    "exception_that_raises": """
        class Nasty(Exception):
            def __str__(self):
                raise SystemExit
            __repr__ = __str__
        raise Nasty
    """,
    "stack_of_exceptions": """
        error = None
        for n in range(5000):
            try:
                raise ValueError(n) from error
            except ValueError as e:
                error = e
        raise error
    """,
    "exception_group": "raise BaseExceptionGroup('many', [SystemExit(), KeyboardInterrupt()])",
}


@case(25, "os._exit, sys.exit, KeyboardInterrupt, exit, quit", "zero")
@pytest.mark.parametrize("name", EXITS)
def test_exit(arena, name):
    twice(arena, EXITS[name])
    arena.survives(zero=(TARGET, OTHER), says=LOST)


def twice(arena, attack):
    """The attack in the cell of one exercise and, later, in the call of another."""
    arena.answer(at_definition(attack))
    arena.answer(at_call(attack, exercise=OTHER), OTHER)


@case(25, "os._exit, sys.exit, KeyboardInterrupt, exit, quit", "merit")
@pytest.mark.parametrize("name", ["os_exit", "sys_exit", "keyboard_interrupt", "exit", "exit_group"])
@pytest.mark.parametrize("before", [TARGET, "so-sgd"])
def test_exit_in_a_cell_of_her_own(arena, name, before):
    """A cell that belongs to no exercise may die without taking one with it."""
    arena.extra(textwrap.dedent(EXITS[name]), before)
    arena.survives()


@case(25, "os._exit, sys.exit, KeyboardInterrupt, exit, quit", "zero")
def test_exit_in_every_exercise(arena):
    ids = tuple(arena.expected)
    for exercise in ids:
        arena.answer("import os\nos._exit(0)", exercise)
    arena.survives(zero=ids, says=LOST)


@case(25, "os._exit, sys.exit, KeyboardInterrupt, exit, quit", "zero")
def test_exit_inside_the_oracle(arena):
    """The judge's own function is running when the worker dies."""
    arena.answer(
        "import os, threading\n\ndef sgd(grad, theta0, lr, steps):\n"
        "    threading.Timer(0.001, os._exit, (0,)).start()\n"
        "    while True:\n        grad(theta0, 0)\n",
        "so-sgd",
    )
    arena.survives(zero=("so-sgd",), says=LOST)


# Signals to others are 0 ("would it be allowed?") wherever a real one would reach more than the pool of this test.
SIGNALS = {
    "kill_self": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "stop_self": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "terminate_self": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)",
    "raise_stop": "import signal\nsignal.raise_signal(signal.SIGSTOP)",
    "raise_kill": "import signal\nsignal.raise_signal(signal.SIGKILL)",
    "thread_kill": "import signal, threading\nsignal.pthread_kill(threading.get_ident(), signal.SIGSTOP)",
    "alarm": (
        "import signal, time\nsignal.signal(signal.SIGALRM, signal.SIG_DFL)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.01)\ntime.sleep(1)"
    ),
    "cpu_alarm": (
        "import signal, time\nsignal.signal(signal.SIGPROF, signal.SIG_DFL)\n"
        "signal.setitimer(signal.ITIMER_PROF, 0.01)\nend = time.time() + 2\nwhile time.time() < end: pass"
    ),
    "broken_pipe": (
        "import os, signal\nsignal.signal(signal.SIGPIPE, signal.SIG_DFL)\nr, w = os.pipe()\nos.close(r)\n"
        "os.write(w, b'x')"
    ),
    "ctypes_kill": "import ctypes, os\nctypes.CDLL(None).kill(os.getpid(), 9)",
    "syscall_tgkill": "import ctypes, os\nctypes.CDLL(None).syscall(234, os.getpid(), os.getpid(), 19)",
    "background_read": "import os, signal\nos.kill(os.getpid(), signal.SIGTTIN)",
    "cpu_limit": "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass",
    "file_limit": "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))",
}


@case(26, "signals to itself, the parent or everyone", "zero")
@pytest.mark.parametrize("name", SIGNALS)
def test_signal_to_itself(arena, name):
    twice(arena, textwrap.dedent(SIGNALS[name]) + "\nraise RuntimeError('no signal came through')")
    arena.survives(zero=(TARGET, OTHER), says=LOST + "|no signal came through")


SIGNAL_TO_OTHERS = {
    "parent": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nreturn True",
    "parent_stopped": "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\nreturn True",
    "parent_asked": "import os\nos.kill(os.getppid(), 0)\nreturn True",
    "own_group": "import os, signal\nos.killpg(0, signal.SIGUSR1)\nreturn True",
    "parents_group": "import os\nos.killpg(os.getpgid(os.getppid()), 0)\nreturn True",
    "everyone": "import os\nos.kill(-1, 0)\nreturn True",
    "init": "import os\nos.kill(1, 0)\nreturn True",
    "judge": "import os\nos.kill(@PID@, 0)\nreturn True",
    "any_process": (
        "import os\nfor pid in range(1, 32768):\n    if pid != os.getpid():\n        try:\n"
        "            os.kill(pid, 0)\n            return True\n        except OSError:\n            pass"
    ),
    "queue": "import ctypes\nreturn ctypes.CDLL(None).sigqueue(@PID@, 0, 0) == 0",
    "thread": "import ctypes\nreturn ctypes.CDLL(None).syscall(200, @PID@, 0) == 0",
    "pidfd": "import os, signal\nsignal.pidfd_send_signal(os.pidfd_open(@PID@), 0)\nreturn True",
    "owner_of_a_pipe": """
        import fcntl, os
        r, w = os.pipe()
        fcntl.fcntl(r, fcntl.F_SETOWN, @PID@)
        fcntl.fcntl(r, 10, 0)
        return False
    """,
    "death_signal": "import ctypes\nctypes.CDLL(None).prctl(1, 0, 0, 0, 0)\nreturn False",
    "dumpable": "import ctypes\nctypes.CDLL(None).prctl(4, 1, 0, 0, 0)\nreturn False",
    "subreaper": "import ctypes\nctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\nreturn False",
    "new_session": "import os\nos.setsid()\nreturn True",
    "parents_session": "import os\nos.setpgid(0, os.getpgid(os.getppid()))\nreturn True",
}


@case(26, "signals to itself, the parent or everyone", "zero")
def test_signal_to_others(arena):
    arena.answer(heist(**SIGNAL_TO_OTHERS))
    arena.survives(says="gradient|tried|replaced|installed|left")


CRASHES = {
    "null_pointer": "import ctypes\nctypes.string_at(0)",
    "null_write": "import ctypes\nctypes.memset(0, 1, 1)",
    "abort": "import os\nos.abort()",
    "faulthandler": "import faulthandler\nfaulthandler._sigsegv()",
    "stack": "import faulthandler\nfaulthandler._stack_overflow()",
    "jump": "import ctypes\nctypes.CFUNCTYPE(None)(16)()",
    "recursion": "def deeper(n):\n    return deeper(n + 1)\ndeeper(0)",
    "deep_recursion": "import sys\nsys.setrecursionlimit(10**9)\ndef deeper(n):\n    return deeper(n + 1)\ndeeper(0)",
    "c_recursion": "import sys\nsys.setrecursionlimit(10**9)\nx = []\nfor n in range(10**6): x = [x]\nrepr(x)",
    "iterators": "import itertools\ni = iter([1])\nfor n in range(10**6): i = itertools.chain(i)\nnext(i)",
    "recursion_limit_low": "import sys\nsys.setrecursionlimit(60)\ndef deeper(n):\n    return deeper(n + 1)\ndeeper(0)",
    "nested_source": "eval('(' * 10**5)",
    "nested_code": "import ast\nast.literal_eval('-' * 10**6 + '1')",
    "broken_code": "def f(): pass\nf.__code__ = f.__code__.replace(co_code=bytes([255] * 20))\nf()",
    "freed_object": (
        "import ctypes\nctypes.pythonapi.Py_DecRef.argtypes = [ctypes.py_object]\n"
        "for n in range(10**6): ctypes.pythonapi.Py_DecRef(0.125 + n)"
    ),
    "none_overwritten": "import ctypes\nctypes.memset(id(None), 0, 16)",
    "storage_out_of_bounds": "t = torch.zeros(1)\nimport ctypes\nctypes.memset(t.data_ptr(), 255, 10**9)",
    "double_free": (
        "import ctypes\nc = ctypes.CDLL(None)\nc.malloc.restype = ctypes.c_void_p\n"
        "p = ctypes.c_void_p(c.malloc(100))\nc.free(p)\nc.free(p)"
    ),
    "recursive_repr": "class R:\n    def __repr__(self):\n        return repr(self)\nrepr(R())",
    "recursive_except": (
        "def f():\n    try:\n        f()\n    finally:\n        f()\nimport sys\nsys.setrecursionlimit(40)\nf()"
    ),
}


@case(27, "segmentation fault, abort, runaway recursion", "zero")
@pytest.mark.parametrize("name", CRASHES)
def test_crash(arena, short_limits, name):
    twice(arena, textwrap.dedent(CRASHES[name]) + "\nraise RuntimeError('it did not crash')")
    arena.survives(zero=(TARGET, OTHER), says=LOST)


LOOPS = {
    "plain": "while True:\n    pass",
    "catches_everything": (
        "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"
    ),
    "in_c": "import itertools, collections\ncollections.deque(itertools.repeat(0), maxlen=0)",
    "big_integer": "9 ** 9 ** 9",
    "regular_expression": "import re\nre.match('(a*)*b', 'a' * 60)",
    "sleep": "import time\ntime.sleep(10**6)",
    "lock": "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    "signals_blocked": """
        import signal
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
        while True:
            pass
    """,
    "finalizer": "class D:\n    def __del__(self):\n        while True:\n            pass\nD()",
    "waits_for_a_pipe": "import os\nr, w = os.pipe()\nos.read(r, 1)",
}


ENDED = "took more than|without computing|far more time"


@case(28, "an endless loop, also one that catches everything", "zero")
@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "catches_everything", "big_integer", "lock"])
def test_endless_cell(arena, short_limits, name):
    arena.answer(at_definition(LOOPS[name]))
    arena.survives(says=ENDED)


@case(28, "an endless loop, also one that catches everything", "zero")
@pytest.mark.slow
@pytest.mark.parametrize("name", LOOPS)
def test_endless_call(arena, short_limits, name):
    arena.answer(at_call(LOOPS[name]))
    arena.survives(says=ENDED)


@case(28, "an endless loop, also one that catches everything", "zero")
@pytest.mark.slow
def test_endless_in_every_exercise(arena, short_limits):
    """Six loops take what six exercises may take and no more: then their tests are not even begun."""
    ids = tuple(arena.expected)
    for exercise in ids:
        names = {"so-robbins-monro": ("robbins_monro", "satisfies_robbins_monro")}.get(exercise)
        source = "".join(f"def {n}(*a, **k):\n    while True:\n        pass\n\n\n" for n in names or (NAMES[exercise],))
        arena.answer(source, exercise)
    result = arena.survives(zero=ids, says=ENDED)
    for exercise in result.exercises:
        assert sum("took more than" in test.message for test in exercise.tests) <= 3, exercise


NAMES = {
    "so-minibatch-gradient": "minibatch_gradient",
    "so-gradient-variance": "gradient_variance",
    "so-sgd": "sgd",
    "so-samples-to-target": "samples_to_target",
    "so-critical-batch-knee": "simple_critical_batch",
}


@case(28, "an endless loop, also one that catches everything", "merit")
@pytest.mark.slow
def test_endless_cell_of_her_own(arena, short_limits):
    arena.extra("while True:\n    pass")
    arena.survives()


# 3 GB at most, should nothing hold them.
BOMBS = {
    "bytes": "hoard = [bytes(2**26).replace(b'\\0', b'x') for n in range(45)]",
    "bytearray": "hoard = bytearray()\nfor n in range(45):\n    hoard += b'x' * 2**26",
    "list": "hoard = list(range(75_000_000))",
    "doubling": "hoard = 'x'\nfor n in range(31):\n    hoard += hoard",
    "tensors": "hoard = [torch.ones(2**24) for n in range(45)]",
    "one_tensor": "hoard = torch.ones(700_000_000)",
    "huge_request": "hoard = torch.empty(2**50, dtype=torch.uint8)",
    "numpy": "import numpy\nhoard = [numpy.ones(2**23) for n in range(45)]",
    "mapping": (
        "import mmap\nhoard = []\nfor n in range(45):\n    m = mmap.mmap(-1, 2**26)\n"
        "    m.write(b'x' * 2**26)\n    hoard.append(m)"
    ),
    "private_mapping": (
        "import mmap\nhoard = []\nfor n in range(45):\n"
        "    m = mmap.mmap(-1, 2**26, flags=mmap.MAP_PRIVATE)\n    m.write(b'x' * 2**26)\n"
        "    hoard.append(m)"
    ),
    "malloc": (
        "import ctypes\nc = ctypes.CDLL(None)\nc.malloc.restype = ctypes.c_void_p\nfor n in range(45):\n"
        "    p = c.malloc(2**26)\n    assert p, 'no memory'\n    ctypes.memset(p, 1, 2**26)"
    ),
    "memory_file": "import os\nfd = os.memfd_create('x')\nfor n in range(45):\n    os.write(fd, b'x' * 2**26)",
    "scratch_files": "for n in range(45):\n    open(f'{n}', 'wb').write(b'x' * 2**26)",
    "pipes": (
        "import os, fcntl\nfor n in range(45):\n    r, w = os.pipe()\n    fcntl.fcntl(w, 1031, 2**20)\n"
        "    os.write(w, b'x' * 2**20)\nraise MemoryError('only 45 MB in pipes')"
    ),
    "swallowed": (
        "hoard = []\nfor n in range(200):\n    try:\n        hoard.append(b'x' * 2**24)\n"
        "    except MemoryError:\n        pass\nraise MemoryError('kept what there was')"
    ),
    "stacks": (
        "import threading\nthreading.stack_size(2**28)\nwait = threading.Event()\nfor n in range(12):\n"
        "    threading.Thread(target=wait.wait, args=(300,), daemon=True).start()\n"
        "raise MemoryError('reserved 3 GB')"
    ),
}


@case(29, "memory bomb", "zero")
@pytest.mark.parametrize("name", BOMBS)
def test_memory_bomb(arena, name):
    """What is held raises nothing: a bomb that goes off leaves a right answer, and fails the test."""
    honest = right(OTHER).replace("def samples_to_target(", "def honest_samples(")
    arena.answer(at_definition(BOMBS[name]))
    answer = "return honest_samples(losses, batch_size, target)"
    arena.answer(f"{honest}\n\n{at_call(BOMBS[name], answer, OTHER)}", OTHER)
    arena.survives(zero=(TARGET, OTHER), says="memory|" + LOST)


@case(29, "memory bomb", "zero")
def test_endless_result(arena):
    """Views cost nothing to make and petabytes to write down."""
    arena.answer(at_call("", "return torch.zeros(1).expand(10**15)"))
    arena.survives(says="large|shape|memory")


FORKS = {
    "fork": """
        import os, time
        for n in range(200):
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
        return True
    """,
    "doubling": """
        import os, time
        for n in range(7):
            if os.fork() == 0:
                born = True
        time.sleep(60)
        return True
    """,
    "spawn": "import os\nfor n in range(100):\n    os.posix_spawn('/bin/sleep', ['sleep', '60'], {})\nreturn True",
    "subprocess": "import subprocess\nfor n in range(100):\n    subprocess.Popen(['sleep', '60'])\nreturn True",
    "shell": "import os\nreturn os.system('for n in 1 2 3 4 5 6 7 8 9; do sleep 60 & done') == 0",
    "system_call": """
        import ctypes, os, time
        c = ctypes.CDLL(None)
        for n in range(100):
            pid = c.syscall(57)
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            if pid < 0:
                return False
        return True
    """,
    "clone": """
        import ctypes, os, time
        c = ctypes.CDLL(None)
        for n in range(100):
            pid = c.syscall(56, 17, 0, 0, 0, 0)
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            if pid < 0:
                return False
        return True
    """,
    "clone3": """
        import ctypes, os, time
        c = ctypes.CDLL(None)
        arguments = (ctypes.c_uint64 * 11)(0, 0, 0, 0, 17)
        for n in range(100):
            pid = c.syscall(435, arguments, 88)
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            if pid < 0:
                return False
        return True
    """,
    "vfork": (
        "import ctypes, os\nc = ctypes.CDLL(None)\npid = c.syscall(58)\nif pid == 0:\n    os._exit(0)\nreturn pid > 0"
    ),
    "multiprocessing": (
        "import multiprocessing, time\nc = multiprocessing.get_context('fork')\nfor n in range(100):\n"
        "    c.Process(target=time.sleep, args=(60,)).start()\nreturn True"
    ),
    "pool": (
        "from concurrent.futures import ProcessPoolExecutor\nwith ProcessPoolExecutor(8) as pool:\n"
        "    return list(pool.map(abs, range(8)))"
    ),
    "loader": "d = torch.utils.data.DataLoader(list(range(8)), num_workers=8)\nreturn list(d)",
    "terminal": "import os, pty\npid, fd = pty.fork()\nif pid == 0:\n    os._exit(0)\nreturn True",
    "async": (
        "import asyncio\nasync def f():\n    return await asyncio.create_subprocess_shell('sleep 60')\n"
        "return asyncio.run(f())"
    ),
    "threads": """
        import threading
        wait = threading.Event()
        for n in range(1000):
            threading.Thread(target=wait.wait, args=(60,), daemon=True).start()
        return True
    """,
}


@case(30, "fork bomb", "zero")
def test_fork_bomb(arena):
    arena.answer(heist(again=False, **FORKS))
    arena.survives(says="gradient|tried|replaced|installed|left")


@case(30, "fork bomb", "zero")
def test_fork_bomb_aloud(arena):
    arena.answer(at_definition("import os\nif os.fork() == 0:\n    os._exit(0)"))
    arena.survives(says="Error|not permitted|tried")


DAEMONS = {
    "double_fork": """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for n in range(100):
                    time.sleep(3)
            os._exit(0)
    """,
    "nohup": "import subprocess\nsubprocess.Popen('nohup setsid sleep 300 &', shell=True)",
    "script": "get_ipython().run_cell_magic('bash', '--bg', 'sleep 300')",
    "background": "get_ipython().system('sleep 300 &')",
    "at_exit": "import atexit, time\natexit.register(time.sleep, 300)",
    "thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(300,)).start()",
    "many_threads": (
        "import threading, time\nfor n in range(20):\n    threading.Thread(target=time.sleep, args=(300,)).start()"
    ),
    "daemon_thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(300,), daemon=True).start()",
    "timer": "import threading\nthreading.Timer(300, print).start()",
    "talking_thread": """
        import threading, time
        def talk():
            while True:
                print("still here")
                time.sleep(0.01)
        threading.Thread(target=talk).start()
    """,
    "finalizer": (
        "import weakref, time\nclass C: pass\nc = C()\nglobals().setdefault('kept', []).append(c)\n"
        "weakref.finalize(c, time.sleep, 300)"
    ),
    "stubborn": "import signal\nfor n in (1, 2, 3, 13, 15):\n    signal.signal(n, lambda *a: None)",
    "shutdown_thread": """
        import threading, time
        def after():
            threading.main_thread().join()
            while True:
                time.sleep(1)
        threading.Thread(target=after).start()
    """,
    "executor": (
        "from concurrent.futures import ThreadPoolExecutor\nimport time\nkept = ThreadPoolExecutor(4)\n"
        "kept.submit(time.sleep, 300)"
    ),
    "event_loop": "import asyncio\nkept = asyncio.new_event_loop()\nkept.create_task(asyncio.sleep(300))",
}


@case(31, "a daemon that outlives the run", "merit")
@pytest.mark.parametrize("name", DAEMONS)
def test_daemon(arena, name):
    """The answers are right; what they leave running, from the cell and from the first call, must be gone."""
    body = textwrap.indent(textwrap.dedent(DAEMONS[name]).strip("\n"), "    ")
    quiet = f"try:\n{body}\nexcept Exception:\n    pass\n"
    once = f"if not started:\n    started.append(1)\n{textwrap.indent(quiet, '    ')}"
    arena.answer(f"started = []\n{quiet}\n{right_at_call(once)}")
    arena.survives()


@case(31, "a daemon that outlives the run", "zero or merit")
@pytest.mark.parametrize("count", [1, 4])
def test_busy_thread(arena, count):
    """It eats the time of its own exercise at most."""
    spin = (
        f"import threading\ndef spin():\n    while True:\n        pass\nfor n in range({count}):\n"
        f"    threading.Thread(target=spin).start()"
    )
    arena.answer(after_definition(spin))
    arena.survives(says="time|took| s")


@case(31, "a daemon that outlives the run", "merit")
def test_nothing_is_left_by_a_cell_of_her_own(arena):
    body = textwrap.indent(textwrap.dedent(DAEMONS["double_fork"]).strip("\n"), "    ")
    arena.extra(f"try:\n{body}\nexcept OSError:\n    pass")
    arena.survives()


def test_a_leftover_would_be_seen(tmp_path):
    """The check of rows 1 to 52 itself: a daemon whose parents are gone is found."""
    import os
    import signal
    import subprocess
    import sys

    watch.adopt_orphans()
    before = list(watch.descendants(os.getpid()).values())
    marker = tmp_path / "pid"
    daemon = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        f"        open({str(marker)!r}, 'w').write(str(os.getpid()))\n        time.sleep(300)\n"
        f"    os._exit(0)\nos.wait()\n"
    )
    subprocess.run([sys.executable, "-c", daemon], check=True)
    until(lambda: marker.exists() and marker.read_text(), "the daemon")
    try:
        left = watch.leftovers(os.getpid(), before, wait=0.5)
        assert [process.pid for process in left] == [int(Path(marker).read_text())]
    finally:
        os.kill(int(marker.read_text()), signal.SIGKILL)
        os.waitpid(int(marker.read_text()), 0)
    assert not watch.leftovers(os.getpid(), before, wait=0.5)


OUTPUTS = {
    "one_line": "print('x' * 10**8)",
    "many_lines": "for n in range(300_000):\n    print(n)",
    "at_once": "print('\\n' * 300_000)",
    "errors": "import sys\nprint('x' * 10**8, file=sys.stderr)",
    "displayed": "from IPython.display import display, HTML\ndisplay(HTML('x' * 10**8))",
    "displays": "from IPython.display import display\nfor n in range(20_000):\n    display(n)",
    "descriptor": "import os\nfor n in range(100):\n    os.write(1, b'x' * 10**6)\n    os.write(2, b'x' * 10**6)",
    "updates": (
        "from IPython.display import display\nh = display('x', display_id=True)\nfor n in range(20_000):\n"
        "    h.update(n)"
    ),
    "cleared": (
        "from IPython.display import clear_output\nfor n in range(20_000):\n    print(n)\n    clear_output(wait=True)"
    ),
    "picture": "from IPython.display import display\ndisplay({'image/png': 'A' * 10**8}, raw=True)",
    "nested": (
        "from IPython.display import display\nx = {}\nfor n in range(500):\n    x = {'x': x}\n"
        "display({'application/json': x, 'text/plain': 'x'}, raw=True)"
    ),
    "keys": "from IPython.display import display\ndisplay({f'text/{n}': 'x' for n in range(100_000)}, raw=True)",
    "figures": (
        "import matplotlib.pyplot as plt\nfor n in range(8):\n    plt.figure()\n    plt.plot([1, 2])\nplt.show()"
    ),
    "warnings": "import warnings\nfor n in range(20_000):\n    warnings.warn(str(n))",
}


@case(32, "a hundred megabytes on one line; 300,000 lines", "zero or merit")
@pytest.mark.parametrize("name", OUTPUTS)
def test_output(arena, name):
    """In a cell of her own, after a right answer, and in the call of another."""
    arena.extra(OUTPUTS[name])
    arena.answer(f"{right(OTHER)}\n\n{OUTPUTS[name]}", OTHER)
    arena.answer(right_at_call(OUTPUTS[name]))
    arena.survives(zero=(TARGET, OTHER), says="output|large|memory|took|time|not defined")
    size = (arena.folder / "results" / ASSIGNMENT / "mallory.json").stat().st_size
    assert size < 5_000_000, f"the result has {size:,} bytes"


@case(32, "a hundred megabytes on one line; 300,000 lines", "zero")
def test_long_message(arena):
    arena.answer(at_call("raise ValueError('x' * 10**8)"))
    result = arena.survives(says="ValueError")
    assert len(result.dumps()) < 2_000_000


# 400 MB at most, should nothing hold them.
DISKS = {
    "scratch": "",
    "temporary": "import os, tempfile\nos.chdir(tempfile.mkdtemp())",
    "tmp": "import os\nos.makedirs('/tmp/hostile_suite_disk', exist_ok=True)\nos.chdir('/tmp/hostile_suite_disk')",
    "outside": "import os\nos.chdir('@OUTSIDE@')",
    "shared_memory": (
        "import os\nos.makedirs('/dev/shm/hostile_suite_disk', exist_ok=True)\nos.chdir('/dev/shm/hostile_suite_disk')"
    ),
    "home": "import os\nos.chdir(os.path.expanduser('~'))",
}


@case(33, "filling the disk", "zero")
def test_full_disk(arena):
    write = (
        "import os\nnames = []\nblock = os.urandom(2**20) * 8\ntry:\n    for n in range(50):\n"
        "        with open(f'filler{n}', 'wb', 0) as f:\n            names.append(f.name)\n"
        "            assert f.write(block) == len(block)\n    return True\nfinally:\n"
        "    for name in names:\n        os.remove(name)"
    )
    arena.answer(heist(again=False, **{name: f"{place}\n{write}" for name, place in DISKS.items()}))
    arena.survives(says="gradient|tried|replaced|installed|left")


FULL_SCRATCH = {
    "one_file": (
        "with open('filler', 'wb', 0) as f:\n    for n in range(50):\n"
        "        assert f.write(b'x' * 2**23) == 2**23\nreturn True"
    ),
    "reserved": "import os\nos.posix_fallocate(os.open('filler', os.O_RDWR | os.O_CREAT), 0, 400 * 2**20)\nreturn True",
    "many_files": "for n in range(200_000):\n    open(f'{n}', 'w').close()\nreturn True",
    "many_folders": "import os\nfor n in range(200_000):\n    os.mkdir(f'{n}')\nreturn True",
    "mapped": (
        "import mmap, os\nfd = os.open('filler', os.O_RDWR | os.O_CREAT)\nos.ftruncate(fd, 400 * 2**20)\n"
        "m = mmap.mmap(fd, 400 * 2**20)\nfor n in range(0, 400 * 2**20, 4096):\n    m[n] = 1\nreturn True"
    ),
    "checkpoint": "torch.save(torch.ones(100_000_000), 'filler')\nreturn True",
    "picture": "import numpy\nnumpy.save('filler', numpy.ones(50_000_000))\nreturn True",
    "deep": "import os\nfor n in range(100_000):\n    os.mkdir('d')\n    os.chdir('d')\nreturn True",
}


@case(33, "filling the disk", "zero")
def test_full_scratch(arena, long_limits):
    arena.answer(heist(again=False, **FULL_SCRATCH))
    arena.survives(says="gradient|tried|replaced|installed|left")


WAITS = {
    "input": "input('your name? ')",
    "password": "import getpass\ngetpass.getpass()",
    "standard_input": "import sys\nsys.stdin.read()",
    "read_line": "import sys\nsys.stdin.readline()",
    "descriptor": "import os\nos.read(0, 1)",
    "debug": "%debug",
    "debug_after_error": "%pdb on\n1 / 0",
    "breakpoint": "breakpoint()",
    "pdb": "import pdb\npdb.set_trace()",
    "ipdb": "from IPython.core.debugger import set_trace\nset_trace()",
    "embed": "import IPython\nIPython.embed()",
    "interact_console": "import code\ncode.interact()",
    "show": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show(block=True)",
    "show_with_window": (
        "import matplotlib\nmatplotlib.use('TkAgg')\nimport matplotlib.pyplot as plt\nplt.plot([1])\n"
        "plt.show(block=True)"
    ),
    "widget": "%matplotlib widget",
    "gui": "%gui qt",
    "interact": "from ipywidgets import interact\n@interact(x=(0, 10))\ndef f(x=3):\n    print(x)",
    "interact_manual": "from ipywidgets import interact_manual\ninteract_manual(lambda x: x, x=(0, 10))",
    "button": "import ipywidgets\nb = ipywidgets.Button(description='Go')\nb.on_click(print)\ndisplay(b)",
    "progress": "from tqdm.auto import tqdm\nfor n in tqdm(range(100)):\n    pass",
    "pager": "print?",
    "source": "torch.nn.Linear??",
    "help": "help(print)",
    "help_console": "help()",
    "shell_pager": "!less /etc/hosts",
    "shell_input": "!read x",
    "cat": "!cat",
    "pip": "%pip install numpy",
    "edit": "%edit",
    "bash": "%%bash\ncat",
    "browser": "import webbrowser\nwebbrowser.open('http://127.0.0.1/')",
    "top_level_await": "import asyncio\nawait asyncio.sleep(0)",
    "nested_loop": "import asyncio\nasyncio.get_event_loop().run_until_complete(asyncio.sleep(0))",
    "unknown_magic": "%no_such_magic",
    "ginput": "import matplotlib.pyplot as plt\nplt.plot([1])\nplt.waitforbuttonpress(timeout=-1)",
}


LINES = [name for name in WAITS if not WAITS[name].startswith("%%")]


@case(34, "input(), %debug, a blocking plt.show(), interact", "merit")
@pytest.mark.parametrize("start", range(0, len(WAITS), 6))
def test_waiting_in_cells_of_her_own(arena, start):
    for name in list(WAITS)[start : start + 6]:
        arena.extra(WAITS[name])
    arena.survives()


@case(34, "input(), %debug, a blocking plt.show(), interact", "merit")
@pytest.mark.parametrize("start", range(0, len(LINES), 6))
def test_waiting_after_the_answers(arena, start):
    for name, exercise in zip(LINES[start : start + 6], arena.expected, strict=False):
        arena.answer(f"{right(exercise)}\n\n{WAITS[name]}", exercise)
    arena.survives()


@case(34, "input(), %debug, a blocking plt.show(), interact", "zero")
@pytest.mark.parametrize("name", ["input", "breakpoint", "pdb", "embed", "interact_console", "help_console"])
def test_waiting_in_the_call(arena, name):
    arena.answer(at_call(WAITS[name]))
    arena.survives(says="gradient|tried|replaced|installed|left")


THREADS = {
    "threads": "torch.set_num_threads(64)",
    "interop": "try:\n    torch.set_num_interop_threads(64)\nexcept RuntimeError:\n    pass",
    "environment": "import os\nos.environ['OMP_NUM_THREADS'] = os.environ['MKL_NUM_THREADS'] = '64'",
    "both": "torch.set_num_threads(64)\ntorch.randn(600, 600) @ torch.randn(600, 600)",
    "affinity": "import os\ntry:\n    os.sched_setaffinity(0, {0})\nexcept OSError:\n    pass",
    "nice": "import os\ntry:\n    os.nice(19)\nexcept OSError:\n    pass",
    "seeds": "import random, numpy\ntorch.manual_seed(0)\nnumpy.random.seed(0)\nrandom.seed(0)",
    "gradients_off": "torch.set_grad_enabled(False)",
    "print_options": "torch.set_printoptions(precision=1, profile='full')",
    "default_dtype": "torch.set_default_dtype(torch.float64)",
    "numpy_errors": "import numpy\nnumpy.seterr(all='ignore')",
    "deterministic": "torch.use_deterministic_algorithms(True)",
    "anomaly": "torch.autograd.set_detect_anomaly(True)",
    "garbage_collector": "import gc\ngc.disable()\ngc.freeze()",
    "locale": "import locale\nlocale.setlocale(locale.LC_ALL, 'C')",
    "working_folder": "import os, tempfile\nos.chdir(tempfile.gettempdir())",
}


@case(35, "torch.set_num_threads(64) and other global settings", "merit")
@pytest.mark.parametrize("name", THREADS)
def test_settings(arena, name):
    arena.answer(f"import torch\n{THREADS[name]}\n\n{right_at_call(THREADS[name])}")
    arena.survives()
