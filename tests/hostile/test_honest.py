"""Rows 47 to 52: honest people whose work looks unusual. They get every point."""

import itertools

import pytest

from autograde.classroom.batch import grade_class
from tests.hostile import cells
from tests.hostile.cells import ASSIGNMENT, TARGET, at_definition, named, right, right_at_call
from tests.hostile.harness import hurry, read_results
from tests.hostile.rows import case, variants

WARNINGS = {
    "warn": "import warnings\nwarnings.warn('this is old')",
    "deprecation": "import warnings\nwarnings.warn('this is old', DeprecationWarning, stacklevel=2)",
    "always": "import warnings\nwarnings.simplefilter('always')\nwarnings.warn('again and again')",
    "standard_error": "import sys\nprint('step 1', file=sys.stderr)",
    "descriptor": "import os\nos.write(2, b'from a library in C\\n')",
    "logging": "import logging\nlogging.warning('loss is high')\nlogging.getLogger('x').error('really')",
    "logging_settings": (
        "import logging, sys\nlogging.basicConfig(stream=sys.stderr, level=logging.DEBUG, force=True)\n"
        "logging.debug('x')"
    ),
    "torch": "import torch\ntorch.tensor(torch.zeros(1))\ntorch._C._log_api_usage_once('x')",
    "transposed": "import torch\ntorch.zeros(2, 3, 4).T",
    "numpy": "import numpy\nnumpy.float64(1) / numpy.float64(0)\nnumpy.log(numpy.zeros(1))",
    "progress": "from tqdm import tqdm\nfor n in tqdm(range(3)):\n    pass",
    "traceback": "import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()",
    "unraisable": "class D:\n    def __del__(self):\n        raise ValueError('in a finalizer')\nD()",
    "thread_error": "import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()",
    "never_awaited": "async def f():\n    pass\nf()",
    "resource": "open('/dev/null')",
    "print": "print('theta is', 3)",
    "empty_standard_error": "import sys\nsys.stderr.flush()\nsys.stderr.write('')",
    "faulthandler": "import faulthandler, sys\nfaulthandler.enable(sys.__stderr__)",
}


@case(47, "a correct answer that warns on stderr", "full")
@pytest.mark.parametrize("name", WARNINGS)
def test_warnings(arena, name):
    arena.answer(f"import torch\n{WARNINGS[name]}\n\n{right_at_call(WARNINGS[name])}")
    arena.survives()


RESULTS = {
    "float32": "result.float()",
    "strided": "torch.stack([result, result], dim=-1)[..., 0]",
    "flipped": "result.flip(0).flip(0)",
    "expanded": "result[None].expand(3, -1)[1]",
    "view": "torch.cat([result, result])[len(result):]",
    "requires_grad": "result.detach().clone().requires_grad_(True)",
    "with_history": "result * torch.ones((), dtype=result.dtype, requires_grad=True)",
    "parameter": "torch.nn.Parameter(result)",
    "numpy": "result.numpy()",
    "numpy_float32": "result.numpy().astype('float32')",
    "numpy_strided": "__import__('numpy').stack([result.numpy()] * 2, axis=-1)[..., 0]",
    "numpy_read_only": "(lambda a: (a.setflags(write=False), a)[1])(result.numpy().copy())",
    "numpy_fortran": "__import__('numpy').asfortranarray(result.numpy())",
    "numpy_big_endian": "result.numpy().astype('>f8')",
    "lazy_sign": "torch.complex(result, -result).conj().imag",
    "zero_tensor_added": "result + 0",
}


@case(48, "float32, non-contiguous or requires-grad results", "full")
@pytest.mark.parametrize("name", RESULTS)
def test_results(arena, name):
    honest = right().replace("def minibatch_gradient(", "def honest_gradient(")
    arena.answer(
        f"{honest}\n\ndef minibatch_gradient(theta, X, y, idx):\n"
        f"    result = honest_gradient(theta, X, y, idx)\n    return {RESULTS[name]}\n"
    )
    arena.survives()


