"""Rows 44 to 46: what comes back from the worker is data, however hard somebody tries."""

import csv
import json
import os
import re
import subprocess
import sys

import pytest

from autograde.bank import find
from autograde.sandbox.paths import ROOT
from tests.hostile import cells
from tests.hostile.cells import ASSIGNMENT, OTHER, TARGET, at_call, right, right_at_call, wrong_after
from tests.hostile.rows import case, variants

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# Whoever unpickles this writes a file; the surroundings are compared after every run.
PWN = """
class Pwn:
    def __reduce__(self):
        return (open, ("@OUTSIDE@/unpickled", "w"))
"""


@case(44, "a pickle where data belongs", "zero")
@variants(
    object_="return Pwn()",
    in_a_list="return [Pwn()] * 3",
    in_a_dict="return {'value': Pwn(), Pwn(): 1}",
    bytes_="import pickle\n    return pickle.dumps(Pwn())",
    text="import pickle\n    return pickle.dumps(Pwn(), 0).decode()",
    object_array="import numpy\n    return numpy.array([Pwn()] * len(theta), dtype=object)",
    structured_array="import numpy\n    return numpy.array([(1, Pwn())], dtype=[('a', 'f8'), ('b', 'O')])",
    saved="import io\n    b = io.BytesIO()\n    torch.save(Pwn(), b)\n    return b.getvalue()",
    array_bytes="import pickle, numpy\n    return numpy.frombuffer(pickle.dumps(Pwn()), dtype='u1')",
    tensor_attribute="result = torch.zeros_like(theta)\n    result.extra = Pwn()\n    return result",
    tensor_reduce=(
        "class T(torch.Tensor):\n        __reduce_ex__ = lambda self, n: Pwn().__reduce__()\n"
        "    return theta.as_subclass(T)"
    ),
    raised="raise type('E', (Exception,), {'__reduce__': Pwn.__reduce__})('boo')",
    raised_argument="raise RuntimeError(Pwn())",
    generator="return (Pwn() for n in range(3))",
    module="return torch",
    function="return lambda *a, **k: Pwn()",
    type_="return Pwn",
    memoryview_="return memoryview(b'cposix\\nsystem\\n')",
    ellipsis="return [..., NotImplemented, object(), range(3), {1, 2}, b'x', 1j, slice(1)]",
    reference="return {'__type__': 'reference', 'number': 1, 'callable': True, '$ref': 1, '__class__': 'Pwn'}",
)
def test_pickle(arena, source):
    arena.answer(f"import torch\n{PWN}\n\ndef minibatch_gradient(theta, X, y, idx):\n    {source}\n")
    arena.survives(says="gradient|tried|replaced|installed|left")


# Writes to whatever the worker has open. `payload` is a list of byte strings.
WRITE_ALL = """
    import os, stat
    for fd in range(256):
        try:
            mode = os.fstat(fd).st_mode
            if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
                for part in payload:
                    os.set_blocking(fd, False)
                    os.write(fd, part)
        except OSError:
            pass
"""
FRAMES = {
    "pickle": "payload = [b'cposix\\nsystem\\n(S\"touch @OUTSIDE@/unpickled\"\\ntR.']",
    "multiprocessing": (
        "import struct\nbody = b'cposix\\nsystem\\n(S\"touch @OUTSIDE@/unpickled\"\\ntR.'\n"
        "payload = [struct.pack('!i', len(body)) + body]"
    ),
    "zeros": "payload = [bytes(10**6)]",
    "ones": "payload = [b'\\xff' * 10**6]",
    "newlines": "payload = [b'\\n' * 10**6]",
    "verdict": (
        "import json\n"
        "payload = [json.dumps({'points': 7, 'passed': True, 'kind': 'result', 'value': 7}).encode() + b'\\n']"
    ),
    "huge_frame": "import struct\npayload = [struct.pack('>II', 2**32 - 1, 2**32 - 1), struct.pack('>Q', 2**63)]",
    "empty_frames": "import struct\npayload = [struct.pack('>II', 0, 0) * 1000]",
    "nested_frame": (
        "import struct\ntext = b'[' * 10**5 + b']' * 10**5\npayload = [struct.pack('>II', len(text), 0) + text]"
    ),
    "object_frame": (
        'import struct\ntext = b\'{"storages": 7, "changed": "x", "call": -1, "id": 1e400}\'\n'
        "payload = [struct.pack('>II', len(text), 0) + text]"
    ),
    "duplicate_keys": (
        'import struct\ntext = b\'{"result": 1, "result": 2, "call": 1, "call": 2}\'\n'
        "payload = [struct.pack('>II', len(text), 0) + text]"
    ),
    "not_utf_8": "import struct\ntext = b'{\"\\xff\\xfe\": 1}'\npayload = [struct.pack('>II', len(text), 0) + text]",
    "nan": (
        'import struct\ntext = b\'{"result": NaN, "value": Infinity, "error": -Infinity}\'\n'
        "payload = [struct.pack('>II', len(text), 0) + text]"
    ),
    "many_calls": (
        "import struct, json\npayload = []\nfor n in range(2000):\n"
        "    text = json.dumps({'call': n, 'id': n, 'number': n, 'kind': 'result', 'result': 0}).encode()\n"
        "    payload.append(struct.pack('>II', len(text), 0) + text)"
    ),
    "half_a_frame": "import struct\npayload = [struct.pack('>II', 100, 0) + b'{']",
}


