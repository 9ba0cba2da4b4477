"""No test decides by a clock, and none waits for a shorter time than the one guard against hanging.

A machine may be as slow as it likes: what a test waits for has to come, however late. Times are printed after the run,
and compared with each other in `make bench`.
"""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
CLOCKS = {"time", "monotonic", "perf_counter", "time_ns", "monotonic_ns", "perf_counter_ns"}
FILES = sorted(path for path in TESTS.rglob("*.py") if path != TESTS / "patience.py" and "bench" not in path.parts)


def reads_clock(node):
    """Whether the expression asks the clock on the wall, as in `time.monotonic() - began`."""
    calls = [part.func for part in ast.walk(node) if isinstance(part, ast.Call)]
    calls = [call for call in calls if isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name)]
    return any(call.value.id == "time" and call.attr in CLOCKS for call in calls)


def names(node):
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def times_in(scope):
    """Names under which the function or module keeps what a clock said, or something computed from it."""
    times = set()
    assigned = [part for part in ast.walk(scope) if isinstance(part, ast.Assign | ast.NamedExpr)]
    for part in assigned * 2:  # a time of a time may stand above it
        if reads_clock(part.value) or names(part.value) & times:
            times |= names(part.targets[0] if isinstance(part, ast.Assign) else part.target)
    return times


def decisions(source):
    """Lines of asserts that compare a time, and of calls with a number of their own as `timeout`."""
    tree = ast.parse(source)
    found = {
        part.value.lineno
        for part in ast.walk(tree)
        if isinstance(part, ast.keyword) and part.arg == "timeout" and isinstance(part.value, ast.Constant)
    }
    for scope in ast.walk(tree):
        if isinstance(scope, ast.Module | ast.FunctionDef):
            times = times_in(scope) if isinstance(scope, ast.FunctionDef) else set()
            asserts = [part.test for part in ast.walk(scope) if isinstance(part, ast.Assert)]
            compared = [part for test in asserts for part in ast.walk(test) if isinstance(part, ast.Compare)]
            found |= {part.lineno for part in compared if reads_clock(part) or names(part) & times}
    return sorted(found)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_no_clock_decides(path):
    assert decisions(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "body",
    [
        "began = time.monotonic(); f(); assert time.monotonic() - began < 8",
        "began = time.perf_counter(); f(); took = time.perf_counter() - began; assert took <= 5, took",
        "ends = time.time() + 5; assert time.time() < ends",
        "subprocess.run(command, timeout=30)",
    ],
)
def test_a_clock_that_decides_is_found(body):
    assert decisions(f"def test():\n    {body}") == [2]


@pytest.mark.parametrize(
    "body",
    [
        "began = time.monotonic(); f(); print(time.monotonic() - began)",
        "began = time.process_time(); f(); assert time.process_time() - began < 8",
        "subprocess.run(command, timeout=HANG_SECONDS)",
    ],
)
def test_what_only_measures_is_let_through(body):
    assert decisions(f"def test():\n    {body}") == []