NUMBERS = {
    "float": "float(result)",
    "numpy": "numpy.float64(result)",
    "numpy_float32": "numpy.float32(result)",
    "numpy_array": "numpy.array(float(result))",
    "tensor": "torch.tensor(float(result), dtype=torch.float64)",
    "float32_tensor": "torch.tensor(float(result))",
    "with_history": "torch.tensor(float(result), dtype=torch.float64, requires_grad=True) * 1",
    "parameter": "torch.nn.Parameter(torch.tensor(float(result), dtype=torch.float64))",
}


@case(48, "float32, non-contiguous or requires-grad results", "full")
@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(arena, name):
    for exercise, function, parameters in (
        ("so-gradient-variance", "gradient_variance", "per_sample, batch_size, replacement=True"),
        ("so-critical-batch-knee", "simple_critical_batch", "per_sample"),
    ):
        honest = named(exercise, "right_var").replace(f"def {function}(", f"def honest_{function}(")
        arguments = parameters.replace("=True", "")
        arena.answer(
            f"import numpy\n{honest}\n\ndef {function}({parameters}):\n"
            f"    result = honest_{function}({arguments})\n    return {NUMBERS[name]}\n",
            exercise,
        )
    arena.survives()


@case(48, "float32, non-contiguous or requires-grad results", "full")
@pytest.mark.parametrize("number", range(6))
def test_every_right_answer_of_the_course(arena, number):
    """All 28 of them, written in as many styles, in six submissions."""
    for exercise in cells.exercises():
        answers = cells.right_answers(exercise.id)
        arena.answer(answers[number % len(answers)], exercise.id)
    arena.survives()


RANDOM = {
    "so-minibatch-gradient": """
import torch

def minibatch_gradient(theta, X, y, idx):
    if X.ndim != 2 or theta.shape != X.shape[1:]:
        raise ValueError("X or theta has the wrong shape")
    if y.shape != X.shape[:1]:
        raise ValueError("y has the wrong shape")
    if len(idx) == 0:
        raise ValueError("idx is empty")
    idx = idx[torch.randperm(len(idx))]
    x, labels = X[idx], y[idx]
    return ((-labels * torch.sigmoid(-labels * (x @ theta)))[:, None] * x).mean(dim=0)
""",
    "so-gradient-variance": """
import torch

def gradient_variance(per_sample, batch_size, replacement=True):
    if per_sample.ndim != 2 or len(per_sample) == 0:
        raise ValueError("per_sample must be a matrix with rows")
    if batch_size <= 0:
        raise ValueError("batch_size must be positive")
    n, d = per_sample.shape
    # The trace is the same in every basis; this one is drawn anew each time.
    basis = torch.linalg.qr(torch.randn(d, d, dtype=torch.float64)).Q
    rotated = (per_sample.double() @ basis)[torch.randperm(n)]
    variance = rotated.var(dim=0, correction=0).sum() / batch_size
    return float(variance if replacement else variance * (n - batch_size) / (n - 1))
""",
}


@case(49, "a correct stochastic method on an unlucky seed", "full")
@pytest.mark.parametrize("seed", [*range(8), 666, 2**32 - 1])
def test_seeds(arena, seed):
    """The course's tests estimate nothing: a right answer that draws at random passes with every seed."""
    for exercise, source in RANDOM.items():
        arena.answer(source, exercise)
    arena.extra(f"import random, numpy\nrandom.seed({seed})\nnumpy.random.seed({seed})\ntorch.manual_seed({seed})")
    arena.survives()


@case(49, "a correct stochastic method on an unlucky seed", "full")
@pytest.mark.parametrize("seed", [0, 1, 13, 2**31 - 1])
def test_instructors_seeds(arena, seed):
    """The seed is the instructor's here: all inputs are others."""
    for exercise, source in RANDOM.items():
        arena.answer(source, exercise)
    arena.survives()
    grade_class(
        ASSIGNMENT,
        arena.folder,
        jobs=2,
        seed=seed,
        regrade=True,
        progress=False,
        executor=arena.pool.executor(),
    )
    assert {name: result.points for name, result in read_results(arena.folder).items()} == {
        "ada": 41.0,
        "mallory": 41.0,
    }


