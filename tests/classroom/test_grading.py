"""One submission in confined workers: what each answer earns, whatever the others do."""

import dataclasses
import json

import nbformat
import pytest

from autograde.classroom import grading
from autograde.classroom.grading import PUBLIC_ONLY, grade_submission, load_assignment
from autograde.classroom.intake import read_submission
from autograde.classroom.interference import may_interfere, mentioned_names
from autograde.classroom.submission import Submission
from autograde.classroom.workers import workers
from autograde.sandbox.confinement import Unprotected, require

SEED = 11


@pytest.fixture(scope="module", autouse=True)
def confined():
    try:
        require()
    except Unprotected as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def assignment():
    return load_assignment("1_1_intuition")


@pytest.fixture
def graded(class_folder, assignment):
    """Grade a submission: right answers but for those given, and cells of the student's own before an exercise."""

    def grade(answers, extra=(), task=assignment):
        path = class_folder.submit("ada", dict.fromkeys(class_folder.exercises, "right") | answers)
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for before, source in extra:
            places = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in notebook["cells"]]
            cell = {
                "cell_type": "code",
                "id": f"x{len(places)}",
                "metadata": {},
                "outputs": [],
                "execution_count": None,
            }
            notebook["cells"].insert(places.index(before), cell | {"source": source})
        path.write_text(json.dumps(notebook), encoding="utf-8")
        submission = read_submission(Submission(class_folder.path, "ada", task.name))
        result = grade_submission(task, submission, "key", SEED, workers(sandbox=True))
        return result, {entry.exercise: entry for entry in result.exercises}

    return grade


def lost(entries):
    return sorted(name for name, entry in entries.items() if entry.points < entry.max_points)


def test_right_answers_get_everything_and_the_notebook_shows_it(graded):
    result, entries = graded(
        {}, [("so-sgd", "print('my own cell')\nfrom IPython.display import HTML\nHTML('<b>x' + '</b>')")]
    )
    assert not lost(entries) and result.points == result.max_points == 41 and not result.review and not result.repairs
    notebook = nbformat.reads(result.notebook, as_version=4)
    nbformat.validate(notebook)
    assert "my own cell" in result.notebook and "<b>x</b>" not in result.notebook
    values = [
        output.data["text/plain"]
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade")
        for output in cell.outputs
        if output.output_type == "execute_result"
    ]
    assert values == ["7", "7", "8", "6", "6", "7"]


def test_a_call_that_ends_the_process_costs_its_exercise_only(graded):
    _, entries = graded({"so-gradient-variance": "import os\ndef gradient_variance(*a, **k):\n    os._exit(5)"})
    assert lost(entries) == ["so-gradient-variance"]
    assert "`gradient_variance` ended its own process with exit code 5" in entries["so-gradient-variance"].reason
    assert entries["so-gradient-variance"].points == 0


def test_a_cell_that_ends_the_process_costs_its_exercise_or_nothing(graded):
    _, entries = graded({"so-sgd": "import os; os._exit(1)"})
    assert lost(entries) == ["so-sgd"] and "the solution cell ended" in entries["so-sgd"].reason
    result, entries = graded({}, [("so-sgd", "import os; os._exit(1)")])
    assert not lost(entries) and any("left out" in repair for repair in result.repairs)


def test_an_answer_that_spoils_another_costs_only_itself(graded):
    """The others are graded on their own, and it is said."""
    spoiling = "import torch\ndef gradient_variance(*a, **k):\n    return 0.0\ndef sgd(*a, **k):\n    return None\n"
    spoiling += "def robbins_monro(*a, **k):\n    raise SystemExit\ndel torch"
    extra = [("so-gradient-variance-check", "def helper():\n    return 2")]
    _, entries = graded({"so-gradient-variance": spoiling + "\nhelper = None"}, extra)
    assert lost(entries) == ["so-gradient-variance"]
    torch_gone = "def gradient_variance(*a, **k):\n    global minibatch_gradient\n    import builtins\n"
    torch_gone += "    builtins.__dict__['range'] = None\n    return 0.0"
    _, entries = graded({"so-gradient-variance": torch_gone})
    assert lost(entries) == ["so-gradient-variance"]


