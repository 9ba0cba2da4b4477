"""`make bench` takes minutes and an idle machine; here only that it would start, and refuse what it does not know."""

import pytest

from tests.bench.__main__ import MEASUREMENTS, main


def test_every_measurement_can_be_called():
    assert all(callable(measure) for measure, _ in MEASUREMENTS.values())


def test_an_unknown_one_is_refused():
    with pytest.raises(SystemExit, match="unknown measurement 'no_such'"):
        main(["no_such"])
