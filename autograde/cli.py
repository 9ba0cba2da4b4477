"""The `autograde` command."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from autograde import verify
from autograde.bank import bank, find
from autograde.judge.exercise import Exercise
from autograde.judge.report import number
from autograde.judge.runner import grade_file

FULL, LESS, USAGE = 0, 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code: 0 as it should be, 1 less or to be reviewed, 2 usage error."""
    options = parser().parse_args(arguments)
    try:
        return options.command(options)
    except UsageError as error:
        print(f"autograde: {error}", file=sys.stderr)
        return USAGE


class UsageError(Exception):
    """A command that makes no sense; the text says what to do."""


def parser() -> argparse.ArgumentParser:
    from autograde.classroom import commands as classroom

    top = argparse.ArgumentParser(prog="autograde", description="Grade answers to the exercises of the course.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    codes = "Exit code 0: full marks; 1: less; 2: usage error."
    check = commands.add_parser("check", help="grade one file", description=codes)
    check.add_argument("exercise", metavar="EXERCISE", help="id of the exercise, for example so-minibatch-gradient")
    check.add_argument("file", metavar="FILE", type=Path, help="a .py file or a notebook with the functions")
    check.add_argument("--json", action="store_true", help="print JSON")
    check.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the inputs (default 0)")
    check.set_defaults(command=check_command)

    exercises = commands.add_parser("exercises", help="list the exercises")
    exercises.add_argument("--json", action="store_true", help="print JSON")
    exercises.set_defaults(command=exercises_command)

    verifier = commands.add_parser(
        "verify",
        help="check the grader against right and wrong answers",
        description="Every right_*.py must get full marks; every wrong_*.py must lose points and be told why.",
    )
    verifier.add_argument("exercises", metavar="EXERCISE", nargs="*", help="ids (default: all)")
    verifier.add_argument("--json", action="store_true", help="print JSON")
    verifier.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the inputs (default 0)")
    verifier.add_argument("--answers", type=Path, default=verify.ANSWERS, metavar="DIR", help="one folder an exercise")
    verifier.add_argument("--hostile", action="store_true", help="grade the hostile submissions instead of the answers")
    verifier.add_argument("--stock", action="store_true", help="after --hostile: what stock nbgrader makes of them")
    verifier.set_defaults(command=verify_command)

    classroom.add(commands)
    return top


def exercise_of(exercise_id: str) -> Exercise:
    try:
        return find(exercise_id)
    except ValueError as error:
        raise UsageError(error) from None


def check_command(options: argparse.Namespace) -> int:
    exercise = exercise_of(options.exercise)
    if not options.file.is_file():
        raise UsageError(f"there is no file {options.file}")
    if options.file.suffix not in (".py", ".ipynb"):
        raise UsageError(f"{options.file} is neither a .py file nor a .ipynb notebook")
    report = grade_file(exercise, options.file, options.seed)
    print(json.dumps(report.json(), indent=2) if options.json else report.text())
    return FULL if report.full else LESS


def exercises_command(options: argparse.Namespace) -> int:
    rows = [
        {
            "id": exercise.id,
            "notebook": exercise.notebook,
            "title": exercise.title,
            "points": exercise.max_points,
            "difficulty": exercise.difficulty,
            "minutes": exercise.minutes,
            "concepts": list(exercise.concepts),
        }
        for exercise in bank().values()
    ]
    if options.json:
        print(json.dumps(rows, indent=2))
        return FULL
    for row in rows:
        concepts = ", ".join(row["concepts"])
        print(
            f"{row['id']:<28} {row['notebook']:<16} {number(row['points']):>3} points  difficulty {row['difficulty']}"
            f"  {row['minutes']:>2} min  {row['title']} ({concepts})"
        )
    return FULL


def verify_command(options: argparse.Namespace) -> int:
    if options.hostile or options.stock:
        return hostile_command(options)
    exercises = [exercise_of(name) for name in options.exercises] or list(bank().values())
    if not options.answers.is_dir():
        raise UsageError(f"there is no folder {options.answers}")
    results = verify.verify(exercises, options.answers, options.seed)
    print(json.dumps([result.json() for result in results], indent=2) if options.json else verify.table(results))
    return FULL if all(result.as_expected for result in results) else LESS


def hostile_command(options: argparse.Namespace) -> int:
    """Run the suite of hostile submissions, which prints how many rows survived."""
    from autograde import ROOT

    if not (ROOT / "tests" / "hostile").is_dir():
        raise UsageError("the hostile submissions are in tests/hostile of a checkout of the course: run it there")
    suite = [sys.executable, "-m", "pytest", "-q", "--no-header", "--everything", "tests/hostile"]
    stock = [sys.executable, "-m", "tests.hostile.stock"]
    commands = [suite] * options.hostile + [stock] * options.stock
    codes = [subprocess.run(command, cwd=ROOT, check=False).returncode for command in commands]
    return LESS if any(codes) else FULL
