"""The `autograde` command."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from autograde import verify
from autograde.bank import bank, find
from autograde.bank.concepts import concepts
from autograde.judge.exercise import Exercise
from autograde.judge.report import number
from autograde.judge.runner import grade_file
from autograde.sandbox.paths import ROOT

FINE, LESS, USAGE, STOPPED = 0, 1, 2, 130
WARNING = """\
WARNING: --no-sandbox: the students' code runs UNPROTECTED, with your rights. It can read and change your files, the
gradebook and the other submissions, use the network, and forge its points. Do this only with code that you trust."""


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
        description="Every right answer must get full marks; every wrong one must lose points and be told why.",
    )
    verifier.add_argument("exercises", metavar="EXERCISE", nargs="*", help="ids (default: all)")
    verifier.add_argument("--json", action="store_true", help="print JSON")
    verifier.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the inputs (default 0)")
    verifier.add_argument(
        "--answers", type=Path, metavar="DIR", help="files in DIR/EXERCISE instead of the answers of the bank"
    )
    verifier.add_argument("--hostile", action="store_true", help="grade the hostile submissions instead of the answers")
    verifier.add_argument("--stock", action="store_true", help="after --hostile: what stock nbgrader makes of them")
    verifier.set_defaults(command=verify_command)

    grade = class_command(
        commands,
        grade_command,
        "grade",
        "grade a class",
        "Grades what is new in submitted/ of the class, enters it into the gradebook and prints a summary. A run that "
        "was stopped goes on when it is started again. Exit code 0: nothing needs review; 1: something does; "
        "2: usage error.",
    )
    grade.add_argument("--students", action="append", default=[], metavar="ID,ID", help="only these students")
    grade.add_argument("--jobs", type=int, metavar="N", help="processes (default: one a core)")
    grade.add_argument("--seed", type=int, metavar="N", help="seed of the hidden inputs (default: the stored one)")
    grade.add_argument(
        "--regrade", action="store_true", help="also grade again what other tests or another seed graded"
    )
    grade.add_argument("--no-sandbox", action="store_true", help="run the students' code unprotected")
    grade.add_argument("--json", action="store_true", help="print JSON")

    feedback = class_command(commands, feedback_command, "feedback", "write the feedback pages of a graded class")
    feedback.add_argument("--students", action="append", default=[], metavar="ID,ID", help="only these students")

    class_command(commands, report_command, "report", "write a page about a graded class")

    doctor = commands.add_parser("doctor", help="try attacks on the sandbox and print which layer holds each")
    doctor.set_defaults(command=doctor_command)
    return top


def class_command(commands: argparse._SubParsersAction, function, name: str, help: str, description: str | None = None):
    parser = commands.add_parser(name, help=help, description=description)
    parser.add_argument("assignment", metavar="ASSIGNMENT", help="name of the assignment, for example 1_1_intuition")
    parser.add_argument(
        "--class", type=Path, dest="class_folder", metavar="DIR", help="folder of the class (default: autograde/class)"
    )
    parser.set_defaults(command=function)
    return parser


def all_exercises() -> list[Exercise]:
    try:
        return list(bank().values())
    except ValueError as error:
        raise UsageError(error) from None


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
    return FINE if report.full else LESS


def exercises_command(options: argparse.Namespace) -> int:
    rows = [
        {
            "id": exercise.id,
            "notebook": exercise.notebook,
            "title": exercise.title,
            "points": exercise.max_points,
            "difficulty": exercise.difficulty,
            "minutes": exercise.minutes,
            "concepts": [concept.name for concept in concepts().get(exercise.id, ())],
        }
        for exercise in all_exercises()
    ]
    if options.json:
        print(json.dumps(rows, indent=2))
        return FINE
    for row in rows:
        names = f" ({', '.join(row['concepts'])})" if row["concepts"] else ""
        print(
            f"{row['id']:<28} {row['notebook']:<16} {number(row['points']):>3} points  difficulty {row['difficulty']}"
            f"  {row['minutes']:>2} min  {row['title']}{names}"
        )
    return FINE


def verify_command(options: argparse.Namespace) -> int:
    if options.hostile or options.stock:
        return hostile_command(options)
    exercises = [exercise_of(name) for name in options.exercises] or all_exercises()
    if options.answers is not None and not options.answers.is_dir():
        raise UsageError(f"there is no folder {options.answers}")
    try:
        results = verify.verify(exercises, options.answers, options.seed)
    except ValueError as error:
        raise UsageError(error) from None
    print(json.dumps([result.json() for result in results], indent=2) if options.json else verify.table(results))
    return FINE if all(result.as_expected for result in results) else LESS


def hostile_command(options: argparse.Namespace) -> int:
    """Run the suite of hostile submissions, which prints how many rows survived."""
    if not (ROOT / "tests" / "hostile").is_dir():
        raise UsageError("the hostile submissions are in tests/hostile of a checkout of the course: run it there")
    suite = [sys.executable, "-m", "pytest", "-q", "--no-header", "--everything", "tests/hostile"]
    stock = [sys.executable, "-m", "tests.hostile.stock"]
    commands = [suite] * options.hostile + [stock] * options.stock
    codes = [subprocess.run(command, cwd=ROOT, check=False).returncode for command in commands]
    return LESS if any(codes) else FINE


def grade_command(options: argparse.Namespace) -> int:
    from autograde.judge.launch import launch

    if options.no_sandbox:
        print(WARNING, file=sys.stderr)
    launched = None
    # A thread that a library starts when it is imported would keep the judges from being forked off this process.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    try:
        # First of all, because its imports take seconds, and ours too.
        launched = launch(not options.no_sandbox)
        from autograde.classroom.batch import grade_class

        summary = grade_class(
            options.assignment,
            class_of(options),
            students=students_of(options),
            jobs=options.jobs,
            seed=options.seed,
            regrade=options.regrade,
            sandbox=not options.no_sandbox,
            launched=launched,
        )
    except (ValueError, OSError, RuntimeError) as error:
        raise UsageError(error) from error
    except KeyboardInterrupt:
        print("\nautograde: stopped; what is graded is kept, the same command goes on with the rest", file=sys.stderr)
        return STOPPED
    finally:
        if launched is not None:
            launched.close()
    print(json.dumps(summary.json(), indent=2) if options.json else summary.text())
    return LESS if summary.reviews else FINE


def feedback_command(options: argparse.Namespace) -> int:
    from autograde.classroom.feedback import make_feedback

    try:
        pages = make_feedback(options.assignment, class_of(options), students_of(options))
    except (ValueError, OSError) as error:
        raise UsageError(error) from error
    print(f"{len(pages)} feedback page{'' if len(pages) == 1 else 's'} in {class_of(options) / 'feedback'}")
    return FINE


def report_command(options: argparse.Namespace) -> int:
    from autograde.classroom.report_page import write_report

    try:
        print(write_report(options.assignment, class_of(options)))
    except (ValueError, OSError) as error:
        raise UsageError(error) from error
    return FINE


def doctor_command(options: argparse.Namespace) -> int:
    from autograde.sandbox import doctor

    return doctor.main()


def class_of(options: argparse.Namespace) -> Path:
    from autograde.classroom.settings import PROJECT_CLASS

    return options.class_folder or PROJECT_CLASS


def students_of(options: argparse.Namespace) -> list[str]:
    return [name for text in options.students for name in text.split(",") if name]
