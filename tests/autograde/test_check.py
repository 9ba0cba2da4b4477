"""`check`: in a script, and in executed notebooks, where nbgrader reads its value."""

import nbformat
import pytest
from nbclient import NotebookClient
from nbgrader.utils import determine_grade

from autograde import check
from autograde.bank import bank
from autograde.bank.answers import first_answer
from autograde.judge.report import Report, TestResult
from tests.patience import HANG_SECONDS

RIGHT = first_answer("so-samples-to-target", right=True).source
WRONG = first_answer("so-samples-to-target", right=False).source


def test_in_a_script(capsys):
    namespace = {}
    exec(RIGHT, namespace)
    points = check("so-samples-to-target", namespace)
    assert type(points) is float and points == 6.0
    output = capsys.readouterr()
    assert "6 of 6 points" in output.out and output.err == ""


def test_namespace_of_the_caller(capsys):
    scope = {"check": check}
    exec(RIGHT + "\npoints = check('so-samples-to-target')", scope)
    assert scope["points"] == 6.0


def test_unknown_id_and_bad_seed(monkeypatch):
    with pytest.raises(ValueError, match="did you mean 'so-samples-to-target'"):
        check("so-samples-target")
    monkeypatch.setenv("AUTOGRADE_SEED", "seven")
    with pytest.raises(ValueError, match="AUTOGRADE_SEED must be an integer"):
        check("so-samples-to-target", {})


def execute(*sources, points=6):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    meta = {"grade": True, "grade_id": "c", "locked": True, "points": points, "schema_version": 3, "solution": False}
    cells[-1].metadata["nbgrader"] = {**meta, "task": False}
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(notebook, timeout=HANG_SECONDS, allow_errors=True).execute()
    return notebook


CHECK = 'check("so-samples-to-target")'


def test_in_an_executed_notebook():
    noisy = WRONG.replace(
        "\n    return", "\n    import sys, os; print('x', file=sys.stderr); os.write(2, b'y')\n    return"
    )
    notebook = execute(
        "from autograde import check", CHECK, RIGHT, CHECK, noisy, f"await __import__('asyncio').sleep(0)\n{CHECK}"
    )
    cells = [notebook.cells[index] for index in (1, 3, 5)]
    results = []
    for cell in cells:
        kinds = [output.output_type for output in cell.outputs]
        assert kinds == ["display_data", "execute_result"], cell.outputs
        assert "<table" in cell.outputs[0].data["text/html"] and "points" in cell.outputs[0].data["text/plain"]
        results.append(float(cell.outputs[1].data["text/plain"]))
    assert results[:2] == [0.0, 6.0] and 0 < results[2] < 6
    assert determine_grade(notebook.cells[-1]) == (results[2], 6.0)
    assert not any(output.get("name") == "stderr" for cell in notebook.cells for output in cell.outputs)


def test_html_is_escaped():
    text = "<script>alert(1)</script> & `f(<x>)`"
    result = TestResult("t", text, False, 0.0, 1.0, text, (text,))
    html = Report("so-x", text, (result,)).html()
    assert "<script" not in html and "<x>" not in html
    assert "&lt;script&gt;" in html and "<code>f(&lt;x&gt;)</code>" in html


def test_no_test_is_not_full_marks():
    assert not Report("so-x", "x", ()).full


def test_points_are_representable_for_nbgrader():
    for exercise in bank().values():
        assert float(repr(exercise.max_points)) == exercise.max_points
