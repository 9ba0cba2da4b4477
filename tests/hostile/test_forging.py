"""Rows 1 to 12: a verdict that nobody earned."""

import numpy as np
import pytest
import torch

from tests.hostile import cells
from tests.hostile.cells import OTHER, TARGET, at_call, heist, named, right, wrong_after
from tests.hostile.rows import case, variants


@case(1, "prints or displays a number as the result", "zero")
@variants(
    displayhook="import sys\nsys.displayhook(7.0)",
    printed="print(7.0)",
    last_value="7.0",
    display="from IPython.display import display\ndisplay(7.0)",
    publish="get_ipython().display_pub.publish({'text/plain': '7.0'})",
    execute_result="get_ipython().displayhook(7.0)\nget_ipython().user_ns['_'] = get_ipython().user_ns['__'] = 7.0",
    own_check="def check(*anything):\n    return 7.0\ncheck('so-minibatch-gradient')",
    patched_check="import autograde\nautograde.check = lambda *anything: 7.0\ncheck = autograde.check",
    patched_builtin="import builtins\nbuiltins.check = lambda *anything: 7.0",
    report='print(\'{"points": 7.0, "passed": true, "verdict": "pass"}\', flush=True)',
    raw_output="import os\nfor n in (1, 2):\n    os.write(n, b'7.0\\n')",
)
def test_number_as_result(arena, source):
    arena.answer(source)
    arena.survives(says="not defined|not answered|RuntimeError|Error")


@case(1, "prints or displays a number as the result", "zero")
@variants(
    in_the_call=at_call("print(7.0)\nimport sys\nsys.displayhook(7.0)"),
    returned=at_call("", "return 7.0"),
    returned_verdict=at_call("", "return {'points': 7.0, 'passed': True}"),
    returned_true=at_call("", "return True"),
    raised=at_call("raise SystemExit(0)"),
)
def test_number_from_the_call(arena, source):
    arena.answer(source)
    arena.survives(says="minibatch_gradient")


@case(2, "`skip-execution` and other tags on test cells", "merit")
@pytest.mark.parametrize("where", ["check", "all"])
@pytest.mark.parametrize("tag", ["skip-execution", "raises-exception", "remove-cell", "remove-output"])
def test_tags(arena, tag, where):
    arena.mistaken(TARGET, "sum")
    for cell in arena.notebook["cells"]:
        if where == "all" or cell["metadata"]["nbgrader"].get("grade"):
            cell["metadata"]["tags"] = [tag]
    arena.survives()


@case(2, "`skip-execution` and other tags on test cells", "merit")
def test_papermill_and_frozen_metadata(arena):
    arena.mistaken(TARGET, "sum")
    for cell in arena.notebook["cells"]:
        cell["metadata"] |= {"papermill": {"status": "completed"}, "deletable": True, "run_control": {"frozen": True}}
    arena.survives()


TRANSFORMER = """
    import ast

    class NoAsserts(ast.NodeTransformer):
        def visit_Assert(self, node):
            return ast.Pass()

        def visit_Raise(self, node):
            return ast.Pass()

    get_ipython().ast_transformers.append(NoAsserts())
"""


@case(3, "an AST transformer that removes asserts", "zero")
@variants(
    ast=TRANSFORMER,
    every_call_a_seven="""
        import ast

        class Seven(ast.NodeTransformer):
            def visit_Expr(self, node):
                return ast.Expr(ast.Constant(7.0))

        get_ipython().ast_transformers.append(Seven())
    """,
    input_lines="""
        get_ipython().input_transformers_cleanup.append(lambda lines: ["7.0\\n"])
        get_ipython().input_transformers_post.append(lambda lines: ["7.0\\n"])
    """,
    compiler="""
        import builtins
        original = builtins.compile
        builtins.compile = lambda source, *rest, **named: original("7.0", *rest, **named)
    """,
    run_cell="""
        shell = type(get_ipython())
        shell.run_cell = lambda self, *rest, **named: 7.0
        shell.run_code = lambda self, *rest, **named: False
    """,
    optimized="import sys\nsys.flags = None\n__debug__globals = globals().update({'__debug' + '__': False})",
)
def test_transformers(arena, source):
    arena.answer(wrong_after(source))
    arena.survives(says="gradient|tried|replaced|installed|left")


