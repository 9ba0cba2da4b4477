"""Every right and wrong answer gets the same points from a worker as in the learner's own process."""

import pytest

from autograde import verify
from autograde.exercise import bank
from autograde.remote import RemoteAnswer
from autograde.runner import grade_file, run_tests

FILES = [
    pytest.param(exercise, path, id=f"{exercise.id}-{path.stem}")
    for exercise in bank().values()
    for path in sorted((verify.ANSWERS / exercise.id).glob("*.py"))
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
