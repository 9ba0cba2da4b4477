"""`autograde grade` as an instructor types it: exit codes, what it prints, Ctrl-C, and a run that is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import psutil
import pytest

from autograde.classroom.submission import Submission
from autograde.cli import main
from autograde.sandbox import confinement
from autograde.sandbox.paths import ROOT
from tests.patience import HANG_SECONDS, until

NAME = "1_1_intuition"
UNPROTECTED = "students' code cannot be confined here: no Landlock; grade on another machine, or say --no-sandbox"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["1_1_intuitio"], "there is no assignment '1_1_intuitio'"),
        ([NAME], "there are no submissions of 1_1_intuition"),
        ([NAME, "--jobs", "0"], "--jobs must be at least 1, got 0"),
    ],
)
def test_usage_errors(class_folder, arguments, text, capsys):
    assert main(["grade", *arguments, "--class", str(class_folder.path)]) == 2
    output = capsys.readouterr()
    assert text in output.err and output.err.count("\n") == 1 and output.out == ""


def test_a_student_who_handed_in_nothing(class_folder, capsys):
    class_folder.submit("ada")
    class_folder.submit("boris")
    for students in (["--students", "ada,borris"], ["--students", "ada", "--students", "borris"]):
        assert main(["grade", NAME, "--class", str(class_folder.path), *students]) == 2
        assert "by 'borris': did you mean 'boris'?" in capsys.readouterr().err


def test_errors_of_the_parser():
    for arguments in (["grade"], ["grade", NAME, "--jobs", "x"], ["grade", NAME, "--seed", "1.5"], ["feedback"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2


def test_a_machine_without_protection_refuses_aloud(class_folder, monkeypatch, capsys):
    from autograde.judge import launch

    class_folder.submit("ada")

    def refuse():
        raise confinement.Unprotected(UNPROTECTED)

    monkeypatch.setattr(launch, "require", refuse)
    assert main(["grade", NAME, "--class", str(class_folder.path)]) == 2
    assert capsys.readouterr().err == f"autograde: {UNPROTECTED}\n"
    assert not (class_folder.path / "results").exists()


def command(class_folder, *arguments):
    return [sys.executable, "-m", "autograde", "grade", NAME, "--class", str(class_folder.path), *arguments]


@pytest.mark.slow
def test_grade_then_grade_again(class_folder):
    class_folder.submit("ada", "right")
    class_folder.submit("boris", "wrong")
    class_folder.submit("chen", "right")
    result = subprocess.run(
        command(class_folder, "--json", "--seed", "3", "--students", "ada,boris", "--jobs", "2"),
        cwd=ROOT, capture_output=True, text=True, timeout=HANG_SECONDS,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    ada, boris = report["submissions"]
    assert (ada["student"], ada["points"]) == ("ada", ada["max_points"]) and 0 < boris["points"] < ada["points"]
    assert (report["graded"], report["review"]) == (2, 0)

    class_folder.submit("dara").write_bytes(b"")
    result = subprocess.run(
        command(class_folder, "--no-sandbox"), cwd=ROOT, capture_output=True, text=True, timeout=HANG_SECONDS
    )
    assert result.returncode == 1  # somebody must look at dara's file
    assert result.stderr.startswith("WARNING: --no-sandbox") and "UNPROTECTED" in result.stderr
    assert "4 submissions" in result.stdout and "2 graded, 2 kept" in result.stdout
    assert "To be reviewed:\n  dara: The notebook file is empty" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_when_the_run_ends_its_processes_end(class_folder, end):
    students = [f"s{number}" for number in range(12)]
    for student in students:
        class_folder.submit(student, "wrong")
    process = subprocess.Popen(
        command(class_folder, "--jobs", "2"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    paths = [Submission(class_folder.path, student, NAME).result_path for student in students]
    until(lambda: any(path.exists() for path in paths), "a first result")
    below = psutil.Process(process.pid).children(recursive=True)
    assert len(below) >= 4  # two judges, and a fork server of each
    process.send_signal(end)
    text = process.communicate(timeout=HANG_SECONDS)
    until(lambda: not [child for child in below if alive(child)], "the end of its processes")
    assert sum(path.exists() for path in paths) < len(students)
    if end == signal.SIGINT:
        assert process.returncode == 130
        assert "stopped; what is graded is kept" in text[1] and "Traceback" not in text[1]
    done = {path for path in paths if path.exists()}
    before = {path: path.stat().st_mtime_ns for path in done}
    result = subprocess.run(
        command(class_folder, "--json"), cwd=ROOT, capture_output=True, text=True, timeout=HANG_SECONDS
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["kept"], report["graded"]) == (len(done), len(students) - len(done))
    assert before == {path: path.stat().st_mtime_ns for path in done}
    assert len({row["points"] for row in report["submissions"]}) == 1


def alive(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
