"""Write course/api.md, the page of the library's public functions, from their docstrings.

python .ci/api.py            write it
python .ci/api.py --check    exit 1 when it is not what the docstrings say
"""

import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path

import noisydescent

PAGE = Path(__file__).resolve().parent.parent / "course" / "api.md"
# rooms in the order in which they build on one another, with what they are for
ROOMS = {
    "problems": "What is trained",
    "schedules": "Multipliers of the peak learning rate, step by step",
    "torch_scheduler": "A schedule on any PyTorch optimizer",
    "optimizers": "Update rules over many runs, and optimizers for any model",
    "theory": "What can be computed without running anything",
    "diagnostics": "What to log",
    "training": "Many runs as one tensor program",
    "processes": "Several processes that average their gradients",
    "figures": "One style for every figure",
    "labs": "Sliders above a picture; lessons import it as `lab`",
    "study": "Skill checks",
    "concepts": "What concepts.toml says",
    "devices": "Where tensors live",
}
HEADER = """\
# The library, function by function

Generated from the docstrings by `make notebooks`. Shapes: R runs, d parameters, N samples, B batch size, T optimizer
steps.
"""


def public(room):
    """(name, object) of what the room defines for others, in the order of its `__all__`, else of its source."""
    module = importlib.import_module(f"noisydescent.{room}")
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    for name in names:
        thing = getattr(module, name)
        documented = inspect.isfunction(thing) or inspect.isclass(thing)
        if documented and thing.__module__.startswith(module.__name__) and inspect.getdoc(thing):
            yield name, thing


def signature(thing):
    try:
        text = str(inspect.signature(thing))
    except ValueError:
        return "(...)"
    text = re.sub(r"noisydescent\.[\w.]+\.(\w+)", r"\1", text.replace("torch.Tensor", "Tensor").replace("'", ""))
    text = re.sub(r"typing\.Annotated\[(\w+), [^\]]*\]", r"\1", text)
    text = re.sub(r"<function (\w+) at 0x[0-9a-f]+>", r"\1", text)
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def entry(name, thing):
    """Heading, signature and docstring; for a class also its own public methods. All but the heading is fenced: it is
    plain text, in which a star or a dollar means itself."""
    lines = [f"### {name}", "", "```python", f"{name}{signature(thing)}", "```", "", "```text", inspect.getdoc(thing)]
    for method, body in vars(thing).items() if inspect.isclass(thing) else ():
        function = body.__func__ if isinstance(body, classmethod | staticmethod) else body
        function = function.fget if isinstance(function, property) else function
        if method.startswith("_") or not inspect.isfunction(function) or not function.__doc__:
            continue
        call = "" if isinstance(body, property) else re.sub(r"^\((self|cls)(, )?", "(", signature(function))
        first = inspect.cleandoc(function.__doc__).splitlines()[0]
        lines += ["", f".{method}{call}", f"    {first}"]
    return [*lines, "```", ""]


def page():
    found = {module.name for module in pkgutil.iter_modules(noisydescent.__path__)}
    forgotten = found - set(ROOMS) - {"arguments", "toml_files"}
    assert not forgotten, f"add {sorted(forgotten)} to ROOMS"
    lines = [HEADER]
    for room, purpose in ROOMS.items():
        lines += [f"## noisydescent.{room}", "", f"{purpose}.", ""]
        for name, thing in public(room):
            lines += entry(name, thing)
    return "\n".join(lines).rstrip() + "\n"


def main(arguments):
    if arguments == ["--check"]:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page():
            return 0
        print(f"{PAGE} is not what the docstrings say: run `make notebooks`")
        return 1
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
