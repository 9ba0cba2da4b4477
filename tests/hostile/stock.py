"""The same hostile files in stock nbgrader: `python -m tests.hostile.stock [ROW ...]` prints what each grader makes of
them.

Stock nbgrader runs the students' code without any protection, so here it runs in bubblewrap: no network but its own
loopback, its own processes, the file system read-only but for a course made for one submission, limits on memory, files
and time.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from autograde.sandbox.paths import ROOT
from tests.hostile import cells
from tests.hostile.cells import ASSIGNMENT, SEED, TARGET

SECONDS = 60
STOLEN = "from autograde.bank.so_minibatch_gradient.mistakes import logistic_gradient as minibatch_gradient"


@dataclass(frozen=True)
class Contrast:
    """One hostile file: its row, what it does, and how an Arena is made to hold it."""

    row: int
    what: str
    build: Callable


def answer(source: str) -> Callable:
    return lambda arena: arena.answer(cells.code(source))


def wrong(source: str) -> Callable:
    return answer(cells.wrong_after(source))


def skipped_checks(arena) -> None:
    arena.answer("import torch\n\n" + cells.WRONG)
    for cell in arena.notebook["cells"]:
        if cell["metadata"]["nbgrader"].get("grade"):
            cell["metadata"]["tags"] = ["skip-execution"]


def schema_99(arena) -> None:
    for cell in arena.notebook["cells"]:
        cell["metadata"]["nbgrader"]["schema_version"] = 99


def edited_check(arena) -> None:
    arena.answer("import torch\n\n" + cells.WRONG)
    arena.cell(f"{TARGET}-check")["source"] = "7.0"


def beside(name: str, content: str) -> Callable:
    return lambda arena: arena.beside(name, content)


def in_a_thread(arena) -> None:
    arena.answer(
        """
import threading
import torch

def sgd(grad, theta0, lr, steps):
    if steps < 0:
        raise ValueError("steps")
    theta = theta0.detach().clone()
    rows = [theta.clone()]

    def work():
        optimizer = torch.optim.SGD([theta], lr=1.0)
        for t in range(steps):
            theta.grad = grad(theta.clone(), t)
            optimizer.param_groups[0]["lr"] = lr(t)
            optimizer.step()
            rows.append(theta.clone())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return torch.stack(rows)
