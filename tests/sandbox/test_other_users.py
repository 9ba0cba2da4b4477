"""The fallback with bubblewrap, and a user without privileges, in a copy that the user can read."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from autograde.sandbox import bubblewrap
from autograde.sandbox.paths import default_readable
from tests.patience import HANG_SECONDS

ROOT = Path(__file__).resolve().parents[2]
SANDBOX = ROOT / "autograde" / "sandbox"
NOBODY = 65534

CODE = """
open("new.txt", "w").write("text")
print(sorted(os.listdir()))
for path in (given["folder"] + "/protected/secret.txt", given["folder"] + "/elsewhere/other.txt", "/etc/passwd"):
    try:
        print(open(path).read())
    except OSError as error:
        print(type(error).__name__)
for path in ("/dev/shm/x", "/usr/x", given["folder"] + "/x"):
    try:
        print("wrote", open(path, "w"))
    except OSError as error:
        print("OSError")
try:
    print(os.fork())
except OSError:
    print("one process")
"""


@pytest.fixture
def bubblewrapped(place):
    if missing := bubblewrap.unavailable():
        pytest.skip(missing)
    readable = [*default_readable(), SANDBOX]
    return [*bubblewrap.bubblewrap_prefix(readable, [place / "protected"], place / "scratch"), sys.executable]


def test_bubblewrap_stands_in_for_landlock(run_in_place, place, bubblewrapped):
    ended = run_in_place(
        place,
        CODE,
        before="folder = Path(given['folder'])\nscratch = folder / 'scratch' / 'one'\n"
        "class Folder(type(folder)):\n    def __truediv__(self, name): return scratch\nfolder = Folder(folder)",
        landlock=False,
        readable=[SANDBOX],
        command=bubblewrapped,
    )
    assert ended.error == "" and ended.lines == [
        "['new.txt']",
        *["FileNotFoundError"] * 3,
        *["OSError"] * 3,
        "one process",
    ]
    assert list((place / "scratch").iterdir()) == []


def test_an_open_socket_passes_through_bubblewrap(run_in_place, place, bubblewrapped):
    here, there = socket.socketpair()
    with here, there:
        here.settimeout(HANG_SECONDS)
        os.set_inheritable(there.fileno(), True)
        before = f"os.write({there.fileno()}, b'hello from inside')"
        run_in_place(
            place,
            "pass",
            before=before,
            landlock=False,
            readable=[SANDBOX],
            command=bubblewrapped,
            pass_fds=(there.fileno(),),
        )
        assert here.recv(100) == b"hello from inside"


def test_bubblewrap_shows_no_protected_file(place, bubblewrapped):
    *prefix, _ = bubblewrapped
    listing = "import os; print([name for name in os.listdir('/') if name != 'proc'], os.listdir('/dev/shm'))"
    code = f"{listing}\nfor folder, _, files in os.walk('{place}'): print(folder, files)"
    ended = subprocess.run(
        [*prefix, sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=HANG_SECONDS, check=True
    )
    assert "secret.txt" not in ended.stdout and "other.txt" not in ended.stdout and "home" not in ended.stdout


@pytest.fixture
def nobody(place):
    """(command, package) of a Python that the user nobody can run, with a copy of the sandbox."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else; the other tests here run without privileges already")
    python = next((path for path in ("/usr/bin/python3", "/usr/local/bin/python3") if os.path.exists(path)), None)
    setpriv = shutil.which("setpriv")
    if python is None or setpriv is None:
        pytest.skip("no Python, or no setpriv, that another user could run")
    version = subprocess.run([python, "-c", "import sys; print(sys.version_info >= (3, 11))"], capture_output=True)
    if version.stdout.strip() != b"True":
        pytest.skip(f"{python} is older than 3.11")
    environment = place / "venv"
    subprocess.run([python, "-m", "venv", "--without-pip", environment], check=True, capture_output=True)
    packages = next(environment.glob("lib/python3*/site-packages"))
    shutil.copy(importlib.util.find_spec("pyseccomp").origin, packages)
    package = place / "copy" / "autograde"
    shutil.copytree(SANDBOX, package / "sandbox", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in (place, *place.parents):
        if folder.owner() == "root" and folder != Path("/tmp") and folder.is_relative_to("/tmp"):
            folder.chmod(0o755)
    for name in ("scratch", "protected"):
        os.chown(place / name, NOBODY, NOBODY)
    os.chown(place / "protected" / "secret.txt", NOBODY, NOBODY)
    command = [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", environment / "bin" / "python"]
    return [str(part) for part in command], package


def test_a_user_without_privileges_is_confined_too(run_in_place, place, nobody):
    command, package = nobody
    ended = run_in_place(
        place, f"print(os.geteuid(), confinement.means.user)\n{CODE}", command=command, package=package
    )
    expected = [f"{NOBODY} True", "['new.txt']", *["PermissionError"] * 3, *["OSError"] * 3, "one process"]
    if ended.lines[:1] == [f"{NOBODY} True"] and "new.txt" not in ended.text:
        pytest.skip("this kernel gives users no namespaces of their own, so nothing can be written")
    assert ended.lines == expected and ended.error == ""


def test_the_doctor_of_a_user_without_privileges(place, nobody):
    command, package = nobody
    start = (
        "import sys, types; package = types.ModuleType('autograde'); package.__path__ = [sys.argv[1]];"
        "sys.modules['autograde'] = package; from autograde.sandbox import doctor; sys.exit(doctor.main())"
    )
    ended = subprocess.run(
        [*command, "-c", start, str(package)], capture_output=True, text=True, timeout=HANG_SECONDS, cwd="/", env={}
    )
    assert ended.returncode == 0 and "NOT held" not in ended.stdout, ended.stdout + ended.stderr
