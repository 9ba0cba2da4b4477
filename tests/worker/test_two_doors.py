"""Right and wrong answers get the same points from a worker as in the learner's own process.

All right ones and every third wrong one; tests/autograde/test_answers.py has all of them in this process.
"""

import pytest

from autograde import verify
from autograde.bank import bank
from autograde.bank.answers import known_answers
from autograde.judge.remote import RemoteAnswer
from autograde.judge.runner import run_tests


def sample(exercise):
    answers = known_answers(exercise.id)
    return [answer for answer in answers if answer.right] + [answer for answer in answers if not answer.right][::3]


ANSWERS = [
    pytest.param(exercise, answer, id=f"{exercise.id}-{answer.name.removesuffix('.py')}")
    for exercise in bank().values()
    for answer in sample(exercise)
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


@pytest.mark.parametrize(("exercise", "answer"), ANSWERS)
def test_same_points_and_messages_in_both(server, exercise, answer):
    here = verify.grade_answer(exercise, answer)
    there = grade_in_worker(server, exercise, answer.source)
    assert [test.points for test in there.tests] == [test.points for test in here.tests], [
        (one.message, other.message) for one, other in zip(there.tests, here.tests, strict=True)
    ]
    assert not verify.judge(exercise, answer, there).problem
