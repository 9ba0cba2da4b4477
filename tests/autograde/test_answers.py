"""Every right answer of the bank gets full marks, every wrong one loses points and is told why."""

import pytest

from autograde.bank import bank
from autograde.bank.answers import known_answers
from autograde.verify import grade_answer, verify_exercise

each_exercise = pytest.mark.parametrize("name", list(bank()))


@each_exercise
def test_answers(name, seed=0):
    verdicts = verify_exercise(bank()[name], seed=seed)
    problems = [f"{verdict.file}: {verdict.problem}" for verdict in verdicts if not verdict.as_expected]
    assert not problems, "\n".join(problems)
    assert sum(verdict.right for verdict in verdicts) >= 2
    assert sum(not verdict.right for verdict in verdicts) >= 3


@each_exercise
def test_right_answers_on_other_inputs(name):
    for answer in known_answers(name):
        if answer.right:
            report = grade_answer(bank()[name], answer, seed=20)
            assert report.full, f"{answer.name}: {report.text()}"


@pytest.mark.sampled(8)
@each_exercise
def test_answers_on_other_inputs(name):
    test_answers(name, seed=20)
