"""How many students got how many points, as a picture and in words."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
from matplotlib.ticker import MaxNLocator

from autograde.judge.templating import number
from noisydescent.figures import style


@dataclass(frozen=True)
class Histogram:
    """`png` is the picture in base64, `alt` says the same to those who cannot see it."""

    title: str
    alt: str
    png: str


def histogram(title: str, scores: Sequence[tuple[float, float]]) -> Histogram:
    """The distribution of `scores`, pairs of points and most points."""
    most = max((limit for _, limit in scores), default=0.0)
    bars = bins([score for score, _ in scores], most)
    told = ", ".join(f"{label} points: {count}" for label, count in bars if count) or "no submissions"
    alt = f"{title}, number of students by points (of {number(most)}). {told}."
    return Histogram(title, alt, base64.b64encode(draw(bars)).decode())


def bins(points: Sequence[float], most: float) -> list[tuple[str, int]]:
    """(label, count) of each bar: one for each whole number of points up to 12, else at most ten of equal width.

    Every value is counted once; the first and last bars hold what lies at or beyond the ends.
    """
    if most <= 12 and most == int(most) and all(value == int(value) for value in points):
        return [(str(value), sum(1 for entry in points if entry == value)) for value in range(int(most) + 1)]
    width = max(math.ceil(most / 10), 1)
    counts = [0] * max(math.ceil(most / width), 1)
    for value in points:
        counts[min(max(int(value / width), 0), len(counts) - 1)] += 1
    return [(f"{index * width}–{(index + 1) * width}", count) for index, count in enumerate(counts)]


def draw(bars: Sequence[tuple[str, int]]) -> bytes:
    """The bars as PNG. No text of a student's or an author's is in it: matplotlib would read dollar signs as maths."""
    labels, counts = zip(*bars, strict=True)
    figure, axis = style.new_figure("points", "students")
    with matplotlib.rc_context(style.STYLE):
        drawn = axis.bar(range(len(bars)), counts, width=0.85)
        axis.bar_label(drawn, [str(count) if count else "" for count in counts])
        axis.set_xticks(range(len(bars)), labels)
        axis.tick_params(axis="x", labelsize=9)  # ten ranges side by side
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_ylim(0, max(1, *counts) * 1.12)
    axis.grid(axis="x", visible=False)
    return style.png(figure)
