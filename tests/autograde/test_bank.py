"""The bank: a folder an exercise, which is imported alone and imports nothing of another."""

import ast
import json
import subprocess
import sys
from collections import Counter

import pytest

from autograde import bank as package
from autograde.bank import FOLDER, bank, find, folder_of, ids
from autograde.bank.answers import Patch, apply, known_answers, patched
from autograde.judge.exercise import Exercise, grade
from autograde.judge.runner import run_tests
from autograde.verify import verify_exercise
from tests.patience import HANG_SECONDS

FOLDERS = {folder_of(name).name for name in ids()}
ALLOWED = ("autograde.judge", "noisydescent", "torch", "numpy", *sys.stdlib_module_names)
SHARED = {f"autograde.bank.{path.stem}" for path in FOLDER.glob("*.py")} - {"autograde.bank.__init__"}

# (right, wrong) answers when every one of them was a file; none of them may be lost.
ANSWERS = {
    "so-accumulate": (5, 18),
    "so-average-distributed": (6, 20),
    "so-bias-test": (6, 22),
    "so-control-variate": (5, 19),
    "so-critical-batch-knee": (5, 12),
    "so-descent-bound": (5, 26),
    "so-empirical-risk": (7, 24),
    "so-expected-square-norm": (6, 22),
    "so-fedavg": (6, 25),
    "so-fedavg-fixed-point": (8, 26),
    "so-fit-critical-batch": (7, 18),
    "so-gradient-cosine": (6, 20),
    "so-gradient-variance": (5, 12),
    "so-importance-sampling": (6, 22),
    "so-local-sgd": (5, 26),
    "so-max-stable-lr": (6, 22),
    "so-minibatch-gradient": (6, 15),
    "so-noise-scale": (5, 19),
    "so-noise-tracker": (6, 19),
    "so-polyak-average": (7, 27),
    "so-population-risk": (7, 24),
    "so-power-iteration": (6, 21),
    "so-quantize": (5, 22),
    "so-rm-rate": (5, 18),
    "so-robbins-monro": (4, 14),
    "so-saga": (6, 25),
    "so-samples-to-target": (4, 13),
    "so-scale-lr": (4, 14),
    "so-sgd": (5, 14),
    "so-steady-state": (5, 27),
    "so-steps-examples": (5, 15),
    "so-strongly-convex-bound": (6, 27),
    "so-svrg": (5, 26),
    "so-temperature": (4, 14),
    "so-top-k": (5, 23),
}


def imported(code):
    """The modules of exercises that are imported after `code`, in a process of its own."""
    code += (
        "\nimport json, sys\nprint(json.dumps([name for name in sys.modules if name.startswith('autograde.bank.')]))"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=HANG_SECONDS, check=True)
    return {name.split(".")[2] for name in json.loads(result.stdout) if name.endswith(".exercise")}


def test_find_imports_one_exercise():
    assert imported("from autograde.bank import find\nfind('so-svrg')") == {"so_svrg"}


def test_an_unknown_exercise_costs_no_import():
    code = (
        "from autograde.bank import find\n"
        "try:\n    find('so-svgr')\nexcept ValueError as error:\n    assert 'so-svrg' in str(error)"
    )
    assert imported(code) == set()


def test_the_order_is_that_of_the_notebooks():
    exercises = list(bank().values())
    assert {exercise.id for exercise in exercises} == set(bank()) == set(ids())
    seen = Counter()
    for exercise in exercises:
        seen[exercise.notebook] += 1
        assert exercise.number == seen[exercise.notebook], exercise.id
    assert list(seen) == sorted(seen)


def test_two_exercises_in_one_place(monkeypatch):
    twin = Exercise("so-twin", "1_6_advanced_topics", 3, "A twin", ("f",), 1, 1)
    monkeypatch.setattr(package, "find", lambda name: twin if name == "so-sgd" else find(name))
    with pytest.raises(ValueError, match="both number 3 of 1_6_advanced_topics"):
        bank.__wrapped__()


