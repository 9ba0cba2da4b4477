"""Cells, calls, callbacks, limits and ends of a confined worker."""

import os
import time

import pytest
import torch

from autograde.judge.answer import Delegation, Forbidden
from autograde.judge.connection import ServerConnection
from autograde.judge.expect import AnswerError, Mistake
from autograde.judge.limits import OutOfTime
from autograde.judge.remote import RemoteAnswer
from autograde.worker.wire import WireError


def cell(worker, source, seconds=10.0):
    outcome = worker.run_cell(source, seconds)
    assert not outcome.ended, outcome
    return outcome


@pytest.fixture
def ask(worker):
    """Define the source, then run a test function on the answer."""

    def run(source, test, seconds=5.0, seed=0):
        cell(worker, "import torch\n" + source)
        answer = RemoteAnswer(worker)
        result = []
        answer.run_test(lambda: result.append(test(answer)), seconds, seed)
        return result[0]

    return run


def test_a_cell_gives_its_outputs(worker):
    source = """
import matplotlib.pyplot as plt
print("said")
plt.plot([1, 2]); plt.show()
display({"x": 1})
3 + 4
"""
    outputs = cell(worker, source).outputs
    assert outputs[0] == {"output_type": "stream", "name": "stdout", "text": "said\n"}
    assert [output["output_type"] for output in outputs[1:]] == ["display_data", "execute_result", "display_data"]
    assert outputs[2]["data"]["text/plain"] == "7" and outputs[3]["data"]["image/png"].startswith("iVBOR")


@pytest.mark.parametrize(
    "source",
    [
        "name = input('who?')",
        "%debug",
        "%matplotlib inline",
        "%matplotlib widget",
        "!ls",
        "files = !ls",
        "import pdb; pdb.set_trace()",
        "breakpoint()",
        "import matplotlib.pyplot as plt; plt.figure(); plt.show(block=True)",
        "from ipywidgets import interact\n@interact(k=(0, 3))\ndef show(k): print(k)",
        "from autograde import check\ncheck('so-sgd')",
        "torch?",
        "%timeit -n1 -r1 1 + 1",
        "import getpass; getpass.getpass()",
        "await __import__('asyncio').sleep(0)",
    ],
)
def test_nothing_waits_for_a_person_and_the_cell_goes_on(worker, source):
    cell(worker, "import torch")
    cell(worker, f"{source}\nreached = 41 + 1")
    assert "'42'" in str(cell(worker, "str(reached)").outputs)  # one that waits would have been ended


def test_output_is_capped(worker):
    outputs = cell(worker, "print('x' * 100_000_000)\nfor i in range(300_000): print(i)").outputs
    assert sum(len(output["text"]) for output in outputs) < 50_000


def test_an_error_is_named_and_the_worker_lives(worker):
    assert cell(worker, "def f(: pass").error.startswith("SyntaxError")
    assert cell(worker, "1 / 0").error == "ZeroDivisionError: division by zero"
    assert cell(worker, "exit()").stopped and cell(worker, "raise KeyboardInterrupt").stopped
    assert cell(worker, "import sys; sys.exit(3)").stopped and cell(worker, "1").error == ""


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("import os; os._exit(3)", "ended its own process with exit code 3"),
        ("import os; os._exit(0)", "ended its own process"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("while True: pass", "more than 1 s"),
        ("while True:\n    try:\n        while True: pass\n    except BaseException: pass", "more than 1 s"),
    ],
)
def test_the_end_of_a_worker_is_told_in_words(worker, source, text):
    outcome = worker.run_cell(source, 1.0)
    assert text in outcome.ended and not worker.alive


def test_calls_pass_tensors_lists_dicts_and_generators(ask):
    source = """
def f(theta, parts, options, generator):
    return {"theta": theta * 2, "parts": [p + 1 for p in parts], "rate": options["rate"],
            "draw": torch.rand(2, generator=generator)}
"""
    generator = torch.Generator().manual_seed(3)
    expected = torch.Generator().manual_seed(3)

    def test(answer):
        got = answer.f(torch.ones(2), [torch.zeros(1), torch.zeros(2)], {"rate": 0.5}, generator=generator)
        assert torch.equal(got["theta"], torch.full((2,), 2.0)) and [len(p) for p in got["parts"]] == [1, 2]
        assert got["rate"] == 0.5 and torch.equal(got["draw"], torch.rand(2, generator=expected))
        # The generator here has moved on as if the call had been made here.
        assert torch.equal(torch.rand(3, generator=generator), torch.rand(3, generator=expected))

    ask(source, test)


