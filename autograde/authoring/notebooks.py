"""Build every notebook from its text: `python -m autograde.authoring.notebooks [--check]`.

The .py (jupytext percent) files under `course/` and `solutions/` are the source; the .ipynb beside each is generated,
and `exercises/` is what nbgrader's own generate_assignment makes of the solutions. The same source gives the same
bytes: cell ids come from the source, and nothing is executed. The cells of a solution carry short marks, which
`autograde.authoring.assignments` replaces. With --check nothing is written: the files that are out of date are listed,
and the exit code is 1 when there are any.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograde.authoring.assignments import assemble
from autograde.bank import bank
from autograde.classroom.settings import course_settings
from autograde.sandbox.paths import ROOT

METADATA = {
    "accelerator": "GPU",
    "colab": {"gpuType": "T4", "provenance": []},
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
IGNORED_FOLDERS = {".ipynb_checkpoints", "__pycache__", ".pytest_cache", ".ruff_cache"}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m autograde.authoring.notebooks", description="Build every notebook from its text."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when a file is out of date")
    options = parser.parse_args(arguments)
    try:
        wanted = build(ROOT)
    except ValueError as error:
        print(f"notebooks: {error}", file=sys.stderr)
        return 2
    stale = sorted(path for path, text in wanted.items() if not path.is_file() or path.read_bytes() != text)
    extra = sorted(leftovers(ROOT, wanted))
    if options.check:
        for path in stale:
            print(f"out of date: {path.relative_to(ROOT)}")
        for path in extra:
            print(f"has no source: {path.relative_to(ROOT)}")
        if stale or extra:
            print("run `make notebooks`")
        return 1 if stale or extra else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wanted[path])
        print(f"wrote {path.relative_to(ROOT)}")
    for path in extra:
        path.unlink()
        print(f"removed {path.relative_to(ROOT)}")
    print(f"{len(wanted)} files up to date")
    return 0


def build(root: Path) -> dict[Path, bytes]:
    """Path -> content of every generated file of the project: the notebooks and the release."""
    notebooks = {path.with_suffix(".ipynb"): serialize(read_source(path)) for path in sources(root)}
    solutions = {path: text for path, text in notebooks.items() if path.is_relative_to(root / "solutions")}
    return notebooks | release(root, solutions)


def sources(root: Path) -> list[Path]:
    """The percent scripts: course/index.py, the lessons and the solutions; not the library."""
    patterns = ("course/index.py", "course/[0-9]*/*.py", "solutions/*/*.py")
    return sorted(path for pattern in patterns for path in root.glob(pattern))


def read_source(path: Path) -> NotebookNode:
    """The notebook of one percent script, with ids and metadata that depend on the script alone.

    A solution also depends on what the bank and course/concepts.toml say of its exercises. Raises ValueError, with the
    name of the script, when its marks make no sense.
    """
    import jupytext  # half a second, and only the making of notebooks needs it

    notebook = jupytext.read(path, fmt="py:percent")
    # Without jupytext's own metadata, saving the .ipynb in JupyterLab cannot rewrite the script.
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        cell.metadata.pop("lines_to_next_cell", None)  # jupytext's note on blank lines in the script
    if path.parent.parent.name == "solutions":
        exercises = {exercise.id: exercise for exercise in bank().values() if exercise.notebook == path.stem}
        try:
            notebook.cells = assemble(notebook.cells, path.stem, exercises)
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from None
    seen: set[str] = set()
    for index, cell in enumerate(notebook.cells):
        identifier = cell_id(cell, index)
        while identifier in seen:
            identifier += "x"
        seen.add(identifier)
        cell["id"] = identifier
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.validate(notebook)
    return notebook


def cell_id(cell: NotebookNode, index: int) -> str:
    grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
    if grade_id:
        return re.sub(r"[^A-Za-z0-9_-]", "-", grade_id)[:60]
    return hashlib.sha256(f"{index}\n{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]


def serialize(notebook: NotebookNode) -> bytes:
    """The bytes that nbgrader and JupyterLab write too: keys sorted, indented by one, one newline at the end."""
    return (nbformat.writes(notebook).rstrip("\n") + "\n").encode()


def release(root: Path, solutions: dict[Path, bytes]) -> dict[Path, bytes]:
    """Path under `exercises/` -> content, as nbgrader's generate_assignment makes it from these solution notebooks.

    Works in a throw-away course with a throw-away gradebook, so that an instructor's class is never touched.
    Raises RuntimeError with nbgrader's log when it refuses.
    """
    from nbgrader.apps import NbGraderAPI

    released: dict[Path, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder).resolve()
        for path, text in solutions.items():
            target = course / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
        for path in data_files(root / "solutions"):
            target = course / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
        api = NbGraderAPI(config=course_settings(course))
        api.log.propagate = False
        for assignment in sorted({path.parent.name for path in solutions}):
            result = api.generate_assignment(assignment)
            if not result["success"]:
                log = result.get("log", "")
                raise RuntimeError(f"nbgrader could not release {assignment}:\n{log}{result['error']}")
        for path in files(course / "exercises"):
            text = path.read_bytes()
            if path.suffix == ".ipynb":
                text = serialize(nbformat.reads(text.decode(), as_version=4))
            released[root / path.relative_to(course)] = text
    return released


def data_files(folder: Path) -> list[Path]:
    """What lies beside the solution notebooks and goes to the students with them."""
    return [path for path in files(folder) if path.suffix not in (".py", ".pyc", ".ipynb")]


def files(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not IGNORED_FOLDERS & set(path.relative_to(folder).parts))


def leftovers(root: Path, wanted: dict[Path, bytes]) -> list[Path]:
    """Notebooks and released files that no source gives any more."""
    notebooks = [path for pattern in ("course/[0-9]*/*.ipynb", "solutions/*/*.ipynb") for path in root.glob(pattern)]
    return [path for path in [*notebooks, *files(root / "exercises")] if path not in wanted]


if __name__ == "__main__":
    sys.exit(main())