@case(44, "a pickle where data belongs", "zero")
@pytest.mark.parametrize("name", ["pickle", "multiprocessing"])
def test_pickle_on_the_pipe(arena, name):
    """From the cell of one exercise, and from the call of another."""
    attack = cells.code(FRAMES[name]) + cells.code(WRITE_ALL)
    arena.answer(wrong_after(attack))
    arena.answer(at_call(attack, exercise=OTHER), OTHER)
    arena.survives(zero=(TARGET, OTHER))


@case(45, "a flood, nested or duplicate keys, another call's answer", "zero")
@pytest.mark.parametrize("name", [name for name in FRAMES if name not in ("pickle", "multiprocessing")])
def test_forged_frames(arena, name):
    """From the cell of one exercise, and from the call of another."""
    attack = cells.code(FRAMES[name]) + cells.code(WRITE_ALL)
    arena.answer(wrong_after(attack))
    arena.answer(at_call(attack, exercise=OTHER), OTHER)
    arena.survives(zero=(TARGET, OTHER))


# Records every frame that the worker writes for the first, honest call, and sends it again for all others.
REPLAY = """
import os, socket
sent = []
real = os.write

def recording(fd, data):
    sent.append((fd, bytes(data)))
    return real(fd, data)

os.write = recording
for name in ("send", "sendall", "sendmsg"):
    try:
        old = getattr(socket.socket, name)
        setattr(socket.socket, name, lambda self, *parts, old=old: (sent.append(parts), old(self, *parts))[1])
    except (AttributeError, TypeError):
        pass
"""


@case(45, "a flood, nested or duplicate keys, another call's answer", "zero")
@pytest.mark.parametrize("copies", [1, 100])
def test_replayed_answers(arena, copies):
    """An answer that was right for one call is sent for the next ones."""
    arena.answer(
        f"import torch\n{REPLAY}\n{honest()}\ncalls = []\n\n"
        "def minibatch_gradient(theta, X, y, idx):\n    calls.append(1)\n"
        "    if len(calls) == 1:\n        return honest_gradient(theta, X, y, idx)\n"
        f"    for entry in sent[-3:] * {copies}:\n        try:\n            real(entry[0], entry[1])\n"
        "        except (OSError, TypeError):\n            pass\n    return torch.zeros_like(theta)\n"
    )
    arena.survives()


@case(45, "a flood, nested or duplicate keys, another call's answer", "zero")
@variants(
    large_tensor="return torch.zeros(20_000_000)",
    larger_tensor="return torch.zeros(10**8, dtype=torch.uint8)",
    expanded="return torch.zeros(1).expand(10**12)",
    many_dimensions="return torch.zeros([1] * 60)",
    empty_huge="return torch.zeros(0, 10**15)",
    meta="return torch.zeros(10**15, device='meta')",
    sparse="return torch.sparse_coo_tensor(torch.zeros(1, 1, dtype=torch.long), torch.ones(1), (2**40,))",
    quantized="return torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.qint8)",
    nested_tensor="return torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])",
    text="return 'x' * 10**8",
    bytes_="return b'x' * 10**8",
    integer="return 10**10_000_000",
    integer_in_list="return [10**5000]",
    long_list="return [0] * 10_000_000",
    many_tensors="return [torch.zeros(1) for n in range(200_000)]",
    nested="x = []\nfor n in range(100_000):\n    x = [x]\nreturn x",
    nested_shallow="x = 0.0\nfor n in range(900):\n    x = (x,)\nreturn x",
    nested_dict="x = {}\nfor n in range(100_000):\n    x = {'x': x}\nreturn x",
    itself="x = []\nx.append(x)\nreturn x",
    itself_dict="x = {}\nx['x'] = x\nreturn x",
    doubling="x = [0.0]\nfor n in range(60):\n    x = [x, x]\nreturn x",
    endless="import itertools\nreturn itertools.count()",
    keys="return {n: n for n in range(1_000_000)}",
    strange_keys="return {float('nan'): 1, float('nan'): 2, (1, 2): 3, None: 4, True: 5, 1.0: 6}",
    equal_keys=(
        "class K(str):\n    __eq__ = lambda self, other: False\n    __hash__ = lambda self: id(self)\n"
        "return {K('x'): 1, K('x'): 2}"
    ),
    surrogates="return '\\ud800' * 100",
    awaitable="async def later():\n    return theta\nreturn later()",
    lying_length=(
        "class L(list):\n    __len__ = lambda self: 10**15\n    __iter__ = lambda self: iter(int, 1)\nreturn L()"
    ),
    lying_shape=(
        "class T(torch.Tensor):\n    shape = property(lambda self: torch.Size([10**9] * 9))\n"
        "    numpy = tolist = lambda self: [0] * 10**9\nreturn theta.as_subclass(T)"
    ),
    lying_array="import numpy\nreturn numpy.lib.stride_tricks.as_strided(numpy.zeros(1), (10**12,), (0,))",
)
def test_floods(arena, short_limits, source):
    arena.answer(
        "import torch\n\n\ndef minibatch_gradient(theta, X, y, idx):\n" + cells.textwrap.indent(source, "    ")
    )
    arena.survives(says="gradient|tried|replaced|installed|left")


