"""The IPython shell in which the cells of a notebook run: no kernel, no terminal, nobody who answers.

Both doors use it, a worker that grades a class and `autograde check` of a notebook, so that a cell, with its magics,
means the same in both.
"""

from __future__ import annotations

import base64
import contextlib
import io
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import matplotlib.pyplot
from IPython.core.displayhook import CapturingDisplayHook
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

MAX_STREAM = 20_000  # characters of printed text kept of one cell
MAX_TEXT = 5_000  # characters of one displayed value
MAX_DISPLAYS = 20
MAX_FIGURES = 6
MAX_IMAGE = 1_500_000  # characters of one picture


class WorkerShell(InteractiveShell):
    """A shell in which whatever would wait for a person, or start a program, goes on at once instead."""

    def showtraceback(self, *args: object, **kwargs: object) -> None:
        """Nothing: the error is in the result of `run_cell`, and formatting a coloured traceback takes 0.1 s."""

    showsyntaxtraceback = showtraceback

    def debugger(self, force: bool = False) -> None:
        print("no debugger here: the cell goes on")

    def enable_gui(self, gui: str | None = None) -> None:
        pass

    def enable_matplotlib(self, gui: str | None = None) -> tuple[str, str]:
        return "inline", "agg"

    def system(self, command: str) -> None:
        print(f"not run, programs cannot be started here: {command}")
        self.user_ns["_exit_code"] = 1

    system_piped = system_raw = system

    def getoutput(self, command: str, split: bool = True, depth: int = 0) -> list[str] | str:
        self.system(command)
        return [] if split else ""

    def init_magics(self) -> None:
        super().init_magics()
        # `%%bash` and its like would start their program without asking `system`.
        scripts = self.magics_manager.registry["ScriptMagics"]
        scripts.shebang = lambda line, cell: self.system(line)
        self.register_magic_function(scripts.shebang, "cell", "script")

    def ask_exit(self) -> None:
        raise SystemExit("exit")


class Publisher(CapturingDisplayPublisher):
    """Keeps of what is displayed the first few things, and of each what can be shown."""

    def publish(self, data: object, *arguments: object, **more: object) -> None:
        if len(self.outputs) < MAX_DISPLAYS:
            self.outputs.append({"data": plain_data(data)})


class Stream(io.TextIOBase):
    """Keeps the first characters of what is printed and drops the rest."""

    def __init__(self, name: str, outputs: list[dict]):
        self._name, self._outputs = name, outputs
        self._left = MAX_STREAM

    encoding = "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if type(text) is not str:
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        kept = text[: max(self._left, 0)]
        if self._left > 0 and len(text) > self._left:
            kept += "\n[the rest of the output is not kept]\n"
        self._left -= len(text)
        if kept:
            last = self._outputs[-1] if self._outputs else None
            if last is not None and last["output_type"] == "stream" and last["name"] == self._name:
                last["text"] += kept
            elif len(self._outputs) < MAX_DISPLAYS:
                self._outputs.append({"output_type": "stream", "name": self._name, "text": kept})
        return len(text)


def make_shell(folder: Path, module: ModuleType | None = None) -> WorkerShell:
    """A shell whose cells define the names of `module`; without one, the process's own shell, with a module of its own.

    `folder` is for IPython's own files.
    """
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.ipython_dir = str(folder)
    if module is None:
        shell = WorkerShell.instance(config=config)
    else:
        shell = WorkerShell(config=config, user_module=module, user_ns=vars(module))
    shell.set_hook("show_in_pager", lambda *arguments, **options: None)
    # Hooks itself into the shell when it is used first, which must not look like the doing of the cell that plots.
    matplotlib.pyplot.switch_backend("agg")
    warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")
    return shell


@contextlib.contextmanager
def in_charge(shell: WorkerShell) -> Iterator[None]:
    """Inside, it is this shell that `get_ipython()` finds."""
    before = InteractiveShell._instance
    InteractiveShell._instance = WorkerShell._instance = shell
    try:
        yield
    finally:
        InteractiveShell._instance = before
        WorkerShell._instance = before if isinstance(before, WorkerShell) else None


def run_cell(shell: WorkerShell, source: str) -> tuple[list[dict], BaseException | None]:
    """Run one cell; returns its outputs, as in a notebook file, and what it raised."""
    outputs: list[dict] = []
    displayed = CapturingDisplayHook(shell=shell)
    publisher = Publisher()
    shell.display_pub, hook = publisher, shell.display_trap.hook
    shell.display_trap.hook = displayed
    before = sys.stdout, sys.stderr, sys.stdin
    sys.stdout, sys.stderr, sys.stdin = Stream("stdout", outputs), Stream("stderr", outputs), io.StringIO()
    try:
        result = shell.run_cell(source, store_history=False)
        error = result.error_before_exec or result.error_in_exec
    finally:
        sys.stdout, sys.stderr, sys.stdin = before
        shell.display_trap.hook = hook
    outputs += [{"output_type": "display_data", "metadata": {}, **entry} for entry in publisher.outputs]
    for entry in displayed.outputs[-1:]:
        value = {"data": plain_data(entry["data"]), "metadata": {}, "execution_count": None}
        outputs.append({"output_type": "execute_result", **value})
    outputs += figures()
    return outputs, error


def is_cell(path: str) -> bool:
    """Whether the code of a cell has this file name."""
    return path.startswith(("<ipython-input", "<cell"))


def plain_data(data: object) -> dict[str, str]:
    """Of a rich output, the parts that cannot carry a script: text and PNG."""
    kept: dict[str, str] = {}
    if not isinstance(data, dict):
        return kept
    text = data.get("text/plain")
    if isinstance(text, str):
        kept["text/plain"] = text[:MAX_TEXT]
    image = data.get("image/png")
    if isinstance(image, bytes):
        image = base64.b64encode(image).decode()
    if isinstance(image, str) and len(image) < MAX_IMAGE:
        kept["image/png"] = image
    return kept


def figures() -> list[dict]:
    """The open figures of matplotlib as PNG outputs; they are closed."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or not pyplot.get_fignums():
        return []
    outputs = []
    try:
        for number in pyplot.get_fignums()[:MAX_FIGURES]:
            picture = io.BytesIO()
            pyplot.figure(number).savefig(picture, format="png", dpi=72)
            data = {"text/plain": "<Figure>", "image/png": base64.b64encode(picture.getvalue()).decode()}
            outputs.append({"output_type": "display_data", "data": data, "metadata": {}})
    except Exception as error:
        text = f"a figure could not be drawn: {type(error).__name__}\n"
        outputs.append({"output_type": "stream", "name": "stderr", "text": text})
    finally:
        pyplot.close("all")
    return outputs
