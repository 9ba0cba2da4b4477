"""The course's TOML files as typed records, with errors that say in the file's own words where something is wrong."""

from __future__ import annotations

import re
import reprlib
import tomllib
from typing import Annotated, Any, TypeVar

import msgspec

T = TypeVar("T")

Text = Annotated[str, msgspec.Meta(pattern=r"\S")]  # not empty
KINDS = {"str": "a text that is not empty", "bool": "true or false", "array": "a list", "object": "a table"}


def parse(text: str, kind: type[T], source: str) -> T:
    """The TOML document `text` as a record of type `kind` (a `msgspec.Struct`).

    Raises ValueError for the first thing that is missing or wrong. It names `source` (the file), the entry by its
    number and its id or name, and the key.
    """
    try:
        document = tomllib.loads(text)
        return msgspec.convert(document, kind)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{source}: not valid TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise ValueError(explain(str(error), document, source)) from None


def explain(error: str, document: dict[str, Any], source: str) -> str:
    """msgspec's "Expected `bool`, got `str` - at `$.question[2].answer[0].correct`" for who wrote the file."""
    wrong, _, path = error.partition(" - at `$")
    where, key, value = [source], "", document
    for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", path):
        value = value[name or int(index)]
        if name:
            key = name
        else:
            where.append(entry(key, int(index), value))
            key = ""
    return f"{', '.join(where)}: {complaint(wrong, key, value)}"


def entry(key: str, index: int, value: Any) -> str:
    """The entry of a list as its author counts it, with the name it has: "question 3 (two-plateaus)"."""
    name = (value.get("id") or value.get("name")) if isinstance(value, dict) else None
    return f"{key} {index + 1}" + (f" ({name})" if isinstance(name, str) else "")


def complaint(wrong: str, key: str, value: Any) -> str:
    if found := re.match(r"Object missing required field `(.+)`", wrong):
        return f"{found[1]} is missing"
    if found := re.match(r"Object contains unknown field `(.+)`", wrong):
        return f"there is no key called {found[1]}: is it misspelt?"
    if found := re.match(r"Expected `(\w+)`", wrong):
        if found[1] == "array" and isinstance(value, dict):
            return f"{key} must be a list of tables: write [[{key}]], not [{key}]"
        return f"{key} must be {KINDS.get(found[1], found[1])}, got {reprlib.repr(value)}".lstrip()
    return wrong  # what a record's own __post_init__ says
