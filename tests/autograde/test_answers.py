"""Every right answer of the bank gets full marks, every wrong one loses points and is told why."""

import pytest

from autograde.bank import bank
from autograde.judge.runner import grade_file
from autograde.verify import ANSWERS, verify_exercise

each_exercise = pytest.mark.parametrize("name", list(bank()))


@each_exercise
def test_answers(name, seed=0):
    verdicts = verify_exercise(bank()[name], ANSWERS / name, seed)
    problems = [f"{verdict.file}: {verdict.problem}" for verdict in verdicts if not verdict.as_expected]
    assert not problems, "\n".join(problems)
    assert sum(verdict.right for verdict in verdicts) >= 2
    assert sum(not verdict.right for verdict in verdicts) >= 3


@each_exercise
def test_right_answers_on_other_inputs(name):
    for path in sorted((ANSWERS / name).glob("right_*.py")):
        report = grade_file(bank()[name], path, seed=20)
        assert report.full, f"{path.name}: {report.text()}"


@pytest.mark.sampled(8)
@each_exercise
def test_answers_on_other_inputs(name):
    test_answers(name, seed=20)