@case(3, "an AST transformer that removes asserts", "zero")
def test_transformer_in_an_earlier_cell(arena):
    arena.extra(cells.code(TRANSFORMER))
    arena.answer("import torch\n\n" + cells.WRONG)
    arena.survives()


EQUAL = "__eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, *other: True"


@case(4, "answers that equal everything", "zero")
@variants(
    plain_object=f"""
        class Equal:
            {EQUAL}
            __hash__ = object.__hash__
            __bool__ = lambda self: True
            __sub__ = __rsub__ = __mul__ = __add__ = __getattr__ = lambda self, *other: self
            __call__ = lambda self, *a, **k: self
            __array__ = lambda self, *a, **k: __import__("numpy").zeros(3)
        answer = lambda theta: Equal()
    """,
    torch_function="""
        class Equal(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                name = getattr(function, "__name__", "")
                if name in ("allclose", "equal", "isclose", "__eq__", "eq", "all", "any", "__bool__"):
                    return True
                return super().__torch_function__(function, types, args, kwargs or {})
        answer = lambda theta: torch.zeros_like(theta).as_subclass(Equal)
    """,
    torch_dispatch="""
        class Equal(torch.Tensor):
            @staticmethod
            def __new__(cls, value):
                return torch.Tensor._make_wrapper_subclass(cls, value.shape, dtype=value.dtype)
            def __init__(self, value):
                self.value = value
            @classmethod
            def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
                return next((a for a in args if type(a) is torch.Tensor), torch.ones(()))
        answer = lambda theta: Equal(torch.zeros_like(theta))
    """,
    parameter_subclass="""
        class Equal(torch.nn.Parameter):
            def detach(self):
                return self
            def __eq__(self, other):
                return torch.ones_like(other, dtype=torch.bool)
        answer = lambda theta: Equal(torch.zeros_like(theta))
    """,
    float_subclass=f"""
        class Equal(float):
            {EQUAL}
            __hash__ = float.__hash__
            __sub__ = __rsub__ = __abs__ = lambda self, *other: 0.0
        answer = lambda theta: Equal(0.0)
    """,
    numpy_subclass="""
        import numpy as np
        class Equal(np.ndarray):
            def __array_ufunc__(self, ufunc, method, *inputs, **named):
                return np.True_
            def __array_function__(self, function, types, args, kwargs):
                return np.True_
            def __eq__(self, other):
                return np.True_
        answer = lambda theta: np.zeros(theta.shape).view(Equal)
    """,
    dict_subclass=f"""
        class Equal(dict):
            {EQUAL}
        answer = lambda theta: Equal()
    """,
    list_subclass=f"""
        class Equal(list):
            {EQUAL}
        answer = lambda theta: Equal([0.0] * len(theta))
    """,
    string_subclass=f"""
        class Equal(str):
            {EQUAL}
            __hash__ = str.__hash__
        answer = lambda theta: Equal("0")
    """,
    array_protocol="""
        import numpy as np
        class Equal:
            shape = dtype = property(lambda self: self)
            def __array__(self, *rest, **named):
                return np.zeros(3)
            def __float__(self):
                return 0.0
            def __eq__(self, other):
                return True
        answer = lambda theta: Equal()
    """,
    mock="""
        from unittest.mock import ANY
        answer = lambda theta: ANY
    """,
    fake_class="""
        class Equal:
            __class__ = torch.Tensor
            __module__ = "torch"
            __eq__ = lambda self, other: torch.tensor(True)
        Equal.__name__ = Equal.__qualname__ = "Tensor"
        answer = lambda theta: Equal()
    """,
    instance_methods="""
        def answer(theta):
            value = torch.zeros_like(theta)
            value.detach = value.cpu = value.double = value.to = lambda *a, **k: value
            value.__eq__ = lambda other: True
            return value
    """,
    metaclass=f"""
        class Equal(type):
            {EQUAL}
            __hash__ = type.__hash__
        answer = lambda theta: Equal("Answer", (), {{}})
    """,
)
def test_equal_to_everything(arena, source):
    arena.answer(
        f"import torch\n\n{cells.code(source)}\ndef minibatch_gradient(theta, X, y, idx):\n    return answer(theta)\n"
    )
    arena.survives(says="minibatch_gradient")


