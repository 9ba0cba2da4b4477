"""What several test modules share: tables printed after the run."""

import pytest

NOTEBOOK_SECONDS = pytest.StashKey[dict]()


@pytest.fixture
def notebook_seconds(request):
    """Dict notebook -> seconds; printed as a table at the end of the run."""
    return request.config.stash.setdefault(NOTEBOOK_SECONDS, {})


def pytest_terminal_summary(terminalreporter, config):
    seconds = config.stash.get(NOTEBOOK_SECONDS, {})
    if seconds:
        terminalreporter.section("time to run each notebook, kernel start included")
        for name in sorted(seconds):
            terminalreporter.write_line(f"{seconds[name]:8.1f} s  {name}")
