"""Right and wrong answers get the same points from a worker as in the learner's own process.

A few of each exercise; with --everything all. tests/autograde/test_answers.py has all of them in this process.
"""

import pytest

from autograde import verify
from autograde.bank import bank
from autograde.judge.remote import RemoteAnswer
from autograde.judge.runner import grade_file, run_tests


def answers(kind):
    return pytest.mark.parametrize(
        ("exercise", "path"),
        [
            pytest.param(exercise, path, id=f"{exercise.id}-{path.stem}")
            for exercise in bank().values()
            for path in sorted((verify.ANSWERS / exercise.id).glob(f"{kind}_*.py"))
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
@answers("right")
def test_right_answers_get_the_same_in_both(server, exercise, path):
    compare(server, exercise, path, right=True)


@pytest.mark.sampled(2, per="exercise")
@answers("wrong")
def test_wrong_answers_get_the_same_in_both(server, exercise, path):
    compare(server, exercise, path, right=False)


def compare(server, exercise, path, right):
    here = grade_file(exercise, path)
    there = grade_in_worker(server, exercise, path.read_text(encoding="utf-8"))
    assert [test.points for test in there.tests] == [test.points for test in here.tests], [
        (one.message, other.message) for one, other in zip(there.tests, here.tests, strict=True)
    ]
    assert not verify.judge(exercise, path, right, there).problem
