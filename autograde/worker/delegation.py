"""Answers that hand the work to PyTorch's own optimizers and schedulers: seen at the call, and in the source."""

from __future__ import annotations

import ast
import os
import symtable
import sys
from collections.abc import Iterable, Iterator

import torch
import torch.optim

OPTIM = os.path.dirname(os.path.abspath(torch.optim.__file__)) + os.sep
BASES = (torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler)
BASE_FILES = (OPTIM + "optimizer.py", OPTIM + "lr_scheduler.py")
PUBLIC = "torch.optim"
INNER = (ast.stmt, ast.excepthandler, ast.match_case)  # what a compound statement consists of, besides its head


class Watcher:
    """Profile function: remembers in `delegated` which code of `torch.optim` ran first, its two base classes excepted.

    It does so at once: the time limit may end the call before it returns.
    """

    def __init__(self) -> None:
        self.delegated: str | None = None

    def __call__(self, frame, event: str, argument: object) -> None:
        if event != "call" or self.delegated is not None:
            return
        code = frame.f_code
        if not code.co_filename.startswith(OPTIM) or code.co_name == "<module>":
            return
        if code.co_filename in BASE_FILES:
            # The student's own subclass of a base class runs this code too: look at whose method it is.
            self.delegated = torch_class(frame.f_locals.get("self"))
        else:
            self.delegated = torch_class(frame.f_locals.get("self")) or module_of(code.co_filename)


def restore_profile(previous: object) -> None:
    """Put back what `sys.getprofile` returned; cProfile, below Python 3.12, goes back by its own method only."""
    if previous is None or callable(previous):
        sys.setprofile(previous)
    else:
        previous.enable()


def torch_class(instance: object) -> str | None:
    """Name of the first optimizer or scheduler class of `torch.optim`, bases excepted, in the type's MRO."""
    for kind in type(instance).__mro__:
        if kind.__module__.startswith(PUBLIC) and kind not in BASES and not kind.__name__.startswith("_"):
            module = PUBLIC if hasattr(torch.optim, kind.__name__) else kind.__module__
            return f"{module}.{kind.__name__}"
    return None


def module_of(path: str) -> str:
    return f"{PUBLIC}." + path[len(OPTIM) :].removesuffix(".py").replace(os.sep, ".")


def delegation_sentence(name: str) -> str:
    return f"the answer delegates to PyTorch's own `{name}`: write the update yourself (no points for this exercise)"


def delegation_in_source(source: str, functions: Iterable[str]) -> str | None:
    """The optimizer or scheduler of `torch.optim` that the source of `functions` uses; None when it uses none.

    Looks at the named functions and classes and at everything of the same source that they use, directly or not:
    comparing one's answer with PyTorch's elsewhere in the cell is fine. The two base classes are allowed.
    """
    if "optim" not in source:
        return None
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # it does not run either
    definitions: dict[str, list[ast.AST]] = {}
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        imported.update(imports(node))
    for name, node in bindings(tree.body):
        definitions.setdefault(name, []).append(node)
    waiting, seen, found = list(functions), set(), []
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for node in definitions.get(name, []):
            for part in ast.walk(node):
                found += uses(part, imported)
            waiting += names_from_outside(node)
    return min(found, default=None)


def imports(node: ast.AST) -> Iterable[tuple[str, str]]:
    """Names bound by an import, with the dotted name of what they stand for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name.split(".")[0], alias.name if alias.asname else alias.name.split(".")[0]
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        for alias in node.names:
            yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def bindings(statements: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """(name, what it is bound to) of every name that these statements bind, also inside loops, branches and blocks."""
    for node in statements:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node
            continue
        inner = [part for part in ast.iter_child_nodes(node) if isinstance(part, INNER)]
        if not inner:
            yield from ((name, node) for name in names_stored(node))
            continue
        # Of a loop or a block, what the line that opens it binds: `for lr in rates`, `with f() as x`, `if (n := f())`.
        head = [part for part in ast.iter_child_nodes(node) if not isinstance(part, INNER)]
        yield from ((name, part) for part in head for other in head for name in names_stored(other))
        for part in inner:
            yield from bindings([part] if isinstance(part, ast.stmt) else part.body)


def names_stored(node: ast.AST) -> list[str]:
    return [part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]


def names_from_outside(node: ast.AST) -> list[str]:
    """The names that a definition looks up outside: neither its parameters nor what it binds itself."""
    try:
        tables = [symtable.symtable(ast.unparse(node), "<answer>", "exec" if isinstance(node, ast.stmt) else "eval")]
    except (SyntaxError, ValueError, RecursionError):
        return [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    found = []
    while tables:
        table = tables.pop()
        tables += table.get_children()
        outside = table.get_type() == "module"
        found += [
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_referenced() and (outside or symbol.is_global())
        ]
    return found


def uses(node: ast.AST, imported: dict[str, str]) -> list[str]:
    """Names of `torch.optim` that this one node of a syntax tree refers to."""
    local = dict(imports(node))
    names = list(local.values())
    if isinstance(node, ast.Name) and node.id in imported:
        names.append(imported[node.id])
    elif isinstance(node, ast.Attribute):
        names.append(dotted(node, imported))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
        names.append(node.value)  # importlib.import_module("torch.optim")
    return [name for name in map(public_name, names) if name]


def dotted(node: ast.Attribute, imported: dict[str, str]) -> str:
    parts: list[str] = []
    value: ast.expr = node
    while isinstance(value, ast.Attribute):
        parts.append(value.attr)
        value = value.value
    if not isinstance(value, ast.Name):
        return ""
    return ".".join([imported.get(value.id, value.id), *reversed(parts)])


def public_name(name: str) -> str:
    """`name` when it is something of torch.optim other than the base classes, "" otherwise."""
    if not name.startswith(PUBLIC + "."):
        return ""
    parts = [part for part in name.split(".")[2:] if part not in ("optimizer", "lr_scheduler", "swa_utils")]
    return name if parts and parts[0] not in ("Optimizer", "LRScheduler") else ""