""",
        "so-sgd",
    )


CONTRASTS = [
    Contrast(1, "its own check, which returns 6", wrong("check = lambda *anything: 6.0")),
    Contrast(2, "skip-execution on the checks, a wrong answer", skipped_checks),
    Contrast(
        3,
        "an AST transformer turns every expression into 6.0",
        wrong(
            "import ast\nclass Seven(ast.NodeTransformer):\n    def visit_Expr(self, node):\n"
            "        return ast.copy_location(ast.Expr(ast.Constant(6.0)), node)\n"
            "get_ipython().ast_transformers.append(Seven())"
        ),
    ),
    Contrast(
        4,
        "an object that equals everything",
        answer("class Equal:\n    __eq__ = __ne__ = __le__ = lambda *a: True\nminibatch_gradient = lambda *a: Equal()"),
    ),
    Contrast(6, "a check that returns NaN", wrong("check = lambda *anything: float('nan')")),
    Contrast(
        7,
        "the tests' own comparisons are patched",
        wrong(
            "import autograde.bank.so_minibatch_gradient.exercise as tests\n"
            "tests.expect_close = tests.expect_error = lambda *a, **k: None"
        ),
    ),
    Contrast(8, "a file torch.py beside the notebook", beside("torch.py", "raise SystemExit('shadowed')\n")),
    Contrast(
        9,
        "a pre_run_cell hook replaces the check",
        wrong(
            "def swap(*anything):\n    get_ipython().user_ns['check'] = lambda *a: 6.0\n"
            "get_ipython().events.register('pre_run_cell', swap)"
        ),
    ),
    Contrast(11, "torch.optim.SGD, run in a thread", in_a_thread),
    Contrast(13, "the grader's expected values are imported", answer(STOLEN)),
    Contrast(19, "the check's source is 7.0", edited_check),
    Contrast(20, "a duplicated cell", lambda arena: arena.notebook["cells"].append(dict(arena.cell(TARGET)))),
    Contrast(21, "schema version 99", schema_99),
    Contrast(25, "os._exit(0)", answer("import os\nos._exit(0)")),
    Contrast(26, "kills its parent", answer("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)")),
    Contrast(27, "a segmentation fault", answer("import ctypes\nctypes.string_at(0)")),
    Contrast(28, "an endless loop", answer("while True:\n    pass")),
    Contrast(
        32, "a hundred megabytes on one line", lambda arena: arena.answer(cells.after_definition("print('x' * 10**8)"))
    ),
    Contrast(34, "input() after a right answer", lambda arena: arena.answer(cells.after_definition("input()"))),
    Contrast(36, "invalid JSON", lambda arena: arena.file.write_text('{"cells": [')),
    Contrast(42, "a null byte in one cell", answer("x = 1\0")),
    Contrast(
        47,
        "a right answer that warns",
        lambda arena: arena.answer(cells.at_definition("import warnings\nwarnings.warn('old')")),
    ),
    Contrast(51, "an own cell that fails", lambda arena: arena.extra("raise ValueError('I was trying something')")),
    Contrast(52, "only exercise 1 crashes", answer("import os\nos.abort()")),
]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.hostile.stock", description="Hostile files in this grader and in stock nbgrader."
    )
    parser.add_argument("rows", metavar="ROW", nargs="*", type=int, help="rows of the hostile suite (default: all)")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.inside is not None:
        return autograde(options.inside)
    if shutil.which("bwrap") is None:
        print("bubblewrap (bwrap) is not installed: without it stock nbgrader will not be run on hostile files")
        return 2
    chosen = [contrast for contrast in CONTRASTS if not options.rows or contrast.row in options.rows]
    if not chosen:
        rows = ", ".join(str(contrast.row) for contrast in CONTRASTS)
        print(f"stock nbgrader is compared on rows {rows} only")
        return 2
    with tempfile.TemporaryDirectory(prefix="stock-") as folder:
        compare(chosen, Path(folder).resolve())
    return 0


def compare(chosen: list[Contrast], folder: Path) -> None:
    """Print a line for each file: what this grader gave, and what stock nbgrader did."""
    from autograde.classroom.batch import grade_class
    from tests.hostile.harness import Arena, Pool, empty_gradebook, read_results, write_submission

    course = released(folder / "course")
    print(f"{'row':>3}  {'what is handed in':<52}  {'this grader':<22}  stock nbgrader", flush=True)
    with closing(Pool(1)) as pool:
        for number, contrast in enumerate(chosen):
            arena = Arena(folder / f"arena{number}", "merit", pool, {}, empty_gradebook(folder / "empty"))
            contrast.build(arena)
            if not arena.file.exists():
                write_submission(arena.folder, arena.student, arena.notebook)
            grade_class(ASSIGNMENT, arena.folder, jobs=1, seed=SEED, progress=False, executor=pool.executor())
            result = read_results(arena.folder)[arena.student]
            target = "so-sgd" if contrast.row == 11 else TARGET
            ours = shown({f"{e.exercise}-check": e.points for e in result.exercises}, target)
            ours = "refused, to review" if result.refused else ours
            stock = stock_result(course, arena.submission, folder / f"course{number}", target)
            print(f"{contrast.row:>3}  {contrast.what:<52}  {ours:<22}  {stock}", flush=True)


def shown(points: dict[str, float], target: str) -> str:
    maximum = {f"{exercise.id}-check": exercise.max_points for exercise in cells.exercises()}
    score = points[f"{target}-check"]
    return f"{score:g} of {maximum[f'{target}-check']:g}, all {sum(points.values()):g} of {sum(maximum.values()):g}"


def configuration(course: Path):
    """Stock nbgrader's settings, but for the places of its folders."""
    from traitlets.config import Config

    # nbgrader runs `alembic` by its bare name.
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
    config = Config()
    config.CourseDirectory.root = str(course)
    config.CourseDirectory.source_directory = "source"
    config.CourseDirectory.db_url = f"sqlite:///{course / 'gradebook.db'}"
    config.CourseDirectory.ignore = [".ipynb_checkpoints", "__pycache__", "feedback"]
    return config


