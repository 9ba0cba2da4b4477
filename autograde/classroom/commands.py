"""The commands of a whole class: `autograde grade`, `feedback`, `report` and `doctor`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from autograde.cli import LESS, UsageError

FINE, REVIEW, STOPPED = 0, LESS, 130
WARNING = """\
WARNING: --no-sandbox: the students' code runs UNPROTECTED, with your rights. It can read and change your files, the
gradebook and the other submissions, use the network, and forge its points. Do this only with code that you trust."""


def add(commands: argparse._SubParsersAction) -> None:
    """Add these commands to the parser of `autograde`."""
    grade = command(
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

    feedback = command(commands, feedback_command, "feedback", "write the feedback pages of a graded class")
    feedback.add_argument("--students", action="append", default=[], metavar="ID,ID", help="only these students")

    command(commands, report_command, "report", "write a page about a graded class")

    doctor = commands.add_parser("doctor", help="try attacks on the sandbox and print which layer holds each")
    doctor.set_defaults(command=doctor_command)


def command(commands: argparse._SubParsersAction, function, name: str, help: str, description: str | None = None):
    parser = commands.add_parser(name, help=help, description=description)
    parser.add_argument("assignment", metavar="ASSIGNMENT", help="name of the assignment, for example 1_1_intuition")
    parser.add_argument(
        "--class", type=Path, dest="class_folder", metavar="DIR", help="folder of the class (default: autograde/class)"
    )
    parser.set_defaults(command=function)
    return parser


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
    return REVIEW if summary.reviews else FINE


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

    return doctor.main([])


def class_of(options: argparse.Namespace) -> Path:
    from autograde.classroom.gradebook import PROJECT_CLASS

    return options.class_folder or PROJECT_CLASS


def students_of(options: argparse.Namespace) -> list[str]:
    return [name for text in options.students for name in text.split(",") if name]