BUSY = """
import time
waited = []

def busy(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass

"""


@case(50, "a machine half as fast", "full")
def test_slow_machine(arena):
    """One call computes for a second, which the judge's clock takes for a multiple of the limit of a test."""
    limit = max(exercise.time_limit for exercise in cells.exercises())
    honest = right().replace("def minibatch_gradient(", "def honest_gradient(")
    arena.answer(
        f"{BUSY}{honest}\n\ndef minibatch_gradient(theta, X, y, idx):\n    if not waited:\n        waited.append(1)\n"
        "        busy(1.0)\n    return honest_gradient(theta, X, y, idx)\n"
    )
    arena.pool.in_each(hurry, 3 * limit)
    try:
        result = arena.survives()
    finally:
        arena.pool.in_each(hurry, 1.0)
    assert result.seconds > 3 * limit


@case(50, "a machine half as fast", "full")
@pytest.mark.parametrize("name", ["sleep", "slow_cell"])
def test_waiting_is_not_working(arena, name):
    """Seconds in which nothing is computed are not the answer's fault, within reason."""
    if name == "sleep":
        arena.answer(right_at_call("import time\ntime.sleep(0.1)"))
    else:
        arena.answer(at_definition("import time\ntime.sleep(2)"))
    arena.survives()


EXTRA = {
    "helper": "def helper(x):\n    return x + 1\nassert helper(1) == 2",
    "other_names": "import numpy as onp\nimport torch as t\nfrom torch import tensor as T",
    "inline": "%matplotlib inline",
    "timeit": "%timeit -n 1 -r 1 1 + 1",
    "time": "%time x = 1",
    "cell_time": "%%time\nx = sum(range(10))",
    "cell_timeit": "%%timeit -n 1 -r 1\nx = 1",
    "capture": "%%capture out\nprint('hidden')",
    "autoreload": "%load_ext autoreload\n%autoreload 2",
    "unavailable_extension": "%load_ext line_profiler",
    "who": "%whos",
    "history": "%history -l 3",
    "list_magics": "%lsmagic",
    "environment": "%env OMP_NUM_THREADS",
    "reset_selective": "%reset_selective -f nothing_of_this_name",
    "shell": "!ls",
    "shell_output": "files = !ls",
    "shell_cell": "%%bash\nls",
    "pip": "!pip install numpy",
    "script_magic": "%%python\nprint(1)",
    "write_file": "%%writefile notes.txt\nsome notes",
    "help": "?torch.zeros",
    "more_help": "torch.zeros??",
    "plot": "import matplotlib.pyplot as plt\nplt.plot([3, 2, 1])\nplt.xlabel('step')\nplt.show()",
    "save_plot": "import matplotlib.pyplot as plt\nplt.plot([3, 2, 1])\nplt.savefig('loss.png')",
    "interact": "from ipywidgets import interact\ninteract(lambda x: x, x=(0, 10));",
    "loader": (
        "from torch.utils.data import DataLoader, TensorDataset\n"
        "for batch in DataLoader(TensorDataset(torch.zeros(8, 2)), batch_size=2, shuffle=True):\n    pass"
    ),
    "loader_with_workers": (
        "from torch.utils.data import DataLoader\n"
        "for batch in DataLoader(torch.zeros(8, 2), batch_size=2, num_workers=2):\n    pass"
    ),
    "main": (
        "if __name__ == '__main__':\n    print('as a script')\nelse:\n    raise RuntimeError('not the main module')"
    ),
    "dataclass": (
        "from dataclasses import dataclass\n@dataclass(frozen=True, slots=True)\nclass State:\n"
        "    step: int = 0\nprint(State(3))"
    ),
    "typing": (
        "from __future__ import annotations\nfrom typing import Generic, TypeVar\nT = TypeVar('T')\n"
        "class Box(Generic[T]):\n    pass\ndef f(x: 'Box[int]' = None) -> list[int] | None:\n    return None"
    ),
    "decorator": (
        "import functools\ndef traced(f):\n    @functools.wraps(f)\n    def inner(*a, **k):\n"
        "        return f(*a, **k)\n    return inner\n@traced\ndef g(x):\n    return x"
    ),
    "await": "import asyncio\nawait asyncio.sleep(0.01)",
    "async": "import asyncio\nasync def f():\n    return 1\nassert await f() == 1",
    "gather": "import asyncio\nawait asyncio.gather(*[asyncio.sleep(0.01) for n in range(3)])",
    "error": "raise ValueError('I was trying something')",
    "assertion": "assert False, 'does not work yet'",
    "name_error": "resutl",
    "missing_module": "import no_such_module",
    "unfinished": "for n in range(3)",
    "optimizer": (
        "p = torch.nn.Parameter(torch.ones(2))\no = torch.optim.Adam([p], lr=0.1)\nfor n in range(10):\n"
        "    o.zero_grad()\n    p.square().sum().backward()\n    o.step()"
    ),
    "lesson_library": "import noisydescent",
    "pandas_missing": "try:\n    import pandas\nexcept ImportError:\n    pandas = None",
    "file": "open('notes.txt', 'w').write('x')\nprint(open('notes.txt').read())",
    "temporary_file": "import tempfile\nwith tempfile.TemporaryFile() as f:\n    f.write(b'x')",
    "saved_model": "torch.save({'w': torch.ones(3)}, 'model.pt')\ntorch.load('model.pt')",
    "threads": (
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(2) as pool:\n"
        "    print(list(pool.map(abs, [-1, -2])))"
    ),
    "deleted": "x = 1\ndel x",
    "seeded": "torch.manual_seed(0)",
    "display": "display('text')\ndisplay({'text/html': '<b>x</b>'}, raw=True)",
    "clear_output": (
        "from IPython.display import clear_output\nfor n in range(3):\n    clear_output(wait=True)\n    print(n)"
    ),
    "last_value": "x = torch.zeros(3)\nx",
    "underscore": "_ = 3\nprint(_, __, ___)",
    "out": "print(len(In), len(Out))",
    "emoji": "größe = 'π 🎲'\nprint(größe)",
    "calls_check": "check('so-minibatch-gradient')",
    "calls_check_of_all": "for name in ('so-sgd', 'so-samples-to-target'):\n    print(check(name))",
    "device": "device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')\ntorch.zeros(2, device=device)",
    "compiled": "f = torch.vmap(lambda x: x * 2)\nf(torch.ones(3))",
    "own_package": (
        "import sys\nsys.path.append('.')\nopen('mine.py', 'w').write('x = 3')\nimport mine\nassert mine.x == 3"
    ),
    "runs_a_file": "open('mine.py', 'w').write('y = 3')\n%run mine.py\nassert y == 3",
    "signal": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)",
    "empty": "",
    "comment": "# nothing yet",
}


