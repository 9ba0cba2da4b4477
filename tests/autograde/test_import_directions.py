"""Which room may import which, local imports included; and that no two modules import each other, directly or not."""

from __future__ import annotations

import ast
import contextlib
import re
from graphlib import CycleError, TopologicalSorter

import pytest

from autograde.sandbox.paths import ROOT

# Room -> the rooms it may import from besides itself. Modules directly in autograde/ are the room "".
BELOW = {
    "noisydescent": set(),
    "sandbox": set(),
    "worker": {"sandbox"},
    "judge": {"worker", "sandbox"},
    "bank": {"judge", "sandbox", "noisydescent"},
}
BELOW["classroom"] = {"bank", *BELOW["bank"], *BELOW["judge"]}
BELOW["authoring"] = {"classroom", *BELOW["classroom"]}
BELOW[""] = {"authoring", *BELOW["authoring"]}
NO_MODULES = ("class",)
MODULE_NAME = re.compile(r"(autograde|noisydescent)(\.\w+)+")


def sources() -> dict[str, str]:
    """Module -> text, for the grader and the library."""
    found = {}
    for parent, package in ((ROOT, "autograde"), (ROOT / "course", "noisydescent")):
        for path in sorted((parent / package).rglob("*.py")):
            parts = path.relative_to(parent).with_suffix("").parts
            if parts[1] not in NO_MODULES and not path.name.startswith(("right_", "wrong")):
                found[".".join(parts).removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    return found


def imports(name: str, text: str, modules: set[str]) -> set[str]:
    """The modules of `modules` that this one imports anywhere in it: also in functions, in code that it hands to
    another Python as a text, and those that it names in a text to be imported by that name."""
    package = name if any(other.startswith(f"{name}.") for other in modules) else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            below = {f"{origin}.{alias.name}" for alias in node.names}
            found |= below & modules
            if any(f"{origin}.{alias.name}" not in modules for alias in node.names):
                found.add(origin)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if MODULE_NAME.fullmatch(node.value):
                found.add(node.value)
            elif re.search(r"\bimport\b", node.value) and node.value != text:
                with contextlib.suppress(SyntaxError, ValueError):  # prose
                    found |= imports(name, node.value, modules)
    return (found & modules) - {name}


def room_of(name: str) -> str:
    package, *rest = name.split(".")
    if package == "noisydescent":
        return package
    room = rest[0] if rest else ""
    return room if room in BELOW or len(rest) > 1 else ""


def upward(graph: dict[str, set[str]]) -> list[str]:
    """The imports against the directions."""
    wrong = []
    for name, found in graph.items():
        room = room_of(name)
        for other in sorted(found):
            there = room_of(other)
            if there != room and there not in BELOW[room]:
                wrong.append(f"{name} imports {other}")
    return wrong


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules of which each imports the next, the first one again at the end; empty when there is no circle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def graph_of(texts: dict[str, str]) -> dict[str, set[str]]:
    return {name: imports(name, text, set(texts)) for name, text in texts.items()}


@pytest.fixture(scope="module")
def graph():
    return graph_of(sources())


def test_no_module_imports_upward(graph):
    assert upward(graph) == []


def test_no_circle_among_the_modules(graph):
    assert circle(graph) == []


def test_every_room_has_its_directions(graph):
    assert {room_of(name) for name in graph} <= set(BELOW)
    assert room_of("autograde.new_room.module") == "new_room" not in BELOW


def test_the_fork_server_is_started_with_nothing_but_the_untrusted_room(graph):
    """The judge gives another Python a line to run: that line is an import too."""
    assert "autograde.worker.server" in graph["autograde.judge.launch"]
    reached, waiting = set(), ["autograde.worker.server"]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += graph[name] - reached
    assert {room_of(name) for name in reached} <= {"worker", "sandbox"}
    assert {"autograde.worker.student", "autograde.worker.wire", "autograde.sandbox.landlock"} <= reached


GOOD = {
    "autograde": "def check():\n    from autograde import checking\n",
    "autograde.checking": "from autograde.judge.report import text\n",
    "autograde.judge": "",
    "autograde.judge.report": "from autograde.worker import wire\nTEXT = 'import what you like'\n",
    "autograde.judge.launch": "CODE = 'import sys; from autograde.worker.wire import main; sys.exit(main())'",
    "autograde.worker": "",
    "autograde.worker.wire": "import json\n",
}


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("autograde.worker.wire", "def f():\n    from autograde.judge.report import text\n", "autograde.judge.report"),
        ("autograde.worker.wire", "def f():\n    from autograde.judge import report\n", "autograde.judge.report"),
        ("autograde.worker.wire", "def f():\n    import autograde.judge.report as r\n", "autograde.judge.report"),
        ("autograde.worker.wire", "from ..judge import report\n", "autograde.judge.report"),
        ("autograde.worker.wire", "__import__('autograde.judge.report')\n", "autograde.judge.report"),
        ("autograde.worker.wire", "if False:\n    from autograde import check\n", "autograde"),
        (
            "autograde.judge.launch",
            "CODE = 'import sys; from autograde.checking import main; main()'",
            "autograde.checking",
        ),
    ],
)
def test_an_import_upward_is_found(name, text, wrong):
    assert upward(graph_of(GOOD)) == []
    assert upward(graph_of(GOOD | {name: text})) == [f"{name} imports {wrong}"]


def test_a_circle_is_found():
    assert circle(graph_of(GOOD)) == []
    texts = GOOD | {"autograde.judge.report": "def f():\n    from autograde.judge import launch\n"}
    assert circle(graph_of(texts)) == []
    texts["autograde.judge.launch"] = "def g():\n    from autograde.judge.report import f\n"
    assert set(circle(graph_of(texts))) == {"autograde.judge.report", "autograde.judge.launch"}