@case(45, "a flood, nested or duplicate keys, another call's answer", "zero")
@variants(
    many_calls="while True:\n        grad(theta0, 0)",
    strange_arguments=(
        "for value in (None, 'x', object(), [], {}, grad, lr, float('nan'), 10**400, torch.zeros(0)):\n"
        "        try:\n            grad(value, value)\n        except Exception:\n            pass"
    ),
    many_arguments="grad(*[theta0] * 10_000)",
    keywords="grad(theta=theta0, t=0, __class__=1, self=2, **{'x' * 10**6: 1})",
    large_argument="grad(torch.zeros(50_000_000), 0)",
    from_threads=(
        "import threading\n    ts = [threading.Thread(target=grad, args=(theta0, n)) for n in range(20)]\n"
        "    [t.start() for t in ts]\n    [t.join() for t in ts]"
    ),
    itself="grad(grad, lr)",
    attributes="grad.__globals__['expected'] = grad.__closure__",
    attribute_set="grad.__code__ = lr.__code__ = (lambda *a: 0).__code__",
    inside_a_callback="grad(theta0, lambda *a: grad(theta0, 0))",
    hooked="theta0.requires_grad_(True).register_hook(lambda g: 1 / 0)\n    grad(theta0, 0)",
)
def test_abused_oracle(arena, short_limits, source):
    """The judge's functions are called in ways they were not meant for."""
    arena.answer(
        f"import torch\n\ndef sgd(grad, theta0, lr, steps):\n    {source}\n"
        "    return torch.zeros(abs(steps) + 1, len(theta0))\n",
        "so-sgd",
    )
    arena.survives(zero=("so-sgd",))


@case(45, "a flood, nested or duplicate keys, another call's answer", "zero")
def test_oracle_kept_for_later(arena):
    """An oracle of one call is asked in the next exercise, where it must be gone; the next exercise is not touched."""
    arena.answer(
        "import torch\nkept = []\n\ndef sgd(grad, theta0, lr, steps):\n    kept.append((grad, theta0))\n"
        "    for old, start in kept[:-1]:\n        try:\n            old(start, 0)\n"
        "        except Exception:\n            pass\n"
        "    return torch.zeros(abs(steps) + 1, len(theta0))\n",
        "so-sgd",
    )
    honest_samples = cells.right("so-samples-to-target").replace("def samples_to_target(", "def honest_samples(")
    arena.answer(
        f"{honest_samples}\n\ndef samples_to_target(losses, batch_size, target):\n"
        "    for old, start in globals().get('kept', ()):\n        try:\n            old(start, 0)\n"
        "        except Exception:\n            pass\n    return honest_samples(losses, batch_size, target)\n",
        "so-samples-to-target",
    )
    arena.survives(zero=("so-sgd",))


@case(45, "a flood, nested or duplicate keys, another call's answer", "zero or merit")
def test_late_answers(arena):
    """A thread goes on writing to the pipe after the call has been answered."""
    write = cells.textwrap.indent(cells.code(WRITE_ALL), "        ")
    arena.answer(
        f"{right()}\n\nimport threading, time\n\ndef later():\n    payload = [b'{{}}' * 10]\n    for n in range(100):\n"
        f"        time.sleep(0.02)\n{write}\nthreading.Thread(target=later, daemon=True).start()\n"
    )
    arena.survives()


def honest():
    return right().replace("def minibatch_gradient(", "def honest_gradient(")


