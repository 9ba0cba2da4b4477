"""The rooms of the library import one way only, in no circle, and nothing from above the library."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import noisydescent

ROOT = Path(noisydescent.__file__).parent
# a room may import rooms of a lower level only; modules of one room may import each other, in no circle
LEVELS = [
    {"arguments", "devices", "toml_files"},
    {"problems", "schedules", "concepts"},
    {"optimizers", "theory", "diagnostics", "torch_scheduler", "processes"},
    {"training"},
    {"figures"},
    {"labs", "study"},
    {"__init__"},
]
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
# the rooms below the figures must need neither widgets nor matplotlib
FRONT = {"ipywidgets", "IPython", "matplotlib", "PIL"}
MODULES = sorted(ROOT.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def name_of(path: Path) -> str:
    return ".".join(["noisydescent", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")


NAMES = {name_of(path) for path in MODULES}


def imports(source: str) -> set[str]:
    """Full names of every module that `source` imports, at its top, inside a function or by `import_module`."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "write absolute imports"
            for alias in node.names:
                # `from noisydescent import theory` imports a module, `from torch import Tensor` a name
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in NAMES or node.module == "noisydescent" else node.module)
        elif isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):
            found |= {argument.value for argument in node.args if isinstance(argument, ast.Constant)}
    return found


def upward(room: str, names: set[str]) -> list[str]:
    """Those of `names` that a module in `room` must not import."""
    wrong = []
    for name in names:
        top, _, rest = name.partition(".")
        other = rest.split(".")[0]
        if top == "noisydescent":
            ok = other == room or (other in LEVEL and LEVEL[other] < LEVEL[room])
        else:
            ok = top not in {"autograde", "tests", "nbgrader", "solutions", "exercises"}
            ok = ok and (LEVEL[room] >= LEVEL["figures"] or top not in FRONT)
        wrong += [] if ok else [name]
    return wrong


def test_every_room_has_a_level():
    assert {room_of(path) for path in MODULES} == set(LEVEL)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_one_way_only(path):
    assert upward(room_of(path), imports(path.read_text(encoding="utf-8"))) == []


def test_no_circle():
    graph = {name_of(path): imports(path.read_text(encoding="utf-8")) & NAMES for path in MODULES}
    TopologicalSorter(graph).prepare()


def test_these_tests_can_lose():
    inside = "def f():\n    from noisydescent.training import train\n    import matplotlib.pyplot"
    assert set(upward("problems", imports(inside))) == {"noisydescent.training", "matplotlib.pyplot"}
    assert upward("labs", imports("from noisydescent import study")) == ["noisydescent.study"]
    assert upward("labs", imports("from noisydescent import train")) == ["noisydescent.train"]
    assert upward("figures", imports("importlib.import_module('noisydescent.labs')")) == ["noisydescent.labs"]
    assert upward("theory", imports("import autograde.cli")) == ["autograde.cli"]
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


@pytest.mark.parametrize("package", sorted({name_of(p) for p in MODULES if p.name == "__init__.py"}))
def test_no_module_is_hidden_by_a_name_that_its_package_exports(package):
    module = importlib.import_module(package)
    inside = {found.name for found in pkgutil.iter_modules(module.__path__)}
    hidden = {name for name in inside if callable(getattr(module, name, None))}
    assert not hidden, f"{package} exports {hidden}, and has modules of that name"
    assert not (set(getattr(module, "__all__", ())) & inside)


def test_the_library_brings_no_widgets_along_until_a_lab_is_asked_for():
    code = (
        "import sys, noisydescent\n"
        "assert 'ipywidgets' not in sys.modules\n"
        "from noisydescent import lab\n"
        "import noisydescent.labs\n"
        "assert lab is noisydescent.labs is noisydescent.lab and 'ipywidgets' in sys.modules\n"
        "assert not hasattr(noisydescent, 'labb')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