@case(51, "extra cells, other imports, magics, training loops", "full")
@pytest.mark.parametrize("start", range(0, len(EXTRA), 7))
def test_extra_cells(arena, start):
    """Seven kinds at a time, each before, between and after the exercises."""
    for name in list(EXTRA)[start : start + 7]:
        for grade_id in ("intuition-setup", TARGET, "so-robbins-monro-check"):
            arena.extra(EXTRA[name], grade_id, offset=1)
    arena.survives()


@case(51, "extra cells, other imports, magics, training loops", "full")
def test_imports_in_another_order(arena):
    """The setup cell is locked, but what it imports is imported by everybody in their own way too."""
    arena.extra("import numpy as onp\nimport torch as th\nimport torch\nimport math, random", "intuition-setup")
    arena.answer(right().replace("import torch\n", ""), TARGET)
    arena.survives()


@case(51, "extra cells, other imports, magics, training loops", "full")
def test_helpers_in_other_cells(arena):
    arena.extra(
        "def margins(theta, X, y):\n    return y * (X @ theta)\n\ndef weights(m, y):\n"
        "    return -y * torch.sigmoid(-m)\n"
    )
    arena.answer(
        right()
        .replace(
            "weights = -labels * torch.sigmoid(-labels * (x @ theta))", "w = weights(margins(theta, x, labels), labels)"
        )
        .replace("(weights[:, None]", "(w[:, None]")
    )
    assert "margins(theta" in arena.cell(TARGET)["source"]
    arena.survives()


