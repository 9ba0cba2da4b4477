"""On several processes, the tests of a file stay together: they share what is expensive to start."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_one_process_runs_a_file():
    files = {"tests/test_sampling.py", "tests/sandbox/test_paths.py"}
    command = [sys.executable, "-m", "pytest", "-n2", "-v", "-p", "no:cacheprovider", *files]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    ran = set(re.findall(r"^\[(gw\d+)\].* PASSED (.+?)::", done.stdout, flags=re.MULTILINE))
    assert {file for _, file in ran} == files, done.stdout + done.stderr
    assert len(ran) == 2 and len({process for process, _ in ran}) == 2, ran
