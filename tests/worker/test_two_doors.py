"""Right and wrong answers get the same points from a worker as in the learner's own process.

All right ones and every third wrong one; tests/autograde/test_answers.py has all of them in this process.
"""

import pytest

from autograde import verify
from autograde.bank import bank
from autograde.judge.remote import RemoteAnswer
from autograde.judge.runner import grade_file, run_tests


def answers(exercise):
    right, wrong = (sorted((verify.ANSWERS / exercise.id).glob(f"{kind}_*.py")) for kind in ("right", "wrong"))
    return right + wrong[::3]


FILES = [
    pytest.param(exercise, path, id=f"{exercise.id}-{path.stem}")
    for exercise in bank().values()
    for path in answers(exercise)
]


def grade_in_worker(server, exercise, source, seed=0):
    workers = []

    def arrange(_):
        workers.append(server.spawn(exercise.memory))
        outcome = workers[-1].run_cell(source, exercise.cell_time)
        assert not outcome.ended, outcome
        return RemoteAnswer(workers[-1])

    try:
        return run_tests([exercise], arrange, seed).report(exercise)
    finally:
        for worker in workers:
            worker.close()


@pytest.mark.parametrize(("exercise", "path"), FILES)
def test_same_points_and_messages_in_both(server, exercise, path):
    here = grade_file(exercise, path)
    there = grade_in_worker(server, exercise, path.read_text(encoding="utf-8"))
    assert [test.points for test in there.tests] == [test.points for test in here.tests], [
        (one.message, other.message) for one, other in zip(there.tests, here.tests, strict=True)
    ]
    right = path.stem.startswith("right")
    assert not verify.judge(exercise, path, right, there).problem
