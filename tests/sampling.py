"""Which of many tests that are alike run every time: a few of each stratum, chosen by the hash of their names.

A position would do for one run; with the hash, adding a test changes the sample by one test at most.
"""

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Sequence

import pytest

Stratum = tuple[Hashable, int]


def stratum(item: pytest.Item) -> Stratum | None:
    """The tests among which `@pytest.mark.sampled(count, per=argument)` chooses, and how many; None without the mark.

    They are the variants of one test function; with `per`, those which have the same value of that argument.
    """
    mark = item.get_closest_marker("sampled")
    if mark is None:
        return None
    per = mark.kwargs.get("per")
    value = item.callspec.params[per] if per is not None else None
    return (item.path, item.originalname, value), mark.args[0]


def kept(tests: Sequence[tuple[str, Stratum | None]]) -> list[bool]:
    """For each test (its name, its stratum) whether it runs: all without a stratum, of each other the first by hash."""
    strata = defaultdict(list)
    for name, found in tests:
        if found is not None:
            strata[found].append(name)
    chosen = {name for (_, count), names in strata.items() for name in sorted(names, key=digest)[:count]}
    return [found is None or name in chosen for name, found in tests]


def digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
