"""Whether one answer's code could change how another one behaves.

Only a guess from the source, on the safe side: a guess too many costs a second run of the other exercise.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection

# Importing these, and calling what is in them, changes nothing for others, except for names that begin as SETTERS do.
HARMLESS_MODULES = {"__future__", "autograde", "collections", "copy", "dataclasses", "fractions", "functools"}
HARMLESS_MODULES |= {"itertools", "math", "noisydescent", "numpy", "operator", "statistics", "time", "torch", "typing"}
SETTERS = ("set_", "register_", "manual_seed", "seed", "seterr", "use_deterministic", "_")
RISKY_NAMES = {"setattr", "delattr", "getattr", "exec", "eval", "compile", "globals", "locals", "vars", "open", "exit"}
RISKY_NAMES |= {"quit", "get_ipython", "breakpoint", "input"}
OWN_ATTRIBUTES = {"grad", "requires_grad", "data"}


def may_interfere(source: str, names: Collection[str]) -> bool:
    """Whether running `source`, or calling what it defines, may change code elsewhere that uses `names`.

    It may when it binds one of them, other than by a plain import, or reaches beyond its own variables.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return not source.isascii() or any(line.lstrip().startswith(("%", "!")) for line in source.splitlines())
    except (RecursionError, MemoryError):
        return True
    return bool(bound_names(tree) & set(names)) or any(map(is_risky, ast.walk(tree)))


def is_risky(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name.partition(".")[0] not in HARMLESS_MODULES for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").partition(".")[0] not in HARMLESS_MODULES or node.names[0].name == "*"
    if isinstance(node, ast.Global):
        return True
    if isinstance(node, ast.Name):
        return node.id in RISKY_NAMES or node.id.startswith("__")
    if not isinstance(node, ast.Attribute):
        return False
    mine = isinstance(node.value, ast.Name) and node.value.id == "self"
    if not isinstance(node.ctx, ast.Load):
        return not mine and node.attr not in OWN_ATTRIBUTES
    return not mine and node.attr.startswith(SETTERS)


def bound_names(tree: ast.Module) -> set[str]:
    """Names that the top level binds; imports under their own name are the same for everybody."""
    names = set()
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(statement.name)
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                names.add(node.id)
            elif isinstance(node, ast.alias) and node.asname not in (None, node.name, "np", "plt", "nd", "F"):
                names.add(node.asname)
    return names


def mentioned_names(source: str) -> set[str]:
    """All names that a source uses or binds; every word of it when it cannot be parsed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(source.replace("(", " ").replace(".", " ").replace(",", " ").split())
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names | {node.name for node in tree.body if hasattr(node, "name")}
