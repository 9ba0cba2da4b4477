"""Runs a piece of code in a confined process: a fresh Python prepares, forks, confines the child and runs it there."""

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.patience import HANG_SECONDS

ROOT = Path(__file__).resolve().parents[2]

# A bare package in place of the real one, which would import torch where it is not wanted.
SERVER = """
import json, os, resource, sys, time, types
from dataclasses import replace
from pathlib import Path

package = types.ModuleType("autograde")
package.__path__ = [sys.argv[1]]
sys.modules["autograde"] = package
given = json.loads(sys.argv[2])
for name in given["imports"]:
    __import__(name)
if "matplotlib" in given["imports"]:
    import matplotlib
    matplotlib.use("agg")
from autograde.sandbox import confinement as module
from autograde.sandbox.namespaces import Means
from autograde.sandbox.confinement import Limits, default_readable, prepare

NO_FILTER = bytes([6, 0, 0, 0, 0, 0, 0xFF, 0x7F])  # one instruction: allow
NO_MEANS = Means(user=False, mounts=False, network=False, spare_user=False)
folder = Path(given["folder"])
confinement = prepare(
    [*default_readable(), *map(Path, given["readable"])],
    [folder / "protected", *map(Path, given["protected"])],
    landlock=given["landlock"],
)
exec(given["before"])
server = os.getpid()
child = os.fork()
if child == 0:
    code = 3
    try:
        confinement.enter(folder / "scratch", Limits(**given["limits"]), keep=(1, 2))
        exec(given["code"])
        sys.stdout.flush()
        code = 0
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(code)
status = os.waitpid(child, 0)[1]
exec(given["after"])
print(json.dumps({"status": status, "cpu": sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])}))
"""


@dataclass(frozen=True)
class Ended:
    """`lines` printed by the code, what it raised (`error`), the child's wait status and its CPU seconds."""

    lines: list[str]
    error: str
    status: int
    cpu: float

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture
def place(tmp_path):
    """A folder with an empty scratch folder, a protected one with a secret in it, and one that is not mentioned."""
    for name in ("scratch", "protected", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "protected" / "secret.txt").write_text("secret")
    (tmp_path / "elsewhere" / "other.txt").write_text("other")
    return tmp_path


@pytest.fixture(scope="session")
def run_in_place():
    return run_code


@pytest.fixture
def confined(place):
    return partial(run_code, place)


def run_code(
    place,
    code,
    *,
    before="",
    after="",
    imports=(),
    readable=(),
    protected=(),
    landlock=None,
    command=(sys.executable,),
    package=ROOT / "autograde",
    pass_fds=(),
    **limits,
):
    """Run `code` confined, `before` and `after` in the process that forks it; returns what came of it (Ended)."""
    given = {
        "code": code,
        "before": before,
        "after": after,
        "imports": list(imports),
        "readable": [str(path) for path in readable],
        "protected": [str(path) for path in protected],
        "landlock": landlock,
        "folder": str(place),
        "limits": limits,
    }
    environment = {"OMP_NUM_THREADS": "1", "MPLCONFIGDIR": str(place / "matplotlib"), "HOME": str(place)}
    ended = subprocess.run(
        [*command, "-c", SERVER, str(package), json.dumps(given)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        env=environment,
        pass_fds=pass_fds,
        cwd="/",
    )
    assert ended.returncode == 0, ended.stderr
    *lines, last = ended.stdout.splitlines()
    return Ended(lines=lines, error=ended.stderr.strip(), **json.loads(last))


def pytest_collection_modifyitems(config, items):
    """Skip, with the reason, where this machine cannot confine anything."""
    from autograde.sandbox.confinement import Unprotected, require

    try:
        require()
    except Unprotected as error:
        here = Path(__file__).parent
        for item in items:
            if item.path.is_relative_to(here) and item.path.name != "test_paths.py":
                item.add_marker(pytest.mark.skip(reason=str(error)))