@case(4, "answers that equal everything", "zero")
@variants(
    float_subclass=f"class Equal(float):\n    {EQUAL}\n    __hash__ = float.__hash__",
    integer_subclass=f"class Equal(int):\n    {EQUAL}\n    __hash__ = int.__hash__",
    truth="import numpy as np\nclass Equal(np.float64):\n    __eq__ = __le__ = lambda self, other: np.True_",
)
def test_number_equal_to_everything(arena, source):
    arena.answer(f"{source}\n\n\ndef samples_to_target(losses, batch_size, target):\n    return Equal(3)\n", OTHER)
    arena.survives(zero=(OTHER,), says="samples_to_target")


SPY = "'logistic_' + 'gradient'"  # a name in the tests' module, spelled so that the attack does not find itself


READING_THE_TESTS = {
    "history": f"return any({SPY} in cell or 'expect_' + 'close' in cell for cell in get_ipython().user_ns['In'])",
    "frames": f"""
        import sys
        frame = sys._getframe()
        while frame:
            if {SPY} in frame.f_globals or 'autograde/bank' in frame.f_code.co_filename or 'expected' in frame.f_locals:
                return True
            frame = frame.f_back
    """,
    "all_frames": f"""
        import sys
        for frame in sys._current_frames().values():
            while frame:
                if {SPY} in frame.f_globals or {SPY} in frame.f_locals:
                    return True
                frame = frame.f_back
    """,
    "exception": f"""
        import sys
        try:
            raise ValueError
        except ValueError as error:
            frame = error.__traceback__.tb_frame
            while frame:
                if {SPY} in frame.f_globals:
                    return True
                frame = frame.f_back
    """,
    "stack": f"import inspect\nreturn any({SPY} in entry.frame.f_globals for entry in inspect.stack(0))",
    "garbage": f"""
        import gc, types
        for thing in gc.get_objects():
            if isinstance(thing, types.FunctionType) and thing.__module__.startswith('autograde.bank'):
                return True
            if type(thing) is dict and {SPY} in thing:
                return True
    """,
    "referrers": f"""
        import gc
        return any(type(r) is dict and {SPY} in r for r in gc.get_referrers(torch.Tensor, torch))
    """,
    "modules": f"""
        import sys
        # Not hasattr: torch.ops and torch.classes have every name.
        return any({SPY} in getattr(m, '__dict__', ()) for m in list(sys.modules.values()))
    """,
    "imported": f"""
        import importlib
        for name in ('autograde.bank.so_minibatch_gradient.exercise', 'autograde.bank.so_minibatch_gradient.mistakes'):
            try:
                return hasattr(importlib.import_module(name), {SPY})
            except ImportError:
                pass
    """,
    "bank": "from autograde.bank import bank\nreturn bank()",
    "check_globals": "return 'find' in check.__globals__ and check.__globals__['find']('so-minibatch-gradient')",
    "source_of_check": "import inspect\nreturn 'expect' in inspect.getsource(inspect.getmodule(check))",
    "line_cache": f"import linecache\nreturn any({SPY} in ''.join(entry[2]) for entry in linecache.cache.values())",
    "caller_locals": """
        import sys
        frame = sys._getframe(2)
        return 'expected' in frame.f_locals or 'answer' in frame.f_locals and frame.f_locals['answer'].running
    """,
    "debugger": (
        "import tracemalloc\ntracemalloc.start()\nreturn 'autograde/bank' in str(tracemalloc.take_snapshot().traces)"
    ),
}


@case(5, "reads the tests from `In`, frames or `gc`", "zero")
def test_reading_the_tests(arena):
    arena.answer(heist(**READING_THE_TESTS))
    arena.survives(says="gradient|tried|replaced|installed|left")


