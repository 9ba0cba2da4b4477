"""Every right answer of the bank gets full marks, every wrong one loses points and is told why."""

import pytest

from autograde.bank import bank
from autograde.verify import verify_exercise


@pytest.mark.parametrize("seed", [0, 20])
@pytest.mark.parametrize("name", list(bank()))
def test_answers(name, seed):
    verdicts = verify_exercise(bank()[name], seed=seed)
    problems = [f"{verdict.file}: {verdict.problem}" for verdict in verdicts if not verdict.as_expected]
    assert not problems, "\n".join(problems)
    assert sum(verdict.right for verdict in verdicts) >= 2
    assert sum(not verdict.right for verdict in verdicts) >= 3
