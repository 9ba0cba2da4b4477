"""Write requirements.lock: the newest version of everything the course needs, resolved in a throw-away venv.

    python .ci/lock.py                                   resolve again (some minutes, downloads PyTorch)
    python .ci/lock.py --environment .venv/bin/python    pin what that environment has installed

PyTorch stays at the version named below until someone changes it here, since figures and timings depend on it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from itertools import product
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
TORCH = "2.13.0"
EXTRAS = ("lab", "dev")
PYTHONS = ("3.11", "3.12", "3.13")
SYSTEMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "darwin": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "win32": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}
# PyTorch's CUDA libraries depend on the machine: torch's own requirements choose them at install time.
CUDA_PACKAGES = ("nvidia-", "cuda-", "triton")

HEADER = """\
# The exact versions that the course is tested with, on Python 3.11, 3.12 and 3.13. Written by `make lock`; edit
# .ci/lock.py or the floors in pyproject.toml, not this file.
# GPU: torch is pinned without a build, from the default index. On Linux x86_64 and arm64 that is the CUDA build, and
# pip adds the CUDA libraries it asks for; on macOS it is the build with MPS. If your driver wants another CUDA,
# install the torch you need yourself, anything in the range of pyproject.toml, then: pip install -e ".[lab,dev]"
# What only other systems add (pywinpty on Windows, appnope on macOS) pip chooses to fit these pins.
"""


def installed(python):
    """Metadata of every distribution in the environment of `python`, by canonical name."""
    output = subprocess.run([python, "-m", "pip", "inspect"], check=True, capture_output=True, text=True).stdout
    return {canonicalize_name(d["metadata"]["name"]): d["metadata"] for d in json.loads(output)["installed"]}


def reached(packages, environment):
    """Names in `packages` that noisydescent with EXTRAS needs, directly or not, where markers read `environment`."""
    seen = set()
    waiting = [("noisydescent", extra) for extra in ("", *EXTRAS)]
    while waiting:
        name, extra = waiting.pop()
        if name not in packages or (name, extra) in seen:
            continue
        seen.add((name, extra))
        for line in packages[name].get("requires_dist", []):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({**environment, "extra": extra}):
                waiting += [(canonicalize_name(requirement.name), wanted) for wanted in ("", *requirement.extras)]
    return {name for name, _ in seen} - {"noisydescent"}


def marker(where):
    """Environment marker true on exactly the (system, python) pairs in `where`; "" when that is all of them."""
    systems = [s for s in SYSTEMS if any(s == system for system, _ in where)]
    pythons = [p for p in PYTHONS if any(p == python for _, python in where)]
    if set(where) != set(product(systems, pythons)):
        return " or ".join(f'(sys_platform == "{s}" and python_version == "{p}")' for s, p in sorted(where))
    clauses = []
    if len(systems) < len(SYSTEMS):
        clauses.append(" or ".join(f'sys_platform == "{s}"' for s in systems))
    if len(pythons) < len(PYTHONS):
        clauses.append(" or ".join(f'python_version == "{p}"' for p in pythons))
    return " and ".join(f"({c})" if len(clauses) > 1 else c for c in clauses)


def lines(packages):
    """The pins, sorted by name, each with the marker of the systems that need it."""
    where = {}
    for (system, values), python in product(SYSTEMS.items(), PYTHONS):
        environment = {**values, "python_version": python, "python_full_version": f"{python}.0"}
        for name in reached(packages, environment):
            where.setdefault(name, []).append((system, python))
    for name in sorted(where):
        if name.startswith(CUDA_PACKAGES):
            continue
        version = packages[name]["version"].partition("+")[0]  # 2.13.0+cpu is a build of 2.13.0, not another version
        condition = marker(where[name])
        yield f"{name}=={version}" + (f" ; {condition}" if condition else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--environment", metavar="PYTHON", help="pin what this interpreter's environment has installed")
    arguments = parser.parse_args()
    if arguments.environment:
        packages = installed(arguments.environment)
    else:
        with tempfile.TemporaryDirectory() as folder:
            venv.create(folder, with_pip=True)
            python = str(Path(folder) / ("Scripts" if sys.platform == "win32" else "bin") / "python")
            project = f"{ROOT}[{','.join(EXTRAS)}]"
            subprocess.run([python, "-m", "pip", "install", "--upgrade", "pip"], check=True)
            subprocess.run([python, "-m", "pip", "install", "--editable", project, f"torch=={TORCH}"], check=True)
            packages = installed(python)
    if "noisydescent" not in packages:
        parser.error(f"noisydescent is not installed for {arguments.environment}: pip install -e '.[lab,dev]' first")
    (ROOT / "requirements.lock").write_text(HEADER + "\n".join(lines(packages)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
