"""What honest answers and notebooks do still works in a confined process."""

import pytest

SERVER = ("torch", "numpy", "matplotlib", "IPython")

HONEST = {
    "threads": """
import threading
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    print(sum(pool.map(lambda x: x * x, range(10))))
""",
    "a large product of matrices in two threads": """
import torch
torch.set_num_threads(2)
x = torch.ones(700, 700)
print(float((x @ x)[3, 5]), len(os.listdir("/proc/self/task")) >= 2)
""",
    "many more threads than processors": """
import torch
torch.set_num_threads(64)
x = torch.ones(700, 700)
print(float((x @ x).sum()))
""",
    "automatic differentiation": """
import torch
x = torch.ones(3, requires_grad=True)
(x**3).sum().backward()
print(x.grad.tolist())
""",
    "a module and an optimizer": """
import torch
model = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for _ in range(3):
    optimizer.zero_grad()
    model(torch.ones(2, 3)).square().mean().backward()
    optimizer.step()
print(float(model(torch.ones(1, 3))) ** 2 < 100)
""",
    "a data loader": """
import torch
from torch.utils.data import DataLoader, TensorDataset
print([len(batch) for (batch,) in DataLoader(TensorDataset(torch.arange(10)), batch_size=4, shuffle=True)])
""",
    "a saved figure": """
import matplotlib.pyplot as plt
plt.plot([1, 3, 2])
plt.title("Grün $\\\\sigma^2$")
plt.savefig("figure.png")
plt.savefig("figure.svg")
print(os.path.getsize("figure.png") > 1000, os.path.getsize("figure.svg") > 1000)
""",
    "saved tensors and arrays": """
import numpy, torch
torch.save({"x": torch.arange(3)}, "x.pt")
numpy.savez("x.npz", x=numpy.arange(3))
print(torch.load("x.pt")["x"].tolist(), numpy.load("x.npz")["x"].tolist())
""",
    "temporary files": """
import tempfile
with tempfile.TemporaryDirectory() as folder, open(folder + "/x", "w") as file:
    print(file.write("text"))
with tempfile.NamedTemporaryFile() as file:
    print(file.write(b"text"))
""",
    "an event loop": """
import asyncio
async def work():
    await asyncio.sleep(0.01)
    return await asyncio.to_thread(lambda: 42)
print(asyncio.run(work()))
""",
    "cells with magics": """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
result = shell.run_cell("%time x = 6 * 7\\nx")
print(result.success, result.result)
""",
    "modules imported for the first time": """
import sys
for name in ("wave", "sqlite3", "torch.distributions", "torch.func", "numpy.polynomial", "matplotlib.animation"):
    print(name, name in sys.modules, __import__(name) is not None)
""",
    "random numbers": """
import numpy, random, secrets, torch, uuid
torch.manual_seed(0)
print(len(secrets.token_hex(4)), torch.randn(2).shape, numpy.random.default_rng(0).random() < 1, uuid.uuid4().version)
""",
    "sleep and clocks": """
started = time.monotonic()
time.sleep(0.05)
print(time.monotonic() - started >= 0.05, time.process_time() > 0, time.strftime("%Y") >= "2024")
""",
    "a progress bar": """
import io
from tqdm import tqdm
print(sum(tqdm(range(4), file=io.StringIO())))
""",
    "an alarm of its own": """
import signal
rang = []
signal.signal(signal.SIGALRM, lambda *_: rang.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.01)
time.sleep(0.05)
print(rang)
""",
    "the course's library": """
import noisydescent
print(noisydescent.__name__)
""",
    "what it is running on": """
import getpass, os, platform
print(os.cpu_count() > 0, platform.system(), os.path.expanduser("~") != "")
""",
}
EXPECTED = {
    "threads": ["285"],
    "a large product of matrices in two threads": ["700.0 True"],
    "many more threads than processors": ["343000000.0"],
    "automatic differentiation": ["[3.0, 3.0, 3.0]"],
    "a module and an optimizer": ["True"],
    "a data loader": ["[4, 4, 2]"],
    "a saved figure": ["True True"],
    "saved tensors and arrays": ["[0, 1, 2] [0, 1, 2]"],
    "temporary files": ["4", "4"],
    "an event loop": ["42"],
    "cells with magics": ["True 42"],
    "random numbers": ["8 torch.Size([2]) True 4"],
    "sleep and clocks": ["True True True"],
    "a progress bar": ["6"],
    "an alarm of its own": ["[1]"],
    "the course's library": ["noisydescent"],
    "what it is running on": ["True Linux True"],
}

# The server imports once and forks a child for each, as the fork server of the grader does.
FORK_EACH = """
import contextlib, io
for name, code in json.loads(given["code_of_each"]).items():
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said, error = io.StringIO(), ""
        try:
            confinement.enter(folder / "scratch", Limits(), keep=(writing,))
            os.environ["TMPDIR"] = os.getcwd()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
                exec(code, {"os": os, "time": time})
        except BaseException as problem:
            error = f"{type(problem).__name__}: {problem}"
        finally:
            with open(writing, "w") as pipe:
                json.dump([name, said.getvalue().splitlines()[-8:], error], pipe)
            os._exit(0)
    os.close(writing)
    with open(reading) as pipe:
        print(pipe.read() or json.dumps([name, [], "ended without a word"]), flush=True)
    os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory, run_in_place):
    """name -> (lines, error) of every honest piece of code."""
    import json

    place = tmp_path_factory.mktemp("honest")
    for name in ("scratch", "protected"):
        (place / name).mkdir()
    before = f"given['code_of_each'] = {json.dumps(HONEST)!r}\n{FORK_EACH}"
    ended = run_in_place(place, "pass", before=before, imports=SERVER)
    return {name: (lines, error) for name, lines, error in map(json.loads, ended.lines)}


@pytest.mark.parametrize("name", HONEST)
def test_honest_code_works(outcomes, name):
    lines, error = outcomes[name]
    assert error == ""
    if name == "modules imported for the first time":
        assert len(lines) == 6 and all(line.endswith("True") for line in lines)
        assert any("False" in line for line in lines)  # else nothing was imported here
    elif name == "cells with magics":
        assert lines[-1] == "True 42"
    else:
        assert lines == EXPECTED[name]
