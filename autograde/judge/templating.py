"""HTML by Jinja2: whatever a template is given is text, and is escaped. No template, and no code, marks any as safe."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from autograde.judge.escape import printable

if TYPE_CHECKING:
    from jinja2 import Environment

SHARED = Path(__file__).with_name("templates")


def render(template: Path, **values: object) -> str:
    """The HTML of a template file, which may import the macros of `judge/templates/text.html`."""
    return environment(template.parent).get_template(template.name).render(values)


@cache
def environment(folder: Path) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # here, or `autograde --help` would wait for it

    made = Environment(
        loader=FileSystemLoader([folder, SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"number": number, "sentence": sentence}
    return made


def shown(value: object) -> object:
    """What becomes of every value before it is escaped: nothing in it is invisible. Only macros have `__html__`."""
    return value if hasattr(value, "__html__") else printable(value)


def number(points: float) -> str:
    """Points without a useless decimal: 2 rather than 2.0."""
    return f"{points:g}"


def sentence(words: str) -> list[tuple[bool, str]]:
    """The words in one line, as parts: (True, what stands between backquotes), (False, what does not)."""
    line = " ".join(words.split())
    parts = line.split("`")
    if len(parts) % 2 == 0:  # an odd number of backquotes: leave the text as it is
        return [(False, line)]
    return [(bool(index % 2), part) for index, part in enumerate(parts)]