@case(51, "extra cells, other imports, magics, training loops", "full")
def test_helper_below_its_use(arena):
    """Run All works for her, because a check only comes after both."""
    arena.extra("def mean_of(rows):\n    return rows.mean(dim=0)", TARGET, offset=1)
    arena.answer(right().replace("(weights[:, None] * x).mean(dim=0)", "mean_of(weights[:, None] * x)"))
    assert "mean_of" in arena.cell(TARGET)["source"]
    arena.survives()


@case(51, "extra cells, other imports, magics, training loops", "full")
def test_one_exercise_calls_another(arena):
    arena.answer(
        named("so-critical-batch-knee", "right_var").replace(
            "per_sample.var(dim=0, correction=0).sum()",
            "torch.tensor(gradient_variance(per_sample, 1), dtype=torch.float64)",
        ),
        "so-critical-batch-knee",
    )
    assert "gradient_variance" in arena.cell("so-critical-batch-knee")["source"]
    arena.survives()


@case(51, "extra cells, other imports, magics, training loops", "full")
@variants(
    closure=(
        "def make():\n    def inner(theta, X, y, idx):\n        return honest_gradient(theta, X, y, idx)\n"
        "    return inner\nminibatch_gradient = make()"
    ),
    lambda_="minibatch_gradient = lambda theta, X, y, idx: honest_gradient(theta, X, y, idx)",
    partial="import functools\nminibatch_gradient = functools.partial(honest_gradient)",
    decorated=(
        "@torch.no_grad()\ndef minibatch_gradient(theta, X, y, idx):\n    return honest_gradient(theta, X, y, idx)"
    ),
    hints=(
        "T = torch.Tensor\ndef minibatch_gradient(theta: torch.Tensor, X: T, y: T, idx: T) -> torch.Tensor:\n"
        "    return honest_gradient(theta, X, y, idx)"
    ),
    callable_object=(
        "class Gradient:\n    def __call__(self, theta, X, y, idx):\n"
        "        return honest_gradient(theta, X, y, idx)\nminibatch_gradient = Gradient()"
    ),
    module=(
        "class Gradient(torch.nn.Module):\n    def forward(self, theta, X, y, idx):\n"
        "        return honest_gradient(theta, X, y, idx)\nminibatch_gradient = Gradient()"
    ),
    method=(
        "class Course:\n    def gradient(self, theta, X, y, idx):\n"
        "        return honest_gradient(theta, X, y, idx)\nminibatch_gradient = Course().gradient"
    ),
    star="def minibatch_gradient(*arguments, **named):\n    return honest_gradient(*arguments, **named)",
    default=(
        "def minibatch_gradient(theta, X, y, idx, scale=1.0):\n    return scale * honest_gradient(theta, X, y, idx)"
    ),
    async_inside=(
        "import asyncio\ndef minibatch_gradient(theta, X, y, idx):\n    async def work():\n"
        "        return honest_gradient(theta, X, y, idx)\n    import threading\n    found = []\n"
        "    t = threading.Thread(target=lambda: found.append(asyncio.run(work())))\n    t.start()\n"
        "    t.join()\n    if not found:\n        return honest_gradient(theta, X, y, idx)\n"
        "    return found[0]"
    ),
    compiled_function="minibatch_gradient = torch.compiler.disable(honest_gradient)",
    redefined=(
        "def minibatch_gradient(theta, X, y, idx):\n    return theta\n\n"
        "def minibatch_gradient(theta, X, y, idx):\n    return honest_gradient(theta, X, y, idx)"
    ),
    with_self_test=(
        "def minibatch_gradient(theta, X, y, idx):\n    return honest_gradient(theta, X, y, idx)\n\n"
        "assert minibatch_gradient(torch.ones(2), torch.ones(3, 2), torch.ones(3), torch.tensor([0])).shape == (2,)\n"
        "print('fine')"
    ),
    failing_self_test=(
        "def minibatch_gradient(theta, X, y, idx):\n    return honest_gradient(theta, X, y, idx)\n\n"
        "assert minibatch_gradient is None, 'my own test was wrong'"
    ),
    type_alias=(
        "from typing import TypeAlias\nVector: TypeAlias = torch.Tensor\n"
        "def minibatch_gradient(theta: Vector, X, y, idx) -> Vector:\n"
        "    return honest_gradient(theta, X, y, idx)"
    ),
    uses_rng=(
        "def minibatch_gradient(theta, X, y, idx):\n    torch.rand(3)\n    return honest_gradient(theta, X, y, idx)"
    ),
    sorts_a_copy=(
        "def minibatch_gradient(theta, X, y, idx):\n    rows = idx.clone()\n    rows.sort()\n"
        "    return honest_gradient(theta, X, y, rows)"
    ),
    counts_calls=(
        "calls = 0\ndef minibatch_gradient(theta, X, y, idx):\n    global calls\n    calls += 1\n"
        "    return honest_gradient(theta, X, y, idx)"
    ),
    prints=(
        "def minibatch_gradient(theta, X, y, idx):\n    print(theta, X, y, idx)\n"
        "    return honest_gradient(theta, X, y, idx)"
    ),
    cell_magic=None,
)
def test_styles(arena, source):
    honest = right().replace("def minibatch_gradient(", "def honest_gradient(")
    arena.answer(f"%%time\n{right()}" if source is None else f"{honest}\n\n{source}\n")
    arena.survives()


