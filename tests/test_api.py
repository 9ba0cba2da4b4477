"""course/api.md says what the docstrings say."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_page_is_fresh():
    command = [sys.executable, ".ci/api.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_holds_no_address_of_an_object():
    page = (ROOT / "course" / "api.md").read_text(encoding="utf-8")
    assert " at 0x" not in page and str(ROOT) not in page
    assert page.count("\n### ") > 100