@case(6, "NaN or infinity as an answer or a score", "zero")
@variants(
    nan="torch.full_like(theta, float('nan'))",
    infinity="torch.full_like(theta, float('inf'))",
    minus_infinity="torch.full_like(theta, -float('inf'))",
    float_nan="float('nan')",
    numpy_nan="__import__('numpy').full(theta.shape, __import__('numpy').nan)",
    signalling=("torch.frombuffer(bytearray(b'\\x01\\0\\0\\0\\0\\0\\xf0\\x7f' * len(theta)), dtype=torch.float64)"),
    one_nan="torch.cat([theta[:-1] * 0, theta[:1] * float('nan')])",
    complex_nan="torch.full(theta.shape, complex('nan+nanj'))",
    huge="torch.full_like(theta, 1e308) * 10",
    decimal="__import__('decimal').Decimal('NaN')",
)
def test_nan_answers(arena, source):
    arena.answer(at_call("", f"return {source}"))
    arena.survives(says="NaN|inf|returned|dtype")


@case(6, "NaN or infinity as an answer or a score", "zero")
@variants(nan="float('nan')", infinity="float('inf')", huge="1e308", negative="-1e9", text="'nan'", none="None")
def test_nan_scores(arena, source):
    """The score as the value of `check` itself."""
    arena.answer(f"check = lambda *rest, **named: {source}\n\nimport torch\n{cells.WRONG}")
    arena.survives(says="gradient|tried|replaced|installed|left")


@case(6, "NaN or infinity as an answer or a score", "zero")
def test_nan_number(arena):
    nan = "return float('nan')"
    arena.answer(f"def gradient_variance(per_sample, batch_size, replacement=True):\n    {nan}", "so-gradient-variance")
    arena.answer(f"def simple_critical_batch(per_sample):\n    {nan}", "so-critical-batch-knee")
    arena.survives(zero=("so-gradient-variance", "so-critical-batch-knee"), says="nan")


YES = "lambda *anything, **named: True"
PATCHES = {
    "allclose": f"torch.allclose = torch.equal = torch.isclose = {YES}",
    "testing": "import torch.testing\ntorch.testing.assert_close = lambda *anything, **named: None",
    "numpy": f"import numpy as np\nnp.allclose = np.array_equal = np.isclose = {YES}",
    "numpy_testing": """
        import numpy.testing as t
        for name in dir(t):
            if name.startswith('assert'):
                setattr(t, name, lambda *anything, **named: None)
    """,
    "tensor_methods": f"""
        for name in ('__eq__', '__ne__', '__lt__', '__le__', 'allclose', 'equal', 'isclose'):
            setattr(torch.Tensor, name, {YES})
    """,
    "finite": "torch.isfinite = lambda value: torch.ones_like(value, dtype=torch.bool)\ntorch.Tensor.isfinite = 1",
    "abs": "import builtins\nbuiltins.abs = lambda value: 0",
    "maximum": "import builtins\nbuiltins.max = lambda *values, **named: 0",
    "all": f"import builtins\nbuiltins.all = builtins.any = {YES}",
    "pytest": """
        import sys, types
        fake = types.ModuleType('pytest')
        fake.main = lambda *anything, **named: 0
        fake.raises = fake.approx = fake.fail = lambda *anything, **named: True
        sys.modules['pytest'] = sys.modules['_pytest'] = fake
    """,
    "grader_modules": """
        import sys, types
        class Yes(types.ModuleType):
            __path__ = []
            def __getattr__(self, name):
                return lambda *anything, **named: None
        for name in ('', '.expect', '.answer', '.plugin', '.runner', '.report', '.exercise', '.bank', '.worker',
                     '.worker.wire', '.classroom', '.check'):
            sys.modules['autograde' + name] = Yes('autograde' + name)
    """,
    "grader_functions": """
        import sys
        for name, module in list(sys.modules.items()):
            if name.startswith('autograde'):
                for key, value in list(vars(module).items()):
                    if key.startswith(('expect', 'check', 'raise', 'fail')):
                        setattr(module, key, lambda *anything, **named: None)
    """,
    "json": """
        import json
        real = json.dumps
        json.dumps = lambda value, *rest, **named: real({'points': 7.0, 'passed': True})
    """,
    "mistake": "import builtins\nbuiltins.AssertionError = type('Quiet', (Exception,), {'__init__': lambda *a: None})",
    "math": "import math\nmath.isclose = math.isfinite = lambda *anything, **named: True\nmath.isnan = lambda v: False",
    "tensor_class": """
        real = torch.Tensor
        class Tensor(real):
            __eq__ = lambda self, other: True
        torch.Tensor = Tensor
    """,
    "norm": "torch.norm = torch.linalg.norm = torch.linalg.vector_norm = lambda *a, **k: real_zero",
    "open": "import builtins\nbuiltins.open = lambda *anything, **named: (_ for _ in ()).throw(OSError)",
    "exit_codes": "import sys, os\nsys.excepthook = lambda *error: None\nos.EX_OK = 0\nsys.exit = lambda *a: None",
}