def test_oracles_are_called_here_and_counted(ask):
    calls = []

    def oracle(theta, t):
        calls.append(t)
        if t == 3:
            raise ValueError("no more")
        return 2 * theta

    def test(answer):
        assert torch.equal(answer.walk(oracle, torch.ones(2), 3), torch.full((2,), 8.0))
        with pytest.raises(AnswerError, match="ValueError") as caught:
            answer.walk(oracle, torch.ones(2), 4)
        assert isinstance(caught.value.error, ValueError) and "no more" in str(caught.value.error)

    ask("def walk(g, theta, n):\n    for t in range(n):\n        theta = g(theta, t)\n    return theta", test)
    assert calls == [0, 1, 2, 0, 1, 2, 3]


def test_returned_functions_can_be_called_and_handed_back(ask):
    source = "def make(c):\n    return lambda t: c * t\ndef use(f, t):\n    return f(t) + 1"

    def test(answer):
        double = answer.make(2.0)
        assert callable(double) and double(3) == 6.0
        assert answer.use(double, 5) == 11.0 and answer.use(lambda t: double(t) * 10, 1) == 21.0

    ask(source, test)


def test_objects_have_state_methods_and_properties(ask):
    source = """
class Average:
    def __init__(self, start=0):
        self.n, self.total = 0, None
    def update(self, theta):
        self.n += 1
        self.total = theta.clone() if self.total is None else self.total + theta
    @property
    def value(self):
        if self.n == 0:
            raise ValueError("value before any update")
        return self.total / self.n
    def __iter__(self):
        return iter([1, 2])
    def __len__(self):
        return 2
"""

    def test(answer):
        average = answer.Average(start=0)
        assert type(average).__name__ == "Average" and not callable(average)
        with pytest.raises(AnswerError, match=r"`Average\.value` raised ValueError"):
            _ = average.value
        for k in (1.0, 3.0):
            assert average.update(torch.full((2,), k)) is None
        assert torch.equal(average.value, torch.full((2,), 2.0)) and average.n == 2
        assert list(average) == [1, 2] and len(average) == 2
        with pytest.raises(AnswerError, match="AttributeError"):
            _ = average.missing

    ask(source, test)


def test_kept_references_to_inputs_are_seen(ask):
    """An answer that keeps its input instead of a copy sees later changes of it, as in one process."""
    source = "kept = []\ndef keep(x):\n    kept.append(x)\ndef first():\n    return kept[0]"

    def test(answer):
        theta = torch.zeros(2)
        answer.keep(theta)
        theta += 1
        assert torch.equal(answer.first(), torch.ones(2))

    ask(source, test)


def test_inputs_changed_in_place_cost_the_exercise(ask):
    def test(answer):
        theta = torch.ones(2)
        with pytest.raises(Forbidden, match="`f` changed its input `theta` in place"):
            answer.f([1], theta)
        assert torch.equal(theta, torch.ones(2)) and "in place" in answer.forbidden

    ask("def f(steps, theta):\n    theta *= 2\n    return theta", test)


def test_delegation_is_noticed_at_the_call(ask):
    source = """
def f(theta):
    p = torch.nn.Parameter(theta.clone()); p.grad = theta.clone()
    getattr(torch.optim, "S" + "GD")([p], lr=0.1).step()
    return p.detach()
"""

    def test(answer):
        with pytest.raises(Delegation, match=r"torch\.optim"):
            answer.f(torch.ones(2))

    ask(source, test)


def test_a_test_has_one_budget_of_processor_time(ask, worker):
    def test(answer):
        for _ in range(50):
            answer.burn()

    with pytest.raises(OutOfTime):
        ask(
            "import time\ndef burn():\n    t = time.process_time()\n    while time.process_time() - t < 0.2: pass",
            test,
            1.5,
        )
    assert not worker.alive


def test_processor_time_counts_and_not_the_clock_on_the_wall(ask):
    """An oracle of the judge that takes long is not the student's fault."""
    assert ask("def f(g):\n    return g()", lambda answer: answer.f(lambda: time.sleep(1.5) or 1.0), 0.5) == 1.0


def test_one_that_stops_itself_or_sleeps_is_ended(server, monkeypatch):
    monkeypatch.setattr("autograde.judge.connection.IDLE_SECONDS", 1.0)
    worker = server.spawn(2**30)
    assert "without computing" in worker.run_cell("import time; time.sleep(1000)", 30.0).ended
    worker.close()


def test_one_that_computes_a_little_now_and_then_is_ended(server, monkeypatch):
    monkeypatch.setattr("autograde.judge.connection.WALL_SECONDS", 0.0)
    worker = server.spawn(2**30)
    outcome = worker.run_cell("import time\nwhile True:\n    time.sleep(0.3); sum(range(10**5))", 0.5)
    assert "far more time" in outcome.ended
    worker.close()