@pytest.mark.parametrize("name", ids())
def test_a_folder_imports_nothing_of_another_exercise(name):
    own = f"autograde.bank.{folder_of(name).name}."
    for path in sorted(folder_of(name).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found = [node.module] if isinstance(node, ast.ImportFrom) else []
            found += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in found:
                allowed = (
                    module in SHARED
                    or module.startswith(own)
                    or f"{module}.".startswith(tuple(f"{a}." for a in ALLOWED))
                )
                assert allowed, f"{path.name} imports {module}"


def test_shared_modules_import_no_exercise():
    for module in sorted(SHARED):
        text = (FOLDER / f"{module.rpartition('.')[2]}.py").read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom):
                assert node.module.removeprefix("autograde.bank.").split(".")[0] not in FOLDERS, module


def test_tests_of_one_name_in_two_exercises_are_two_tests():
    def made(name, passes):
        exercise = Exercise(name, "none", 1, name, ("f",), 1, 1)

        @grade(exercise, points=1)
        def test_value(answer):
            assert passes, "wrong"

        return exercise

    one, other = made("so-one", True), made("so-other", False)
    plugin = run_tests([one, other], lambda exercise: namespace_answer(), seed=0)
    assert plugin.report(one).points == 1 and plugin.report(other).points == 0


def namespace_answer():
    from autograde.judge.answer import Answer

    return Answer({})


@pytest.mark.parametrize("name", ids())
def test_no_answer_is_lost(name):
    answers = known_answers(name)
    counts = Counter(answer.right for answer in answers)
    right, wrong = ANSWERS.get(name, (2, 3))
    assert counts[True] >= right and counts[False] >= wrong
    assert len({answer.name.removeprefix("wrong_").removesuffix(".py") for answer in answers}) == len(answers)


def test_the_answers_of_before_are_905():
    assert [sum(counts) for counts in zip(*ANSWERS.values(), strict=True)] == [194, 711]


SOURCE = "def f(x):\n    y = x\n\n    if x:\n        y = 2 * x\n    return y\n"


def test_a_patch_replaces_lines_whatever_their_indentation():
    assert apply({"y = 2 * x": "y = 3 * x"}, SOURCE, "right_x") == SOURCE.replace("2 *", "3 *")
    several = {
        """
        if x:
            y = 2 * x
        """: """
        while x:
            y = x

            break
        """,
        "return y": "",
    }
    assert apply(several, SOURCE, "right_x") == "def f(x):\n    y = x\n\n    while x:\n        y = x\n\n        break\n"
    further_in = {
        """
            y = 2 * x
        return y
        """: """
            y = 3 * x
        """,
    }
    assert apply(further_in, SOURCE, "right_x") == "def f(x):\n    y = x\n\n    if x:\n        y = 3 * x\n"
    assert apply({"return y": "return y  # as it is", "y = x": ""}, SOURCE, "right_x").startswith("def f(x):\n\n    if")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"y = 4 * x": ""}, "must occur once in right_x.py, not 0 times"),
        ({"y =": ""}, "not 0 times"),  # whole lines only
        ({"": "import os"}, "must occur once"),
        ({"if x:\n    y = 2 * x": "", "y = 2 * x": "y = 3"}, "two changes meet at line 5 of right_x.py"),
    ],
)
def test_a_patch_that_does_not_fit(changes, said):
    with pytest.raises(ValueError, match=said):
        apply(changes, SOURCE, "right_x")


def test_lines_that_occur_twice():
    with pytest.raises(ValueError, match="not 2 times"):
        apply({"y = x": ""}, SOURCE + "    y = x\n", "right_x")


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        (Patch("right_nowhere", {}, names="x"), "so-sgd, wrong answer 'toy': there is no right_nowhere.py; there are:"),
        (
            Patch("right_list", {"no such line": ""}, names="x"),
            "so-sgd, wrong answer 'toy': these lines must occur once",
        ),
    ],
)
def test_the_error_names_exercise_and_patch(monkeypatch, patch, said):
    import autograde.bank.so_sgd.wrong as table

    monkeypatch.setitem(table.WRONG, "toy", patch)
    with pytest.raises(ValueError, match=said):
        patched("so-sgd", folder_of("so-sgd"))


def test_verify_tells_a_patch_that_is_not_wrong(monkeypatch):
    import autograde.bank.so_sgd.wrong as table

    monkeypatch.setitem(
        table.WRONG, "toy", Patch("right_list", {"return torch.stack(rows)": "return torch.stack(rows)"}, "x")
    )
    (verdict,) = [verdict for verdict in verify_exercise(find("so-sgd")) if not verdict.as_expected]
    assert verdict.file == "toy" and verdict.problem == "a wrong answer got full marks"