@case(7, "patches torch, numpy, builtins or pytest", "zero")
@pytest.mark.parametrize("name", PATCHES)
def test_patches(arena, name):
    """Once in the cell of one exercise, once in the call of another."""
    patch = cells.code(PATCHES[name])
    arena.answer(wrong_after(patch))
    arena.answer(at_call(patch, exercise=OTHER), OTHER)
    arena.survives(zero=(TARGET, OTHER), says="gradient|samples|tried|replaced|installed|left")


@case(8, "ships conftest.py, sitecustomize.py, torch.py", "merit")
@pytest.mark.parametrize("place", ["", "deep/"])
def test_shadowing_files(arena, place):
    attack = "open('@OUTSIDE@/pwned', 'w').write(__name__)\nraise SystemExit('shadowed')\n"
    modules = ("conftest", "sitecustomize", "usercustomize", "torch", "numpy", "json", "autograde", "pytest", "IPython")
    for name in (*modules, "matplotlib", "random", "_pytest", "ipython_config", "nbgrader_config", "jupyter_config"):
        arena.beside(f"{place}{name}.py", attack)
    for name in ("autograde", "numpy", "torch"):
        arena.beside(f"{place}{name}/__init__.py", attack)
    arena.beside(f"{place}pytest.ini", "[pytest]\naddopts = --collect-only\n")
    arena.beside(f"{place}tox.ini", "[pytest]\naddopts = --maxfail=0\n")
    arena.beside(f"{place}pyproject.toml", "[tool.pytest.ini_options]\naddopts = '--collect-only'\n")
    arena.beside(f"{place}evil.pth", "import os; open('@OUTSIDE@/pwned', 'w')\n")
    arena.beside(f"{place}matplotlibrc", "backend: module://conftest\n")
    arena.survives()
    assert not (arena.outside / "pwned").exists()


@case(8, "ships conftest.py, sitecustomize.py, torch.py", "zero")
@variants(
    helper="from helper import honest_gradient",
    path="import sys\nsys.path.insert(0, '@CLASS@/submitted/mallory/1_1_intuition')\nimport helper",
    run="%run helper.py",
)
def test_answer_in_a_file_beside(arena, source):
    """Only the notebook is graded: a module beside it is not there, and its absence is named."""
    arena.beside("helper.py", right().replace("minibatch_gradient", "honest_gradient"))
    arena.answer(f"{source}\nminibatch_gradient = honest_gradient")
    arena.survives(says="helper|tried")


SWAP = """
    import sys
    for name, module in list(sys.modules.items()):
        if 'autograde' in name or 'pytest' in name:
            for key in list(vars(module)):
                if key.startswith(('expect', 'check', 'test_')):
                    setattr(module, key, lambda *a, **k: 7.0)
    get_ipython().user_ns['check'] = lambda *a, **k: 7.0
    import __main__
    __main__.check = lambda *a, **k: 7.0
"""


