"""A right answer among IPython's magics earns the same by `autograde check`, in a class, and in the notebook itself."""

import asyncio
import json
import textwrap

import nbformat
import pytest
from nbclient import NotebookClient

from autograde.bank import find
from autograde.classroom.grading import grade_submission, load_assignment
from autograde.classroom.intake import read_submission
from autograde.classroom.rebuild import read_code
from autograde.classroom.submission import Submission
from autograde.classroom.workers import workers
from autograde.judge.runner import grade_file
from autograde.sandbox.confinement import Unprotected, require
from tests.patience import HANG_SECONDS

EXERCISE = "so-samples-to-target"
ANSWER = """
def samples_to_target(losses, batch_size, target):
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError("batch_size")
    if len(losses) == 0:
        raise ValueError("losses")
    return next((step * batch_size for step, loss in enumerate(losses) if loss <= target), None)
"""
HELPER = """
def check(size):
    if not isinstance(size, int):
        raise ValueError("batch_size")
"""
RUN = {
    "time": f"%%time\n{ANSWER}",
    "time_after_blank_lines": f"\n\n  \n%%time\n{ANSWER}",
    "capture": f"%%capture out\n{ANSWER}",
    "prun": f"%%prun -q\n{ANSWER}",
    "time_in_capture": f"%%capture\n%%time\n{ANSWER}",
    "time_of_a_call": f"{ANSWER}\n%time samples_to_target([1.0], 1, 2.0)",
    "time_of_a_definition": f"{ANSWER}\nhonest = samples_to_target\nsamples_to_target = None\n"
    "%time samples_to_target = honest",
    "timeit_kept": f"{ANSWER}\nx = %timeit -o -q -n 1 -r 1 samples_to_target([1.0], 1, 2.0)\nx.best",
    "shell": f"!echo pip install something\n{ANSWER}",
    "shell_kept": f"files = !echo ls\nfor name in files: pass\n{ANSWER}",
    "help": f"{ANSWER}\n?samples_to_target",
    "help_after": f"{ANSWER}\nsamples_to_target?",
    "matplotlib": f"%matplotlib inline\n{ANSWER}",
    "percent_in_a_string": f'note = """\n%%bash\n!ls\nwhat?\n%%time"""\nassert "%%bash\\n!ls" in note\n{ANSWER}',
    "awaited": f"import asyncio\nawait asyncio.sleep(0)\n{ANSWER}",
}
NOT_RUN = {
    "timeit": f"%%timeit -n 1 -r 1\n{ANSWER}",
    "bash": f"%%bash\n{ANSWER}",
    "script": f"%%script python\n{ANSWER}",
    "writefile": f"%%writefile mine.py\n{ANSWER}",
    "html": f"%%html\n{ANSWER}",
    # IPython takes `%%` for a cell magic on the first line only: here the cell stops with an error.
    "time_after_a_comment": f"# timed\n%%time\n{ANSWER}",
    "no_such_magic": f"%no_such_magic\n{ANSWER}",
    "raises_before": f"1 / 0\n{ANSWER}",
}
CELLS = {name: (source, full) for cells, full in ((RUN, True), (NOT_RUN, False)) for name, source in cells.items()}


@pytest.fixture(scope="module")
def confined():
    try:
        require()
    except Unprotected as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def assignment():
    return load_assignment("1_1_intuition")


# Cells of the student's own: before the answer, and at the end of the notebook.
OWN = {
    "exit_before": ("exit()", ""),
    "system_exit_before": ("import sys\nsys.exit(0)", ""),
    "exit_later": ("", "exit()"),
    "interrupt_later": ("", "raise KeyboardInterrupt"),
    "defined_anew_later": ("", "samples_to_target = 3"),
    "check_over_several_lines": ("", f'check(\n    "{EXERCISE}"\n)'),
    "get_ipython": ("from IPython import get_ipython\nget_ipython().run_line_magic('matplotlib', 'inline')", ""),
    "imported_check": ("from autograde import check as mine", f'mine("{EXERCISE}")'),
}
# Answers that call a function of their own `check`, end the program, or ask how they are run.
ODD = {
    "own_check": (ANSWER.replace("if isinstance", "check(batch_size)\n    if isinstance") + HELPER, True),
    "asks": (f"verbose = bool(input('verbose? '))\n{ANSWER}", True),
    "run_as_a_notebook": (f"if __name__ == '__main__':\n{textwrap.indent(ANSWER, '    ')}", True),
    "exit_in_the_answer": (f"{ANSWER}\nraise SystemExit(0)", False),
}


def notebook_with(assignment, source, before="", after="raise RuntimeError('a draft')"):
    """The release with this as the answer, and cells of the student's own."""
    notebook = nbformat.from_dict(json.loads(nbformat.writes(assignment.release)))
    cells = []
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == EXERCISE:
            cells.append(nbformat.v4.new_code_cell(before))
            cell.source = source
        cells.append(cell)
    notebook.cells = [*cells, nbformat.v4.new_code_cell(after)]
    return notebook


def by_check(path):
    # A browser test in this process has left an event loop running, which the command never has.
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        return grade_file(find(EXERCISE), path).points
    finally:
        asyncio._set_running_loop(running)


def in_a_class(assignment, submission):
    result = grade_submission(assignment, read_submission(submission), "key", 0, workers(sandbox=True))
    return next(entry.points for entry in result.exercises if entry.exercise == EXERCISE)


def by_both_doors(assignment, folder, notebook):
    submission = Submission(folder / "class", "ada", assignment.name)
    path = folder / "class" / "submitted" / "ada" / assignment.name / f"{assignment.name}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    return by_check(path), in_a_class(assignment, submission)


@pytest.mark.parametrize("name", CELLS)
def test_both_doors_give_the_same_points(confined, assignment, tmp_path, monkeypatch, name):
    source, full = CELLS[name]
    monkeypatch.chdir(tmp_path)
    expected = find(EXERCISE).max_points if full else 0.0
    assert by_both_doors(assignment, tmp_path, notebook_with(assignment, source)) == (expected, expected)


@pytest.mark.parametrize("name", [*OWN, *ODD])
def test_both_doors_grade_what_stands_at_the_check(confined, assignment, tmp_path, name):
    source, full = ODD.get(name, (ANSWER, True))
    notebook = notebook_with(assignment, source, *OWN.get(name, ()))
    expected = find(EXERCISE).max_points if full else 0.0
    assert by_both_doors(assignment, tmp_path, notebook) == (expected, expected)


@pytest.mark.parametrize("name", [*RUN, "timeit", "bash", "script", "writefile", "html"])
def test_what_the_class_reads_in_a_cell_is_what_the_cell_does(name):
    source, full = CELLS[name]
    code = read_code(source)
    assert ("samples_to_target" in code.defines) == full
    assert code.valid


@pytest.mark.slow
def test_the_notebook_itself_says_the_same(tmp_path):
    """A real kernel, in which programs do start, and `check`."""
    names = list(CELLS)
    cells = ["from autograde import check"]
    for name in names:
        cells += ["samples_to_target = None; del samples_to_target", CELLS[name][0], f"check({EXERCISE!r})"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(
        notebook, timeout=HANG_SECONDS, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    points = [
        float(output.data["text/plain"])
        for cell in notebook.cells
        if cell.source.startswith("check(")
        for output in cell.outputs
        if output.output_type == "execute_result"
    ]
    assert points == [find(EXERCISE).max_points * CELLS[name][1] for name in names]