@pytest.mark.parametrize(
    "attack",
    [
        "send(b'garbage' * 100)",
        "import pickle; p = pickle.dumps(print); send(struct.pack('>II', len(p), 0) + p)",
        "m = b'{\"reply\": 99999, \"value\": 1.0}'; send(struct.pack('>II', len(m), 0) + m)",
        "m = b'{\"reply\": 1, \"reply\": 2}'; send(struct.pack('>II', len(m), 0) + m)",
        "send(struct.pack('>II', 2**31, 2**31))",
        "[send(b'\\0' * 2**20) for _ in range(200)]",
        'm = b\'{"callback": 1, "function": 77, "args": ["t", []]}\'; send(struct.pack(">II", len(m), 0) + m)',
    ],
)
def test_writing_into_the_channel_ends_the_worker(worker, attack):
    """An answer that finds the pipe can say nothing that counts."""
    source = f"""
import os, struct
def sockets():
    for n in range(3, 256):
        try:
            os.fstat(n)
            yield n
        except OSError:
            pass
def send(data):
    import socket
    for n in sockets():
        try:
            socket.socket(fileno=os.dup(n)).sendall(data)
        except OSError:
            pass
def f(x):
    {attack}
    return 1.0
"""
    cell(worker, source)
    answer = RemoteAnswer(worker)
    with pytest.raises((Mistake, OutOfTime)):
        answer.run_test(lambda: answer.f(1.0) + answer.f(2.0), 5.0, 0)
    assert not worker.alive and (answer.forbidden is None or "no points" in answer.forbidden)


def test_forbidden_attempts_are_named(worker):
    for source, text in [
        ("try: open('/etc/shadow')\nexcept OSError: pass", "/etc/shadow"),
        ("import os\ntry: os.kill(os.getppid(), 15)\nexcept OSError: pass", "signal"),
        ("import socket\ntry: socket.getaddrinfo('localhost', 80)\nexcept OSError: pass", "network"),
    ]:
        assert text in " ".join(cell(worker, source).attempts)
    assert cell(worker, "open('mine.txt', 'w').write('x'); open('mine.txt').read()").attempts == ()


def test_replaced_functions_are_named_and_put_back(worker):
    outcome = cell(worker, "import torch\ntorch.allclose = lambda *a, **k: True\nimport builtins; builtins.abs = int")
    assert set(outcome.replaced) == {"replaced `torch.allclose`", "replaced `builtins.abs`"}
    assert cell(worker, "assert abs(-1.5) == 1.5 and not torch.allclose(torch.ones(1), torch.zeros(1))").error == ""


def test_every_worker_begins_afresh(server):
    first, second = server.spawn(2**30), server.spawn(2**30)
    cell(first, "import torch; torch.allclose = 3; here = 1; open('file', 'w').close()")
    assert (
        cell(second, "import os; here").error.startswith("NameError")
        and not cell(second, "import os; os.listdir()").error
    )
    assert "'file'" not in str(cell(second, "os.listdir()").outputs)
    first.close()
    second.close()


def test_the_worker_knows_no_test_and_no_solution(worker):
    source = """
import sys, gc
names = [name for name in sys.modules if "grader" in name or "solution" in name or name.startswith("autograde.")]
texts = [o for o in gc.get_objects() if isinstance(o, str) and "expect_close" in o]
"""
    cell(worker, source)
    assert "'[] []'" in str(cell(worker, "str(names) + ' ' + str(texts)").outputs)
    outcome = cell(worker, "import autograde.bank")
    assert outcome.error.startswith("ModuleNotFoundError")


def test_the_environment_is_empty_of_the_callers(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    with ServerConnection() as server:
        worker = server.spawn(2**30)
        cell(worker, "import os; seen = str(dict(os.environ)) + open('/proc/self/environ').read()")
        assert "hunter2" not in str(cell(worker, "seen").outputs)
        worker.close()
    assert not os.path.exists(f"/proc/{server.pid}")


def test_a_value_that_cannot_be_sent_is_refused_here(worker):
    cell(worker, "def f(x): return x")
    with pytest.raises(Mistake, match="cannot be handed"):
        RemoteAnswer(worker).f(object())
    with pytest.raises(Mistake, match="cannot read"):
        cell(worker, "def g(): return 2**10000")
        RemoteAnswer(worker).g()
    assert worker.alive and issubclass(WireError, Exception)


def test_a_worker_in_bubblewrap_has_no_sight_of_the_project(server):
    pytest.importorskip("autograde.sandbox.bubblewrap")
    from autograde.sandbox.bubblewrap import unavailable

    if unavailable():
        pytest.skip(unavailable())
    with ServerConnection(bubblewrap=True) as inside:
        worker = inside.spawn(2**30)
        outcome = cell(worker, "import torch\ndef f(x): return torch.relu(x)\nopen('/proc/1/environ')")
        assert outcome.error.startswith(("PermissionError", "FileNotFoundError"))
        assert RemoteAnswer(worker).f(torch.tensor([-1.0])) == 0
        assert cell(worker, f"open({__file__!r})").error.startswith("FileNotFoundError")
        worker.close()
