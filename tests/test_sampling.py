"""The sample depends on the names of tests, not on how many there are or where they stand."""

import pytest

from tests.sampling import kept

NAMES = [f"test_answer[{number}]" for number in range(40)]


def sample(names, count=5):
    return {name for name, keep in zip(names, kept([(name, ("f", count)) for name in names]), strict=True) if keep}


def test_it_has_the_size_and_does_not_depend_on_the_order():
    assert len(sample(NAMES)) == 5 and sample(NAMES[::-1]) == sample(NAMES)
    assert sample(NAMES, 100) == set(NAMES)


@pytest.mark.parametrize("place", [0, 20, 40])
def test_another_test_changes_it_by_one_at_most(place):
    more = sample([*NAMES[:place], "test_answer[new]", *NAMES[place:]])
    assert len(sample(NAMES) - more) <= 1


def test_every_stratum_is_there_and_what_has_none_runs_always():
    tests = [(f"{name}-{number}", (name, 1)) for name in "abc" for number in range(9)] + [("alone", None)]
    chosen = [name for (name, _), keep in zip(tests, kept(tests), strict=True) if keep]
    assert [name[0] for name in chosen] == ["a", "b", "c", "a"] and chosen[-1] == "alone"