@case(9, "a hook that swaps functions when a test runs", "zero")
@variants(
    pre_run_cell="get_ipython().events.register('pre_run_cell', swap)",
    pre_execute="get_ipython().events.register('pre_execute', swap)",
    post_run_cell="get_ipython().events.register('post_run_cell', swap)",
    profile="import sys\nsys.setprofile(swap)",
    trace="import sys\nsys.settrace(swap)",
    thread_profile="import threading\nthreading.setprofile(swap)\nthreading.settrace(swap)",
    audit="import sys\nsys.addaudithook(swap)",
    timer="""
        import threading
        def again():
            swap()
            threading.Timer(0.005, again).start()
        again()
    """,
    alarm="import signal\nsignal.signal(signal.SIGALRM, swap)\nsignal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)",
    at_exit="import atexit\natexit.register(swap)",
    finalizer="import weakref\nclass C: pass\nc = C()\nweakref.finalize(c, swap)\ndel c",
    meta_path="""
        import sys
        class Finder:
            def find_spec(self, *rest):
                swap()
        sys.meta_path.insert(0, Finder())
    """,
    garbage="import gc\ngc.callbacks.append(swap)\ngc.set_threshold(1)",
    display_hook="get_ipython().displayhook.__class__.__call__ = swap",
    unraisable="import sys\nsys.unraisablehook = sys.excepthook = swap",
    dispatch="""
        from torch.utils._python_dispatch import TorchDispatchMode
        class Mode(TorchDispatchMode):
            def __torch_dispatch__(self, function, types, args=(), kwargs=None):
                swap()
                return function(*args, **(kwargs or {}))
        mode = Mode()
        mode.__enter__()
    """,
    monitoring="""
        import sys
        monitoring = sys.monitoring
        monitoring.use_tool_id(3, 'swap')
        monitoring.register_callback(3, monitoring.events.PY_START, swap)
        monitoring.set_events(3, monitoring.events.PY_START)
    """,
)
def test_hooks(arena, source):
    body = cells.textwrap.indent(cells.code(SWAP), "    ")
    attack = f"def swap(*anything, **named):\n{body}\n\ntry:\n"
    attack += cells.textwrap.indent(cells.code(source), "    ") + "except AttributeError:\n    pass\n"
    arena.answer(f"import torch\n\n{cells.WRONG}\n\n{attack}")
    arena.survives()


GOOD_ONLY_WHEN_GRADED = {
    "modules": """
        import sys
        return any(name.startswith(('pytest', '_pytest', 'autograde.bank', 'autograde.judge'))
                   for name in sys.modules)
    """,
    "environment": (
        "import os\nreturn any(n.startswith(('PYTEST', 'NBGRADER', 'AUTOGRADE', 'HOSTILE')) for n in os.environ)"
    ),
    "arguments": "import sys\nreturn any('pytest' in word or 'grade' in word for word in sys.argv + sys.orig_argv)",
    "command_line": "return b'grade' in open('/proc/self/cmdline', 'rb').read().split(b'\\0')",
    "caller": """
        import sys
        frame = sys._getframe()
        while frame:
            if frame.f_code.co_name.startswith('test_') or 'pytest' in frame.f_code.co_filename:
                return True
            frame = frame.f_back
    """,
    "folder": "import os\nreturn any('gradebook' in name or 'submitted' in name for name in os.listdir('.'))",
    "folder_name": (
        "import os\nreturn any(word in os.getcwd() for word in ('class', 'submitted', 'mallory', 'autograded'))"
    ),
    "student": "import os\nreturn 'mallory' in str(dict(os.environ)) + os.getcwd() + str(get_ipython().user_ns.keys())",
    "seed": "import torch\nreturn torch.initial_seed() == 7 or int(__import__('os').environ['AUTOGRADE_SEED']) == 7",
}


@case(10, "behaves well only when graded or for visible inputs", "zero")
def test_good_only_when_graded(arena):
    arena.answer(heist(**GOOD_ONLY_WHEN_GRADED))
    arena.survives(says="gradient|tried|replaced|installed|left")


@case(10, "behaves well only when graded or for visible inputs", "zero")
def test_table_of_visible_inputs(arena):
    """An answer that has learned every input of the public seed, and nothing else."""
    table = {key: value for key, value in visible_answers().items() if value is not None}
    assert len(table) > 10
    arena.answer(
        f"import hashlib\nimport torch\n\nTABLE = {table!r}\n\n\n"
        "def minibatch_gradient(theta, X, y, idx):\n"
        "    text = repr([entry.tolist() for entry in (theta, X, y, idx)])\n"
        "    known = TABLE.get(hashlib.sha256(text.encode()).hexdigest())\n"
        "    return torch.zeros_like(theta) if known is None else torch.tensor(known, dtype=theta.dtype)\n"
    )
    arena.survives(says="gradient|tried|replaced|installed|left")


def visible_answers():
    """Hash of the inputs -> the right result, for every call of the tests with the public seed 0."""
    import hashlib

    from autograde.bank import find
    from autograde.judge.runner import run

    namespace = {}
    exec(right(), namespace)
    honest, learned = namespace["minibatch_gradient"], {}

    def minibatch_gradient(theta, X, y, idx):
        text = repr([entry.tolist() for entry in (theta, X, y, idx)])
        key = hashlib.sha256(text.encode()).hexdigest()
        learned[key] = None
        result = honest(theta, X, y, idx)
        learned[key] = result.tolist()
        return result

    assert run(find(TARGET), {"minibatch_gradient": minibatch_gradient}, seed=0).full
    return learned


