"""JupyterLab as seen by a test: starting it, and acting in it through a Playwright page."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.error import URLError

from tests.patience import HANG_SECONDS, until

ROOT = Path(__file__).resolve().parent.parent.parent
SCREENSHOTS = Path(__file__).resolve().parent / "screenshots"
TOKEN = "browser-test"
HANG = 1000 * HANG_SECONDS  # Playwright counts milliseconds
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LESSONS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "course").glob("[0-9]*/*.ipynb"))

NOTEBOOK = ".jp-NotebookPanel:not(.lm-mod-hidden)"
# JupyterLab draws only cells near the view, so what cells hold and whether they run is asked of its own model.
CONTENT = "jupyterapp.shell.currentWidget.content"
KERNEL = "jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel"


def chromium():
    """Path of a Chromium or Chrome; None where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def free_port():
    """A loopback port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def lab_environment(scratch):
    """Environment variables of a JupyterLab whose settings are the course's, as `make lab` has it, and whose state
    (runtime files, workspaces, a learner's own data) stays in the folder `scratch`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "PYTEST_"))}
    environment.pop("PYTHONPATH", None)
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "XDG_DATA_HOME"):
        environment[name] = str(Path(scratch, name.lower()))
    environment["JUPYTERLAB_WORKSPACES_DIR"] = str(Path(scratch, "workspaces"))
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(Path(scratch, "settings"))
    environment["JUPYTER_PREFER_ENV_PATH"] = "1"
    return environment


class Lab:
    """A running JupyterLab that serves the folder `root`; `stop()` ends it with all its kernels."""

    def __init__(self, root, scratch):
        """Start it; its log and the state of its user go to the folder `scratch`."""
        self.root = Path(root)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = Path(scratch, "lab.log")
        environment = lab_environment(scratch)
        environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join([str(ROOT / "course/jupyterlab"), str(ROOT / "autograde")])
        options = ["--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0"]
        options += [f"--port={self.port}", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={root}"]
        options += ["--LabApp.expose_app_in_browser=True"]
        with self.log.open("w") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *options],
                cwd=root,
                env=environment,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def api(self, path, method="GET"):
        """Answer of the server's REST interface, parsed; None when it has no content."""
        headers = {"Authorization": f"token {TOKEN}"}
        request = urllib.request.Request(f"{self.url}/api/{path}", headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=HANG_SECONDS) as response:
            return json.loads(response.read() or "null")

    def answers(self):
        """Whether the server is there; AssertionError with its log when it has ended."""
        assert self.process.poll() is None, f"JupyterLab ended:\n{self.log.read_text()}"
        try:
            return self.api("status")
        except (URLError, ConnectionError):
            return False

    def wait(self):
        """Return once the server answers."""
        until(self.answers, f"JupyterLab answers; its log is {self.log}")

    def end_kernels(self):
        for kernel in self.api("kernels"):
            self.api(f"kernels/{kernel['id']}", "DELETE")

    def stop(self):
        # SIGTERM lets the server end its kernels, each of which leads a process group of its own.
        self.process.terminate()
        try:
            self.process.wait(HANG_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def open_lab(page, lab, path="course/index.ipynb"):
    """Open JupyterLab on the file `path`, in a workspace of its own so that no earlier tab comes back."""
    workspace = re.sub(r"\W+", "-", path)
    page.goto(f"{lab.url}/lab/workspaces/{workspace}/tree/{path}?reset&token={TOKEN}")
    page.wait_for_selector("#jupyterlab-splash", state="detached")


def open_notebook(page, lab, path):
    """Open the notebook `path` (relative to the served folder) and wait until its kernel is idle."""
    open_lab(page, lab, path)
    page.wait_for_selector(f"{NOTEBOOK} .jp-Cell")
    # Before there is a kernel, JupyterLab drops what it is told to run.
    page.wait_for_function(f"() => {KERNEL}?.status === 'idle'")


def run_all(page):
    """Run every cell of the open notebook, from the menu, and wait until the last one has ended.

    AssertionError when a cell stopped on an error.
    """
    before = max((cell.get("execution_count") or 0 for cell in cells(page)), default=0)
    page.click('.lm-MenuBar-item:has-text("Run")')
    page.click('.lm-Menu-item[data-command="runmenu:run-all"]')
    # Each cell has a number that it did not have before, or an error kept it from running. That no cell runs is not
    # enough: it is so too before the first and between two of them.
    page.wait_for_function(
        f"""before => {{
            const code = {CONTENT}.widgets.map(cell => cell.model).filter(model => model.type === 'code');
            const failed = code.some(model => model.outputs.toJSON().some(output => output.output_type === 'error'));
            return {KERNEL}?.status === 'idle' && code.every(model => model.executionState !== 'running'
                && (failed || model.executionCount > before || !model.sharedModel.getSource().trim()));
        }}""",
        arg=before,
    )
    assert (found := errors(page)) == [], "\n".join(found)


def cells(page):
    """The cells of the open notebook as nbformat dicts, outputs included."""
    return page.evaluate(f"() => {CONTENT}.widgets.map(cell => cell.model.toJSON())")


def errors(page):
    """One text "name: value" for every error among the outputs of the open notebook."""
    found = [output for cell in cells(page) for output in cell.get("outputs", [])]
    return [f"{o['ename']}: {o['evalue']}" for o in found if o["output_type"] == "error"]


def cell(page, text):
    """Locator of the first code cell whose source holds `text`, scrolled into view; AssertionError when none does."""
    sources = ["".join(c["source"]) if c["cell_type"] == "code" else "" for c in cells(page)]
    index = next((i for i, source in enumerate(sources) if text in source), None)
    assert index is not None, f"no code cell holds {text!r}"
    page.evaluate(f"index => {CONTENT}.scrollToItem(index, 'start')", index)
    locator = page.locator(f'{NOTEBOOK} .jp-Cell[data-windowed-list-index="{index}"]')
    locator.wait_for()
    return locator


def outputs(page, text):
    """Locator of what the code cell whose source holds `text` shows; one match an output."""
    return cell(page, text).locator(".jp-OutputArea-output")


def screenshot(page, name):
    """Save what the page shows as tests/browser/screenshots/NAME.png and return its path."""
    SCREENSHOTS.mkdir(exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path)
    return path
