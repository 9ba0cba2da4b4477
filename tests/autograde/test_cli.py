"""The `autograde` command: exit codes, JSON, files that do not run, and `verify` on answers made for the test."""

import json
import subprocess
import sys

import nbformat
import pytest

from autograde.bank import bank, folder_of
from autograde.bank.answers import first_answer
from autograde.cli import main
from autograde.judge import load
from autograde.verify import names_mistake
from tests.patience import HANG_SECONDS

RIGHT = sorted(folder_of("so-samples-to-target").glob("right_*.py"))[0]


@pytest.fixture
def wrong(tmp_path):
    """The file of a wrong answer, which says in its first line what is wrong."""
    answer = first_answer("so-samples-to-target", right=False)
    path = tmp_path / "wrong.py"
    path.write_text(f"# {answer.promise}\n{answer.source}")
    return path


def test_check_exit_codes_and_text(capsys, wrong):
    assert main(["check", "so-samples-to-target", str(RIGHT)]) == 0
    text = capsys.readouterr().out
    assert "6 of 6 points" in text and "FAIL" not in text
    assert main(["check", "so-samples-to-target", str(wrong)]) == 1
    assert "FAIL" in capsys.readouterr().out


def test_check_json(capsys, wrong):
    assert main(["check", "so-samples-to-target", str(wrong), "--json", "--seed", "7"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["exercise"] == "so-samples-to-target"
    assert 0 < report["points"] < report["max_points"] == bank()["so-samples-to-target"].max_points
    assert report["points"] == sum(test["points"] for test in report["tests"])
    for test in report["tests"]:
        assert {"name", "passed", "points", "max_points", "message"} <= set(test)
        assert test["points"] == (test["max_points"] if test["passed"] else 0)
        assert bool(test["message"]) != test["passed"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["check", "so-samples-to-targets", str(RIGHT)], "did you mean 'so-samples-to-target'?"),
        (["check", "so-samples-to-target", "no_such_file.py"], "there is no file no_such_file.py"),
        (["check", "so-samples-to-target", __file__.replace("test_cli.py", "")], "there is no file"),
        (["verify", "so-nothing-like-it"], "there is no exercise 'so-nothing-like-it'"),
        (["verify", "--answers", "no_such_folder"], "there is no folder no_such_folder"),
    ],
)
def test_usage_errors(arguments, text, capsys):
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert text in output.err and output.out == ""


