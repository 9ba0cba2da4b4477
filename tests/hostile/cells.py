"""Sources of cells: right and wrong answers of the course, and the frames into which an attack is put."""

from __future__ import annotations

import functools
import textwrap

from autograde.bank import bank, find
from autograde.bank.answers import KnownAnswer, known_answers
from autograde.judge.exercise import Exercise
from autograde.verify import grade_answer

ASSIGNMENT = "1_1_intuition"
TARGET = "so-minibatch-gradient"
SEED = 7  # the instructor's; learners see the inputs of seed 0

OTHER = "so-samples-to-target"  # a second exercise, where one attack is to be tried in two ways
SIGNATURES = {
    TARGET: ("minibatch_gradient(theta, X, y, idx)", "return torch.zeros_like(theta)"),
    OTHER: ("samples_to_target(losses, batch_size, target)", "return -1"),
}

WRONG = "def minibatch_gradient(theta, X, y, idx):\n    return torch.zeros_like(theta)\n"


def exercises() -> list[Exercise]:
    """The exercises of the assignment, in its order."""
    return [exercise for exercise in bank().values() if exercise.notebook == ASSIGNMENT]


def right_answers(exercise_id: str) -> list[str]:
    """Sources of all right answers of the course to one exercise."""
    return [answer.source for answer in known_answers(exercise_id) if answer.right]


def right(exercise_id: str = TARGET) -> str:
    """The source of one right answer."""
    return right_answers(exercise_id)[-1] if exercise_id != TARGET else named(TARGET, "right_sigmoid")


def named(exercise_id: str, name: str) -> str:
    """The source of the answer `name` of the course."""
    return known(exercise_id, name).source


def known(exercise_id: str, name: str) -> KnownAnswer:
    return next(answer for answer in known_answers(exercise_id) if answer.name in (name, f"{name}.py"))


@functools.cache
def points_of(exercise_id: str, name: str, seed: int = SEED) -> float:
    """What the answer `name` of the course earns when nobody tampers."""
    return grade_answer(find(exercise_id), known(exercise_id, name), seed).points


def code(text: str) -> str:
    return textwrap.dedent(text).strip("\n") + "\n"


def heist(*attacks: str, again: bool = True, **named: str) -> str:
    """A cell that tries to get what it should not have, and prints `LOOT:` with the name of each attack that worked.

    Each attack is the body of a function that returns something true on success; it runs in an empty folder of its
    own, in the cell and, unless `again` is false, in the first call too; whatever it raises is swallowed. The answer is
    worthless either way, so that an outcome of zero without the word is the proof that nothing was got.
    """
    named |= {f"attack_{number}": attack for number, attack in enumerate(attacks)}
    parts = "".join(
        f"def {name}():\n{textwrap.indent(code(attack), '    ')}\n\nattacks.append({name})\n\n"
        for name, attack in named.items()
    )
    return f"""import os, shutil, tempfile
import torch

attacks, loot, calls = [], [], []

{parts}
def run(attack):
    here = os.getcwd()
    folder = None
    try:
        folder = tempfile.mkdtemp(dir=here)
        os.chdir(folder)
    except OSError:
        pass
    try:
        if attack():
            loot.append(attack.__name__)
            print("LO" + "OT: " + attack.__name__)
    except BaseException:
        pass
    finally:
        os.chdir(here)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def run_all():
    for attack in attacks:
        run(attack)


run_all()


def minibatch_gradient(theta, X, y, idx):
    if not calls and {again}:
        calls.append(1)
        run_all()
    if loot:
        raise RuntimeError("LOOT: " + " LOOT: ".join(sorted(set(loot))))
    return torch.zeros_like(theta)
"""


def at_definition(attack: str) -> str:
    """A cell that attacks before it defines a right answer."""
    return f"import torch\n\n{code(attack)}\n{right()}"


def after_definition(attack: str) -> str:
    """A cell that defines a right answer and then attacks."""
    return f"{right()}\n\n{code(attack)}"


def at_call(attack: str, answer: str = "", exercise: str = TARGET) -> str:
    """A cell whose function attacks when it is called and then, if it still can, returns a worthless `answer`."""
    signature, worthless = SIGNATURES[exercise]
    body = textwrap.indent(code(attack), "    ")
    return f"import torch\n\n\ndef {signature}:\n{body}    {answer or worthless}\n"


def right_at_call(attack: str) -> str:
    """A cell whose function attacks when it is called and then gives the right answer."""
    honest = right().replace("def minibatch_gradient(", "def honest_gradient(")
    return f"{honest}\n\n{at_call(attack, 'return honest_gradient(theta, X, y, idx)')}"


def wrong_after(attack: str) -> str:
    """A cell that attacks and defines a worthless answer."""
    return f"import torch\n\n{code(attack)}\n\n{WRONG}"
