import pytest

from autograde.judge.connection import ServerConnection

CONFINEMENT = pytest.importorskip("autograde.sandbox.confinement")


@pytest.fixture(scope="session")
def server():
    """A confined fork server; skipped, with the reason, where nothing can be confined."""
    try:
        CONFINEMENT.require()
    except CONFINEMENT.Unprotected as error:
        pytest.skip(str(error))
    with ServerConnection() as started:
        yield started


@pytest.fixture
def worker(server):
    started = server.spawn(memory=2**30)
    yield started
    started.close()
