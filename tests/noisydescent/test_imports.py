"""The rooms of the library import one way only, and nothing from above it."""

import ast
from pathlib import Path

import pytest

import noisydescent

ROOT = Path(noisydescent.__file__).parent
# a room may import rooms of a lower level only; modules of one package (problems, figures) may import each other
LEVELS = [
    {"arguments", "devices"},
    {"problems", "schedules"},
    {"optimizers", "theory", "diagnostics", "torch_scheduler", "processes"},
    {"sweep"},
    {"figures"},
    {"lab", "study"},
    {"__init__"},
]
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
# what each room may draw in from outside: problems and theory must not need widgets or matplotlib
WIDGETS, PICTURES = {"ipywidgets", "IPython"}, {"matplotlib"}


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Full names of everything that a module imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write absolute imports"
            # `from noisydescent import theory` imports a room, `from torch import Tensor` a name
            own = node.module == "noisydescent"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} if own else {node.module}
    return found


MODULES = sorted(ROOT.rglob("*.py"))


def test_every_room_has_a_level():
    assert {room_of(path) for path in MODULES} == set(LEVEL)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_one_way_only(path):
    room = room_of(path)
    for name in imports(path):
        top, _, rest = name.partition(".")
        assert top not in {"autograde", "tests", "nbgrader", "solutions", "exercises"}, f"{room} imports {name}"
        if LEVEL[room] < LEVEL["figures"]:
            assert top not in PICTURES, f"{room} imports {name}"
        if LEVEL[room] < LEVEL["figures"]:
            assert top not in WIDGETS, f"{room} imports {name}"
        if top == "noisydescent":
            other = rest.split(".")[0]
            assert other in LEVEL, f"{room} imports {name}: import it from the module that defines it"
            assert other == room or LEVEL[other] < LEVEL[room], f"{room} imports {name}, which is not below it"