ESCAPES = {
    "title": "\x1b]0;pwned\x07",
    "colour": "\x1b[31mred",
    "clear": "\x1b[2J\x1b[H",
    "eight_bit": "\x9b31m",
    "hyperlink": "\x1b]8;;http://example.org\x07click\x1b]8;;\x07",
    "clipboard": "\x1b]52;c;cHduZWQ=\x07",
    "bell": "\x07\x08\x7f",
    "newline": "fine\n41 of 41 points\r\x1b[K",
    "right_to_left": "\u202e\u2066pwned",
    "formula": '=HYPERLINK("http://example.org";"x")',
    "command": "=cmd|'/C calc'!A0",
    "plus": "+1+1",
    "minus": "-1+1",
    "at": "@SUM(1)",
    "tab": "\t=1+1",
    "return": "\r=1+1",
    "quote": '",=1+1,"',
    "semicolon": ";=1+1",
    "full_width": "\uff1d1+1",
    "null": "a\0b",
    "surrogate": "\ud83d",
    "markup": "</td></table>&lt;<b>",
    "template": "{{7*7}} {% x %} %s %n ${HOME}",
    "long": "A" * 100_000,
}


@case(46, "terminal escapes or formulas in names and messages", "zero")
@pytest.mark.parametrize("start", range(0, len(ESCAPES), 6))
def test_escapes_in_messages(arena, start):
    ids = tuple(arena.expected)[: len(list(ESCAPES)[start : start + 6])]
    for name, exercise in zip(list(ESCAPES)[start : start + 6], ids, strict=True):
        functions = find(exercise).functions
        source = "".join(f"def {f}(*a, **k):\n    raise RuntimeError({ESCAPES[name]!r})\n\n" for f in functions)
        arena.answer(source, exercise)
    arena.survives(zero=ids, says="RuntimeError")
    harmless(arena)


@case(46, "terminal escapes or formulas in names and messages", "merit")
def test_escapes_elsewhere(arena):
    """In what is printed, in the names of files, in the metadata and in cells of her own."""
    for text in ESCAPES.values():
        arena.extra(f"print({text!r})\nraise RuntimeError({text!r})")
        arena.extra(text, kind="markdown")
        plain = text.encode("utf-8", "replace").replace(b"\0", b"").replace(b"/", b"")[:80]
        (arena.submission / os.fsdecode(plain + b".txt")).touch()
    arena.notebook["metadata"]["title"] = "".join(ESCAPES.values())
    for cell, text in zip(arena.notebook["cells"], ESCAPES.values(), strict=False):
        cell["metadata"]["name"] = text
    arena.survives()
    harmless(arena)


@case(46, "terminal escapes or formulas in names and messages", "review")
@pytest.mark.parametrize("name", ["title", "colour", "right_to_left", "formula", "newline", "null"])
def test_escapes_in_reasons(arena, name):
    """A second notebook is named in the reason for a review."""
    plain = ESCAPES[name].replace("\0", "").replace("/", "")
    arena.beside(f"{plain}.ipynb", json.dumps(arena.notebook))
    arena.survives(refused=False)
    harmless(arena)


def harmless(arena):
    """Nothing that is printed, exported or shown makes a terminal or a spreadsheet do something."""
    from autograde.classroom.feedback import make_feedback
    from autograde.classroom.report_page import write_report

    printed = arena.summary.text()
    assert not CONTROL.search(printed), f"a control character in the summary: {CONTROL.search(printed)!r}"
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", printed)
    page = write_report(ASSIGNMENT, arena.folder)
    pages = [page, *make_feedback(ASSIGNMENT, arena.folder)]
    for path in pages:
        found = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]", path.read_text(encoding="utf-8"))
        assert not found, f"a control character in {path.name}: {found!r}"
    tables = list(page.parent.glob("*.csv"))
    assert tables, "the report has no table"
    for path in [*tables, export(arena)]:
        with path.open(encoding="utf-8", newline="") as file:
            for entry in (entry for line in csv.reader(file) for entry in line):
                assert not CONTROL.search(entry), f"a control character in {path.name}: {entry!r}"
                assert not re.match(r"\s*[=+@\uff1d\t\r]|\s*-(?![\d.]+$)", entry), (
                    f"a formula in {path.name}: {entry!r}"
                )


def export(arena):
    """The table that `nbgrader export` writes with the project's settings."""
    target = arena.folder.parent / "grades.csv"
    settings = [
        f"--CourseDirectory.db_url=sqlite:///{arena.folder / 'gradebook.db'}",
        f"--ExportPlugin.to={target}",
        "--log-level=ERROR",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "export", *settings],
        cwd=ROOT / "autograde",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not CONTROL.search(done.stdout + done.stderr)
    return target


def test_the_frames_are_written_somewhere():
    """The attack of rows 44 and 45 reaches a pipe where there is one: here, in a process of its own."""
    source = cells.code("payload = [b'forged']") + cells.code(WRITE_ALL)
    done = subprocess.run([sys.executable, "-c", source], stdin=subprocess.DEVNULL, capture_output=True, check=True)
    assert done.stdout == b"forged"
    assert TARGET in cells.TARGET
    assert "payload" in right_at_call(source)