@case(51, "extra cells, other imports, magics, training loops", "full")
@pytest.mark.slow
def test_training_loops(arena, seconds=1):
    """Two cells of her own train for a while."""
    loop = (
        "import time, torch\nw = torch.zeros(20, requires_grad=True)\nx = torch.randn(512, 20)\n"
        f"end = time.process_time() + {seconds}\nlosses = []\nwhile time.process_time() < end:\n"
        "    loss = (x @ w - x[:, 0]).square().mean()\n    loss.backward()\n    with torch.no_grad():\n"
        "        w -= 0.01 * w.grad\n        w.grad = None\n    losses.append(loss.item())\nprint(losses[-1])\n"
    )
    arena.extra(loop)
    arena.extra(loop, "so-sgd")
    arena.survives()


@case(51, "extra cells, other imports, magics, training loops", "full")
def test_many_cells_of_her_own(arena):
    for number in range(150):
        arena.extra(f"x{number} = {number}\nx{number}")
        arena.extra(f"Note {number}", kind="markdown")
    arena.survives()


@case(51, "extra cells, other imports, magics, training loops", "full")
@pytest.mark.parametrize("tool", ["colab", "vscode", "old_jupyter"])
def test_other_editors(arena, tool):
    """What other editors write into a notebook is no tampering."""
    for number, cell in enumerate(arena.notebook["cells"]):
        if cell["cell_type"] == "code":
            cell["execution_count"] = number
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["fine\n"]}]
        if tool == "colab":
            cell["id"] = f"colab{number}"
            cell["metadata"] |= {"id": f"colab{number}", "outputId": "x", "colab": {"base_uri": "https://localhost/"}}
        else:
            cell.pop("id", None)
        if tool == "vscode":
            cell["metadata"] |= {"vscode": {"languageId": "python"}}
            cell["source"] = cell["source"].splitlines(keepends=True)
        if tool == "old_jupyter":
            cell["metadata"] |= {"collapsed": False, "scrolled": True, "ExecuteTime": {"start_time": "2025"}}
    arena.notebook["nbformat_minor"] = {"colab": 0, "vscode": 2, "old_jupyter": 4}[tool]
    result = arena.survives()
    assert not result.repairs, f"an honest notebook was said to be repaired: {result.repairs}"


