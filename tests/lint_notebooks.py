"""Are the lessons readable? Lengths of code cells and of prose in every lesson source.

    python tests/lint_notebooks.py [FILE.py ...]      all of course/[0-9]*/*.py without arguments; exit 1 outside bounds

A word is what a reader reads as one: a formula counts once however long it is, an HTML tag counts once, and Markdown's
own marks (#, |, ---, *) do not count. Prose is measured a code cell, because a lesson alternates the two.
"""

import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import jupytext

ROOT = Path(__file__).resolve().parent.parent

# Of code cells, in lines.
MEDIAN_LINES = 6
P90_LINES = 20
MAX_LINES = 40
# Of Markdown, in words.
WORDS_PER_CODE_CELL = (60, 150)
MAX_WORDS = 3500


@dataclass(frozen=True)
class Lengths:
    """What was counted in one lesson; `lines` has one entry a code cell, in the order of the lesson."""

    lines: tuple[int, ...]
    words: int

    @property
    def p90(self):
        """The smallest length that at least nine cells in ten do not exceed."""
        return sorted(self.lines)[math.ceil(0.9 * len(self.lines)) - 1]

    @property
    def words_per_code_cell(self):
        return self.words / len(self.lines)


def count_words(markdown):
    """Words a reader reads in `markdown`."""
    text = re.sub(r"\$\$.+?\$\$", " formula ", markdown, flags=re.DOTALL)
    text = re.sub(r"(?<!\\)\$[^$]+?(?<!\\)\$", "formula", text)
    text = re.sub(r"<!--.*?-->", " ", text, flags=re.DOTALL)
    text = re.sub(r"</?[a-zA-Z][^>]*>", " tag ", text)
    return sum(1 for token in text.split() if re.search(r"\w", token))


def measure(path):
    """Lengths of the percent script at `path`. Raises ValueError when it has no code cell."""
    cells = jupytext.read(path, fmt="py:percent").cells
    lines = tuple(len(c.source.strip().splitlines()) for c in cells if c.cell_type == "code" and c.source.strip())
    if not lines:
        raise ValueError(f"{path} has no code cell: is it a percent script, with `# %%` lines?")
    return Lengths(lines, sum(count_words(c.source) for c in cells if c.cell_type == "markdown"))


def complaints(lengths):
    """One sentence for each bound that `lengths` is outside of."""
    found = []
    if median(lengths.lines) > MEDIAN_LINES:
        found.append(f"the median code cell has {median(lengths.lines):g} lines, more than {MEDIAN_LINES}")
    if lengths.p90 > P90_LINES:
        found.append(f"a tenth of the code cells reach {lengths.p90} lines or more, above {P90_LINES}")
    if max(lengths.lines) > MAX_LINES:
        longest = lengths.lines.index(max(lengths.lines)) + 1
        found.append(f"code cell {longest} has {max(lengths.lines)} lines, more than {MAX_LINES}")
    low, high = WORDS_PER_CODE_CELL
    if not low <= lengths.words_per_code_cell <= high:
        found.append(f"{lengths.words_per_code_cell:.0f} words a code cell, outside {low} to {high}")
    if lengths.words > MAX_WORDS:
        found.append(f"{lengths.words} words, more than {MAX_WORDS}")
    return found


def lessons():
    """Lesson sources, in course order."""
    return sorted((ROOT / "course").glob("[0-9]*/*.py"))


def main(paths):
    paths = [Path(path) for path in paths] or lessons()
    if not paths:
        print("no lesson sources: expected course/[0-9]*/*.py")
        return 1
    print(f"{'lesson':<52} {'cells':>6} {'median':>7} {'p90':>5} {'max':>5} {'words/cell':>11} {'words':>6}")
    failed = False
    for path in paths:
        lengths = measure(path)
        name = path.resolve().relative_to(ROOT) if path.resolve().is_relative_to(ROOT) else path
        print(
            f"{name!s:<52} {len(lengths.lines):>6} {median(lengths.lines):>7g} {lengths.p90:>5} "
            f"{max(lengths.lines):>5} {lengths.words_per_code_cell:>11.0f} {lengths.words:>6}"
        )
        for complaint in complaints(lengths):
            print(f"    {complaint}")
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
