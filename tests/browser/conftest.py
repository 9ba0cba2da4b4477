"""A JupyterLab on a copy of the course, and a Chromium to look at it with."""

import os
import shutil

import pytest

from tests.browser import jupyter

REQUIRE = "NOISY_DESCENT_REQUIRE_BROWSER"
FLAGS = (
    "--no-sandbox",  # tests may run as root in a container, where Chromium's own sandbox cannot start
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def chromium():
    """Path of a Chromium or Chrome. Without one: skip, or fail when NOISY_DESCENT_REQUIRE_BROWSER=1."""
    if path := jupyter.chromium():
        return path
    reason = f"no browser on the PATH: install one of {', '.join(jupyter.BROWSERS)} (Debian: apt-get install chromium)"
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{REQUIRE}=1, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser(chromium):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """An empty page in a fresh profile."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(jupyter.HANG)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def lab_server(chromium, tmp_path_factory):
    """JupyterLab with the settings of `make lab`, serving a copy of course/ and exercises/: tests save freely."""
    scratch = tmp_path_factory.mktemp("lab")
    root = scratch / "tree"
    skip = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for folder in ("course", "exercises"):
        if (jupyter.ROOT / folder).is_dir():
            shutil.copytree(jupyter.ROOT / folder, root / folder, ignore=skip)
    lab = jupyter.Lab(root, scratch)
    try:
        lab.wait()
        yield lab
    finally:
        lab.stop()