def released(course: Path) -> Path:
    """A course in which the assignment is released; trusted code only."""
    from nbgrader.apps import NbGraderAPI

    source = course / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    shutil.copy(ROOT / "solutions" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", source)
    api = NbGraderAPI(config=configuration(course))
    api.log.propagate = False
    outcome = api.generate_assignment(ASSIGNMENT)
    if not outcome["success"]:
        raise RuntimeError(f"nbgrader could not release {ASSIGNMENT}: {outcome['error']}")
    return course


def stock_result(course: Path, submission: Path, copy: Path, target: str) -> str:
    """Let stock nbgrader autograde one submission in bubblewrap, and say what it left in its gradebook."""
    shutil.copytree(course, copy)
    shutil.copytree(submission, copy / "submitted" / "mallory" / ASSIGNMENT, symlinks=True)
    (copy / "home").mkdir()
    try:
        done = subprocess.run(
            [*bubblewrap(copy), sys.executable, "-m", "tests.hostile.stock", "--inside", str(copy)],
            cwd=ROOT,
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "HOME": str(copy / "home"),
                "AUTOGRADE_SEED": str(SEED),
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": str(ROOT),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS + 5,
            preexec_fn=limit,
            check=False,
        )
        ended = {0: "", 1: "autograde failed: "}.get(done.returncode, "the run died: ")
    except subprocess.TimeoutExpired:
        ended = f"hung for {SECONDS} s: "
    return ended + scores(copy / "gradebook.db", target)


def bubblewrap(course: Path) -> list[str]:
    return [
        *("bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", "/", "/", "--proc", "/proc"),
        *("--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/dev/shm", "--bind", str(course), str(course)),
        # The course of this project may itself lie below /tmp.
        *("--ro-bind", str(ROOT), str(ROOT), "--chdir", str(ROOT)),
    ]


def limit() -> None:
    """In the child, before bubblewrap: limits that everything inside inherits."""
    resource.setrlimit(resource.RLIMIT_DATA, (2 * 2**30, 2 * 2**30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (200 * 2**20, 200 * 2**20))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def autograde(course: Path) -> int:
    """Inside bubblewrap: what `nbgrader autograde` does."""
    from nbgrader.apps import NbGraderAPI

    outcome = NbGraderAPI(config=configuration(course)).autograde(ASSIGNMENT, "mallory")
    print(outcome.get("log", ""), outcome.get("error", ""))
    return 0 if outcome["success"] else 1


def scores(gradebook: Path, target: str) -> str:
    """What the gradebook says of mallory: points of the exercise and of all, or that there is nothing."""
    query = """
        SELECT base_cell.name, grade.auto_score, grade.needs_manual_grade
        FROM grade JOIN base_cell ON base_cell.id = grade.cell_id
    """
    with closing(sqlite3.connect(gradebook)) as connection:
        rows = connection.execute(query).fetchall()
    graded = {name: score for name, score, _ in rows if score is not None}
    if f"{target}-check" not in graded:
        return f"no score of {len(rows)} in the gradebook" if rows else "nothing in the gradebook"
    text = shown({name: 0.0 for name, _, _ in rows} | graded, target)
    return f"{text}{', to review' if any(manual for _, _, manual in rows) else ''}"


if __name__ == "__main__":
    sys.exit(main())