def test_staff_stands_in_for_what_an_exercise_needs(graded, assignment):
    needing = dataclasses.replace(assignment.exercises[3], needs=("so-sgd",))
    tests = dict(assignment.exercises[3].tests)
    needing.tests.update(tests)
    task = dataclasses.replace(
        assignment, exercises=tuple(needing if e.id == needing.id else e for e in assignment.exercises)
    )
    answer = """
def samples_to_target(losses, batch_size, target):
    robbed = inspect.getsource(sgd) if "inspect" in globals() else None
    sgd(lambda theta, t: theta, __import__("torch").zeros(1), lambda t: 0.1, 1)
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError("batch_size")
    if len(losses) == 0:
        raise ValueError("losses")
    for step, loss in enumerate(losses):
        if loss <= target:
            return step * batch_size
    return None
"""
    _, entries = graded({"so-sgd": None, needing.id: answer}, task=task)
    assert lost(entries) == ["so-sgd"]
    assert any("the staff's solution of so-sgd stood in" in remark for remark in entries[needing.id].remarks)


def test_answers_learnt_by_heart_earn_nothing(graded):
    source = """
import torch
def robbins_monro(c, t0, power=1.0):
    if t0 < 0:
        raise ValueError("t0")
    def rate(t):
        if t + t0 <= 0:
            raise ValueError("t")
        known = float(c) in KNOWN
        return c / (t + t0) ** power if known else 0.123
    return rate
def satisfies_robbins_monro(power):
    return False
"""
    _, entries = graded({"so-robbins-monro": source.replace("float(c) in KNOWN", "False")})
    assert entries["so-robbins-monro"].reason == "" and lost(entries) == ["so-robbins-monro"]
    # Right for every input that the public seed draws, which a student can find out by printing them.
    values = public_rates()
    source = source.replace("KNOWN", repr(values)).replace("return False", "return 0.5 < power <= 1")
    _, entries = graded({"so-robbins-monro": source})
    assert entries["so-robbins-monro"].reason == PUBLIC_ONLY and entries["so-robbins-monro"].points == 0


def public_rates():
    from autograde.bank import find
    from autograde.judge.runner import run

    seen = []

    def robbins_monro(c, t0, power=1.0):
        seen.append(float(c))
        return lambda t: c / (t + t0) ** power

    run(find("so-robbins-monro"), {"robbins_monro": robbins_monro, "satisfies_robbins_monro": lambda p: 0.5 < p <= 1})
    return sorted(set(seen))


def test_own_cells_share_a_budget_of_time(graded, monkeypatch):
    monkeypatch.setattr(grading, "EXTRA_SECONDS", 1.0)
    busy = "import time\nt = time.process_time()\nwhile time.process_time() - t < 0.8: pass"
    result, entries = graded({}, [("so-sgd", busy), ("so-sgd", busy), ("so-sgd", busy)])
    assert not lost(entries) and any("used up their time" in repair for repair in result.repairs)


def test_a_refused_submission_says_why_in_every_check(class_folder, assignment):
    class_folder.submit("ada").write_text("[]")
    submission = read_submission(Submission(class_folder.path, "ada", assignment.name))
    result = grade_submission(assignment, submission, "key", SEED, workers(sandbox=True))
    assert result.refused and result.points == 0 and result.review
    assert result.notebook.count("not graded: ") >= 6
    assert all(entry.reason for entry in result.exercises)


def test_records_survive_their_file(graded):
    result, _ = graded({"so-sgd": None})
    assert type(result).loads(result.dumps()) == result
    with pytest.raises(ValueError, match="not the record"):
        type(result).loads("{}")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import torch\ndef f(x):\n    return torch.relu(x)", False),
        ("import numpy as np\nfrom math import sqrt\nf = lambda x: sqrt(x)", False),
        ("class f:\n    def __init__(self):\n        self.x = 1", False),
        ("def f(x):\n    x = x.clone().requires_grad_()\n    return x.grad", False),
        ("def f(x): return x\nhelper = 3", True),
        ("import numpy as torch", True),
        ("import sys", True),
        ("import torch\ntorch.relu = None", True),
        ("import torch\ntorch.set_default_dtype(torch.float64)", True),
        ("def f():\n    global g\n    g = 1", True),
        ("def f(): return (0).__class__", True),
        ("exec('x = 1')", True),
        ("%load_ext autoreload", True),
        ("def f(: pass", False),
    ],
)
def test_what_may_interfere(source, expected):
    assert may_interfere(source, mentioned_names("helper(torch.ones(1))")) is expected


def test_public_only_is_one_sentence():
    assert PUBLIC_ONLY.endswith("(no points for this exercise)")
