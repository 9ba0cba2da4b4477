"""Text from strangers, made safe for terminals and spreadsheets (for HTML, `templating` does it)."""

from __future__ import annotations

import re

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# A spreadsheet takes a cell that begins with one of these for a formula; the last four are full-width look-alikes.
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def printable(text: object) -> str:
    """One line of text with every control, direction-changing or otherwise invisible character as an escape.

    So a name or a message can neither move the cursor of a terminal nor pretend to be another line.
    """
    return "".join(character if character.isprintable() else escaped(character) for character in str(text))


def visible(text: str) -> str:
    """Several lines of text with every control character but line breaks and tabs as an escape."""
    return CONTROL.sub(lambda match: escaped(match[0]), text)


def escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def spreadsheet(value: object) -> object:
    """`value` for a cell of a CSV file: text that could run as a formula gets a leading apostrophe.

    Numbers stay numbers (also negative ones) and None an empty cell; text with control characters is escaped too.
    """
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    text = str(value)
    shown = printable(text)
    return f"'{shown}" if shown != text or text.lstrip().startswith(FORMULA) else text
