"""Every notebook of the tree runs from top to bottom in a fresh kernel, with nobody listening to its widgets.

Where there is a browser, the lessons run in it (tests/browser/test_lessons.py), and here with --everything only.
"""

import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.browser import jupyter
from tests.patience import HANG_SECONDS

ROOT = Path(__file__).resolve().parent.parent


def notebooks(*folders):
    """Paths of the notebooks under `folders`, relative to the repository."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.ipynb"))
    return sorted(str(path.relative_to(ROOT)) for path in found if ".ipynb_checkpoints" not in path.parts)


COMPLETE = notebooks("course", "solutions")
RELEASED = notebooks("exercises")


@pytest.fixture(autouse=True)
def own_kernel_and_data(monkeypatch, tmp_path):
    """The kernel is this environment's, and what a notebook keeps about its reader goes to a scratch folder."""
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("PYTHONPATH", raising=False)


@pytest.fixture
def run(record_property):
    """Executes a notebook and returns it with its outputs; how long that took is printed at the end of the run."""

    def execute(name, **options):
        path = ROOT / name
        notebook = nbformat.read(path, as_version=4)
        resources = {"metadata": {"path": str(path.parent)}}
        client = NotebookClient(notebook, timeout=HANG_SECONDS, kernel_name="python3", resources=resources, **options)
        began = time.perf_counter()
        client.execute()
        record_property("notebook", (name, time.perf_counter() - began))
        return notebook

    return execute


def pytest_generate_tests(metafunc):
    if "complete" in metafunc.fixturenames:
        elsewhere = jupyter.LESSONS if jupyter.chromium() and not metafunc.config.option.everything else []
        metafunc.parametrize("complete", [name for name in COMPLETE if name not in elsewhere])


def test_the_first_notebooks_are_there():
    assert "course/index.ipynb" in COMPLETE
    assert "course/1_stochastic_optimization/1_intuition.ipynb" in jupyter.LESSONS
    assert set(jupyter.LESSONS) | {"course/index.ipynb"} == {name for name in COMPLETE if name.startswith("course/")}
    assert "solutions/1_1_intuition/1_1_intuition.ipynb" in COMPLETE
    assert [name.replace("solutions/", "exercises/") for name in COMPLETE if name.startswith("solutions/")] == RELEASED


def test_kernel_is_this_environment():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import sys; print(sys.prefix)")])
    NotebookClient(notebook, kernel_name="python3", timeout=HANG_SECONDS).execute()
    assert notebook.cells[0].outputs[0].text.strip() == sys.prefix


@pytest.mark.slow
def test_notebook_runs(complete, run):
    run(complete)


@pytest.mark.slow
@pytest.mark.parametrize("name", RELEASED)
def test_released_exercise_runs(name, run):
    """Unanswered, it may stop at a starter and nowhere else: everything the student is given works."""
    notebook = run(name, allow_errors=True)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    errors = [f"{output.ename}: {output.evalue}" for output in outputs if output.output_type == "error"]
    assert [error for error in errors if not error.startswith("NotImplementedError")] == []


@pytest.mark.parametrize("name", COMPLETE + RELEASED)
def test_notebook_is_clean(name):
    """No outputs in git, a GPU on Colab without being asked, and no pairing that would rewrite the .py on a save."""
    notebook = nbformat.read(ROOT / name, as_version=4)
    nbformat.validate(notebook)
    kept = [i for i, cell in enumerate(notebook.cells) if cell.get("outputs") or cell.get("execution_count")]
    assert kept == [], f"cells {kept} hold outputs: run `make notebooks` before you commit"
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.get("accelerator") == "GPU"
    assert notebook.metadata.get("colab", {}).get("gpuType") == "T4"
    assert "formats" not in notebook.metadata.get("jupytext", {})
