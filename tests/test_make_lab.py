"""`make lab` as a user types it."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.browser.jupyter import free_port, lab_environment
from tests.patience import HANG_SECONDS, until

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "make-lab-test"

in_venv = pytest.mark.skipif(
    Path(sys.prefix).resolve() != (ROOT / ".venv").resolve(),
    reason="make lab would build a .venv first: these tests run under `make test`, which has one",
)


def get(port, path, token=TOKEN):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"token {token}"})
    with urllib.request.urlopen(request, timeout=HANG_SECONDS) as response:
        return response.read().decode()


def answers(port, process, log):
    assert process.poll() is None, f"make lab ended with {process.returncode}:\n{log.read_text()}"
    try:
        return get(port, "/api/status")
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.fixture
def make_lab(tmp_path):
    """Port of a running `make lab`; the whole process group is ended afterwards."""
    port = free_port()
    arguments = f"--no-browser --ServerApp.ip=127.0.0.1 --port {port} --IdentityProvider.token={TOKEN}"
    log = tmp_path / "lab.log"
    environment = {**lab_environment(tmp_path), "PYTHONPATH": "/nonexistent/leak"}
    with log.open("w") as stream:
        process = subprocess.Popen(
            ["make", "lab", f"LAB_ARGS={arguments}"],
            cwd=ROOT,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until(lambda: answers(port, process, log), f"make lab answers; its log is {log}")
        yield port
    finally:
        try:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(HANG_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@in_venv
@pytest.mark.slow
def test_make_lab_answers_and_is_set_up(make_lab):
    assert json.loads(get(make_lab, "/api/status"))["kernels"] == 0
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(make_lab, "/api/status", token="another")
    assert refused.value.code == 403

    # It opens on the map of the course, which lies in the folder that is served.
    with urllib.request.urlopen(f"http://127.0.0.1:{make_lab}/?token={TOKEN}", timeout=HANG_SECONDS) as response:
        assert "/lab/tree/course/index.ipynb" in response.geturl()
    assert json.loads(get(make_lab, "/api/contents/course/index.ipynb?content=0"))["type"] == "notebook"

    # No news, and nobody asks whether news are wanted.
    plugin = json.loads(get(make_lab, "/lab/api/settings/@jupyterlab/apputils-extension:notification"))
    defaults = {name: entry.get("default") for name, entry in plugin["schema"]["properties"].items()}
    assert defaults["fetchNews"] == "false"
    assert defaults["checkForUpdates"] is False
    assert json.loads(get(make_lab, "/lab/api/news"))["news"] == []


@in_venv
def test_second_set_up_has_nothing_to_do():
    stamp = ROOT / ".venv" / ".installed"
    before = stamp.stat().st_mtime_ns
    result = subprocess.run(["make", "setup"], cwd=ROOT, capture_output=True, text=True, timeout=HANG_SECONDS)
    assert result.returncode == 0
    assert "pip" not in result.stdout
    assert stamp.stat().st_mtime_ns == before, "the set-up was made again"


def test_make_alone_lists_every_target():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=HANG_SECONDS).stdout
    for target in ("lab", "test", "test-all", "grade", "notebooks", "lint", "lock", "clean"):
        assert any(line.startswith(f"make {target} ") for line in listed.splitlines()), target


def set_up_in(tmp_path, **environment):
    """Run .ci/setup.sh in a folder that has no .venv yet, under a PATH of our own."""
    (tmp_path / "requirements.lock").write_text("noisy-descent-has-no-such-package==1\n")
    return subprocess.run(
        ["/bin/sh", str(ROOT / ".ci" / "setup.sh")],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )


def fake_python(folder, body):
    """An executable `python3` whose whole program is the shell text `body`."""
    folder.mkdir(exist_ok=True)
    path = folder / "python3"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def tools_without_python(folder):
    """A PATH that has what the script calls, and no Python."""
    folder.mkdir()
    for name in ("sh", "cat", "rm", "fold", "sed"):
        for place in ("/bin", "/usr/bin"):
            if Path(place, name).exists() and not (folder / name).exists():
                (folder / name).symlink_to(Path(place, name))
    return folder


def test_no_python_new_enough(tmp_path):
    path = tools_without_python(tmp_path / "bin")
    fake_python(path, 'case "$*" in *--version*) echo "Python 3.9.18";; *) exit 1;; esac')
    result = set_up_in(tmp_path, PATH=str(path))
    assert result.returncode == 1
    message = " ".join(result.stderr.split())
    assert "needs Python 3.11, 3.12 or 3.13, and the PATH has Python 3.9.18" in message
    assert "make PYTHON=" in message
    assert not (tmp_path / ".venv").exists()


def test_named_python_is_too_old(tmp_path):
    path = tools_without_python(tmp_path / "bin")
    old = fake_python(tmp_path / "old", "exit 1")
    result = set_up_in(tmp_path, PATH=str(path), PYTHON=str(old))
    assert result.returncode == 1
    assert f"PYTHON={old}" in "".join(result.stderr.splitlines())


def test_python_without_venv(tmp_path):
    path = tools_without_python(tmp_path / "bin")
    fake_python(path, 'case "$*" in *ensurepip*) exit 1;; *) exit 0;; esac')
    result = set_up_in(tmp_path, PATH=str(path))
    assert result.returncode == 1
    assert "sudo apt-get install python3-venv" in " ".join(result.stderr.split())
    assert not (tmp_path / ".venv").exists()


@pytest.mark.slow
def test_install_that_fails_is_not_taken_for_done(tmp_path):
    unreachable = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_INDEX": "0", "PIP_CONFIG_FILE": os.devnull}
    environment = {**unreachable, "PIP_DEFAULT_TIMEOUT": "1", "PATH": os.environ["PATH"], "PYTHON": sys.executable}
    result = set_up_in(tmp_path, **environment)
    assert result.returncode == 1
    message = " ".join(result.stderr.split())
    assert "Nothing was marked as installed: run the same make command again" in message
    assert (tmp_path / ".venv" / "bin" / "python").exists()
    assert not (tmp_path / ".venv" / ".installed").exists()


def test_moved_folder_is_built_again(tmp_path):
    """The editable install and the scripts of a venv know their folder by its absolute path."""
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".installed").write_text("/somewhere/else\n")
    (tmp_path / ".venv" / "left_over").write_text("")
    path = tools_without_python(tmp_path / "bin")
    result = set_up_in(tmp_path, PATH=str(path))
    assert ".venv was made for /somewhere/else" in result.stderr
    assert not (tmp_path / ".venv").exists()