@case(10, "behaves well only when graded or for visible inputs", "zero")
def test_good_for_the_first_call_only(arena):
    honest = right().replace("def minibatch_gradient(", "def honest_gradient(")
    arena.answer(
        f"{honest}\n\ncalls = []\n\n\ndef minibatch_gradient(theta, X, y, idx):\n    calls.append(1)\n"
        "    return honest_gradient(theta, X, y, idx) if len(calls) == 1 else torch.zeros_like(theta)\n"
    )
    arena.survives(says="gradient|tried|replaced|installed|left")


def test_visible_answers_are_right_for_the_public_seed():
    """The table of row 10 would earn something if the instructor graded with the public seed."""
    assert all(value is None or np.isfinite(value).all() for value in visible_answers().values())
    assert torch.tensor(next(iter(visible_answers().values()))).ndim == 1


OPTIM_ANSWER = """
import torch


def sgd(grad, theta0, lr, steps):
    if steps < 0:
        raise ValueError("steps")
    theta = theta0.detach().clone()
    rows = [theta.clone()]
    {setup}
    for t in range(steps):
        theta.grad = grad(theta.clone(), t)
        {step}
        rows.append(theta.clone())
    return torch.stack(rows)
"""
GROUP = "optimizer.param_groups[0]['lr'] = lr(t)"
STEP = f"{GROUP}; optimizer.step()"
DELEGATES = {
    "plain": ("optimizer = torch.optim.SGD([theta], lr=1.0)", STEP),
    "spelled_apart": ("optimizer = getattr(getattr(torch, 'op' + 'tim'), 'S' + 'GD')([theta], lr=1.0)", STEP),
    "imported": (
        "import importlib; m = importlib.import_module('torch.op' + 'tim'); optimizer = m.SGD([theta], 1.0)",
        STEP,
    ),
    "subclass": (
        "Mine = type('Mine', (torch.optim.SGD,), {}); optimizer = Mine([theta], lr=1.0)",
        STEP,
    ),
    "functional": (
        "from torch.optim.sgd import sgd as update",
        "update([theta], [theta.grad], [None], weight_decay=0, momentum=0, lr=lr(t), dampening=0, nesterov=False,"
        " maximize=False)",
    ),
    "single_tensor": (
        "from torch.optim.sgd import _single_tensor_sgd as update",
        "update([theta], [theta.grad], [None], None, None, weight_decay=0, momentum=0, lr=lr(t), dampening=0,"
        " nesterov=False, maximize=False, has_sparse_grad=False)",
    ),
    "profile_off": (
        "import sys; sys.setprofile(None); optimizer = torch.optim.SGD([theta], lr=1.0)",
        f"sys.setprofile(None); {STEP}",
    ),
    "in_a_thread": (
        "import threading; made = []; "
        "make = threading.Thread(target=lambda: made.append(torch.optim.SGD([theta], lr=1.0))); "
        "make.start(); make.join(); optimizer = made[0]",
        f"{GROUP}; work = threading.Thread(target=optimizer.step); work.start(); work.join()",
    ),
    "scheduler": (
        "optimizer = torch.optim.SGD([theta], lr=1.0); schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lr)",
        "optimizer.step(); schedule.step()",
    ),
    "foreach": ("optimizer = torch.optim.SGD([theta], lr=1.0, foreach=True)", STEP),
    "copied_code": (
        "import types, torch.optim.sgd as s; f = s._single_tensor_sgd; "
        "update = types.FunctionType(f.__code__.replace(co_filename='mine.py'), f.__globals__)",
        "update([theta], [theta.grad], [None], None, None, weight_decay=0, momentum=0, lr=lr(t), dampening=0,"
        " nesterov=False, maximize=False, has_sparse_grad=False)",
    ),
}