def test_usage_errors_of_the_parser(capsys):
    for arguments in ([], ["check"], ["check", "so-sgd", str(RIGHT), "--seed", "x"], ["grade"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def samples_to_target(:\n", "SyntaxError"),
        ("import no_such_module\n", "ModuleNotFoundError (No module named 'no_such_module') at line 1"),
        ("\nraise SystemExit(0)\n", "SystemExit (0) at line 2"),
        ("x = '\0'\n", "null bytes"),
    ],
)
def test_a_file_that_does_not_run_gets_nothing(tmp_path, capsys, source, reason):
    path = tmp_path / "answer.py"
    path.write_text(source)
    assert main(["check", "so-samples-to-target", str(path), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["points"] == 0
    assert all(reason in test["message"] and "answer.py" in test["message"] for test in report["tests"])


def test_check_reads_the_code_cells_of_a_notebook(tmp_path, capsys):
    source = RIGHT.read_text()
    cells = [
        nbformat.v4.new_markdown_cell("text"),
        nbformat.v4.new_code_cell("%matplotlib inline\n!ls\ncheck('so-samples-to-target')"),
        nbformat.v4.new_code_cell("%%timeit\nthis is not python"),
        nbformat.v4.new_code_cell(source),
    ]
    path = tmp_path / "answer.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    assert main(["check", "so-samples-to-target", str(path)]) == 0
    path.write_text("[1, 2]")
    assert main(["check", "so-samples-to-target", str(path)]) == 1
    assert "this is not a notebook" in capsys.readouterr().out


def test_exercises(capsys):
    assert main(["exercises", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in rows] == list(bank())
    assert {"id", "notebook", "title", "points", "difficulty", "minutes", "concepts"} == set(rows[0])
    assert main(["exercises"]) == 0
    text = capsys.readouterr().out
    assert all(row["id"] in text and row["title"] in text for row in rows)


def test_answers_may_use_dataclasses_with_string_annotations(tmp_path):
    path = tmp_path / "answer.py"
    path.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Pair:\n    a: int\n\n" + RIGHT.read_text().replace("from __future__ import annotations", "")
    )
    assert main(["check", "so-samples-to-target", str(path)]) == 0


def test_installed_command_runs():
    result = subprocess.run(
        [sys.executable, "-m", "autograde", "check", "so-samples-to-target", str(RIGHT), "--json"],
        capture_output=True, text=True, timeout=HANG_SECONDS,
    )  # fmt: skip
    assert result.returncode == 0 and result.stderr == ""
    assert json.loads(result.stdout)["points"] == 6


def answers_folder(folder, **files):
    target = folder / "so-samples-to-target"
    target.mkdir()
    for name, text in files.items():
        (target / f"{name}.py").write_text(text)
    return folder


def test_verify_accepts_what_is_as_expected(tmp_path, capsys, wrong):
    folder = answers_folder(tmp_path, right_one=RIGHT.read_text(), wrong_one=wrong.read_text())
    assert main(["verify", "so-samples-to-target", "--answers", str(folder), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["kind"], row["lost"], row["as_expected"]) for row in rows] == [
        ("right", False, True),
        ("wrong", True, True),
    ]
    assert rows[1]["named"] and rows[1]["messages"]


def test_verify_finds_each_disagreement(tmp_path, capsys, wrong):
    folder = answers_folder(
        tmp_path,
        right_that_is_wrong=wrong.read_text(),
        wrong_that_is_right=RIGHT.read_text(),
        wrong_unnamed="# names: a phrase that no message contains\n" + wrong.read_text(),
    )
    assert main(["verify", "so-samples-to-target", "--answers", str(folder)]) == 1
    text = capsys.readouterr().out
    assert "a right answer got" in text and "a wrong answer got full marks" in text
    assert "no message names the mistake" in text and "0 of 3 answers as expected" in text
    assert main(["verify", "so-sgd", "--answers", str(folder)]) == 1  # no answers is not a proof


def test_naming():
    said = ["The division by N - 1 is the sample covariance:  use the population covariance"]
    assert names_mistake("names: sample COVARIANCE | something else", said)
    assert not names_mistake("names: batch size", said)
    assert not names_mistake("names:", said)
    assert names_mistake("divides by N - 1: sample covariance instead of population", said)
    assert not names_mistake("forgets the square of the gradient norm", said)
    assert not names_mistake("", said)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["while True: pass"], "took more than 0.2 s to run"),
        (
            ["while True:\n    try:\n        while True: pass\n    except BaseException: pass"],
            "took more than 0.2 s to run",
        ),
        (["x = 1\nno_such_name"], "NameError (name 'no_such_name' is not defined) at line 2, `no_such_name`"),
        (["def f(:"], "SyntaxError (invalid syntax) at line 1"),
        ([RIGHT.read_text(), "raise SystemExit(0)"], "SystemExit (0) at line 1"),
    ],
    ids=["endless", "endless and caught", "unknown name", "no Python", "ends"],
)
def test_a_notebook_that_does_not_run_gets_nothing(tmp_path, monkeypatch, capsys, cells, reason):
    if "took" in reason:
        monkeypatch.setattr(load, "CELL_SECONDS", 0.2)
    path = tmp_path / "answer.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells]), path)
    assert main(["check", "so-samples-to-target", str(path), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["points"] == 0
    assert all(reason in test["message"] and "answer.ipynb" in test["message"] for test in report["tests"])


def test_a_cell_that_raises_costs_a_notebook_nothing_else(tmp_path, capsys):
    cells = [
        nbformat.v4.new_code_cell(source) for source in ("1 / 0", RIGHT.read_text(), "print('said'); no_such_name")
    ]
    path = tmp_path / "answer.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    assert main(["check", "so-samples-to-target", str(path)]) == 0
    output = capsys.readouterr()
    assert "6 of 6 points" in output.out and "said" not in output.out and output.err == ""
