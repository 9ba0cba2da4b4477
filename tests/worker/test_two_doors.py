"""Right and wrong answers get the same points from a worker as in the learner's own process.

A few of each exercise; with --everything all. tests/autograde/test_answers.py has all of them in this process.
"""

import pytest

from autograde import verify
from autograde.bank import bank
from autograde.bank.answers import known_answers
from autograde.judge.remote import RemoteAnswer
from autograde.judge.runner import run_tests


def answers(right):
    return pytest.mark.parametrize(
        ("exercise", "answer"),
        [
            pytest.param(exercise, answer, id=f"{exercise.id}-{answer.name.removesuffix('.py')}")
            for exercise in bank().values()
            for answer in known_answers(exercise.id)
            if answer.right == right
        ],
    )


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


@pytest.mark.sampled(2, per="exercise")
@answers(right=True)
def test_right_answers_get_the_same_in_both(server, exercise, answer):
    compare(server, exercise, answer)


@pytest.mark.sampled(2, per="exercise")
@answers(right=False)
def test_wrong_answers_get_the_same_in_both(server, exercise, answer):
    compare(server, exercise, answer)


def compare(server, exercise, answer):
    here = verify.grade_answer(exercise, answer)
    there = grade_in_worker(server, exercise, answer.source)
    assert [test.points for test in there.tests] == [test.points for test in here.tests], [
        (one.message, other.message) for one, other in zip(there.tests, here.tests, strict=True)
    ]
    assert not verify.judge(exercise, answer, there).problem