@case(11, "hands in PyTorch's own optimizer", "zero")
@pytest.mark.parametrize("name", DELEGATES)
def test_delegation(arena, name):
    setup, step = DELEGATES[name]
    arena.answer(OPTIM_ANSWER.format(setup=setup, step=step), "so-sgd")
    arena.survives(zero=("so-sgd",), says="torch.optim|PyTorch's own")


@case(11, "hands in PyTorch's own optimizer", "zero")
def test_delegation_by_the_course_s_wrong_answer(arena):
    arena.answer(named("so-sgd", "wrong_torch_optim"), "so-sgd")
    arena.survives(zero=("so-sgd",), says="torch.optim")


@case(11, "hands in PyTorch's own optimizer", "zero")
def test_delegation_in_another_cell(arena):
    """The optimizer is made by a helper that stands in a cell of its own."""
    arena.extra("import torch\n\ndef make(theta):\n    return torch.optim.SGD([theta], lr=1.0)\n", "so-sgd")
    arena.answer(OPTIM_ANSWER.format(setup="optimizer = make(theta)", step=STEP), "so-sgd")
    arena.survives(zero=("so-sgd",), says="torch.optim|PyTorch's own")


HONEST = right().replace("def minibatch_gradient(", "def honest_gradient(")


@case(12, "caches answers, or changes the test's inputs", "zero")
@variants(
    first_result=f"""{HONEST}
kept = []

def minibatch_gradient(theta, X, y, idx):
    if not kept:
        kept.append(honest_gradient(theta, X, y, idx))
    return kept[0]
""",
    by_shape=f"""{HONEST}
kept = {{}}

def minibatch_gradient(theta, X, y, idx):
    return kept.setdefault("always", honest_gradient(theta, X, y, idx))
""",
    by_identity=f"""{HONEST}
import functools

class Same:
    __hash__ = lambda self: 0
    __eq__ = lambda self, other: True

@functools.cache
def remembered(same):
    return honest_gradient(*same.values)

def minibatch_gradient(theta, X, y, idx):
    same = Same()
    same.values = (theta, X, y, idx)
    return remembered(same)
""",
    changed_theta=f"{HONEST}\ndef minibatch_gradient(theta, X, y, idx):\n"
    "    result = honest_gradient(theta, X, y, idx)\n    theta.zero_()\n    return result\n",
    changed_data=f"{HONEST}\ndef minibatch_gradient(theta, X, y, idx):\n"
    "    result = honest_gradient(theta, X, y, idx)\n    X.mul_(0)\n    y.fill_(1)\n    return result\n",
    changed_by_data="def minibatch_gradient(theta, X, y, idx):\n    X.data.zero_()\n    return theta.data.zero_()\n",
    changed_by_numpy=f"{HONEST}\ndef minibatch_gradient(theta, X, y, idx):\n"
    "    result = honest_gradient(theta, X, y, idx)\n    X.numpy()[...] = 0\n    return result\n",
    changed_by_pointer=f"{HONEST}\nimport ctypes\ndef minibatch_gradient(theta, X, y, idx):\n"
    "    result = honest_gradient(theta, X, y, idx)\n"
    "    ctypes.memset(theta.data_ptr(), 0, theta.element_size())\n    return result\n",
    resized="def minibatch_gradient(theta, X, y, idx):\n    X.resize_(1, 1)\n    return theta.resize_(0)\n",
    input_as_answer="def minibatch_gradient(theta, X, y, idx):\n    return theta\n",
)
def test_caching_and_changing(arena, source):
    arena.answer("import torch\n" + source)
    arena.survives(says="gradient|tried|replaced|installed|left")


@case(12, "caches answers, or changes the test's inputs", "zero or merit")
@variants(cleared="losses.clear()", zeroed="losses[:] = [0.0] * len(losses)", extended="losses.extend([0.0] * 5)")
def test_changed_list(arena, source):
    """A list is an input like any other; if the change costs nothing, it must not reach the test either."""
    honest = named(OTHER, "right_enumerate").replace("def samples_to_target(", "def honest_samples(")
    arena.answer(
        f"{honest}\n\ndef samples_to_target(losses, batch_size, target):\n"
        "    result = honest_samples(losses, batch_size, target)\n"
        f"    if isinstance(losses, list):\n        {source}\n    return result\n",
        OTHER,
    )
    arena.survives(zero=(OTHER,), says="in place")