FIRST = {
    "raises": "raise RuntimeError('does not run')",
    "exits": "import os\nos._exit(1)",
    "crashes": "import ctypes\nctypes.string_at(0)",
    "syntax": "def minibatch_gradient(:",
    "empty": "",
    "starter": "def minibatch_gradient(theta, X, y, idx):\n    # YOUR CODE HERE\n    raise NotImplementedError()",
    "crashes_in_the_call": "import ctypes\ndef minibatch_gradient(*a):\n    ctypes.string_at(0)",
    "memory": "import torch\nkept = [torch.ones(2**24) for n in range(45)]",
    "spoils_names": "import torch as real\nclass torch:\n    pass",
    "deletes_names": "for name in list(globals()):\n    if not name.startswith('_'):\n        del globals()[name]",
    "reset": "%reset -f",
    "wrong": "def minibatch_gradient(theta, X, y, idx):\n    return theta",
    "returns_rubbish": "def minibatch_gradient(*a):\n    return object()",
    "default_dtype": "import torch\ntorch.set_default_dtype(torch.float16)",
    "default_device": "import torch\ntorch.set_default_device('meta')",
    "gradients_off": "import torch\ntorch.set_grad_enabled(False)\ntorch.autograd.set_grad_enabled = None",
    "builtins": (
        "import builtins\nfor name in ('len', 'range', 'float', 'isinstance', 'ValueError'):\n"
        "    delattr(builtins, name)"
    ),
    "recursion": "import sys\nsys.setrecursionlimit(30)",
    "closed_output": "import sys\nsys.stdout.close()\nsys.stderr.close()",
    "warnings_are_errors": "import warnings\nwarnings.simplefilter('error')",
}


@case(52, "exercise 2 right although exercise 1 crashed", "full for the rest")
@pytest.mark.parametrize("name", FIRST)
def test_first_exercise_lost(arena, name):
    arena.answer(FIRST[name])
    arena.survives()


@case(52, "exercise 2 right although exercise 1 crashed", "full for the rest")
@pytest.mark.slow
def test_first_exercise_endless(arena, short_limits):
    arena.answer("while True:\n    pass")
    arena.survives()


@case(52, "exercise 2 right although exercise 1 crashed", "full for the rest")
def test_only_the_last_exercise_is_right(arena):
    """Every other exercise is lost in a way of its own."""
    lost = tuple(arena.expected)[:-1]
    sources = itertools.cycle(
        ["import os\nos._exit(1)", "raise RuntimeError", "", "import ctypes\nctypes.string_at(0)"]
    )
    for exercise, source in zip(lost, sources, strict=False):
        arena.answer(source, exercise)
    arena.survives(zero=lost)


@case(52, "exercise 2 right although exercise 1 crashed", "full for the rest")
def test_dependent_exercise(arena):
    """The second calls the first, which is missing: the staff's solution stands in, and that is said."""
    knee = "so-critical-batch-knee"
    arena.answer(
        named(knee, "right_var").replace(
            "per_sample.var(dim=0, correction=0).sum()",
            "torch.tensor(gradient_variance(per_sample, 1), dtype=torch.float64)",
        ),
        knee,
    )
    arena.answer("import os\nos._exit(1)", "so-gradient-variance")
    result = arena.survives(zero=("so-gradient-variance",))
    said = " ".join(itertools.chain(result.repairs, *(exercise.remarks for exercise in result.exercises)))
    assert "gradient_variance" in said or "so-gradient-variance" in said or "solution" in said
