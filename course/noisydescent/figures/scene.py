"""The labs' picture, drawn fast: axes, ticks and legend are kept, and only the curves are drawn again.

Redrawing ticks and text takes three quarters of matplotlib's time. A `Scene` keeps them as a background and draws
curves over it; it draws the background anew only when a limit changes. The picture is a function of the data alone:
a scene that has shown a hundred others gives the same bytes as a fresh one.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from noisydescent.figures.style import COLORS, STYLE

STANDARD_ERRORS = 3.0  # half-width of the band
KEPT_BACKGROUNDS = 32  # about a megabyte each


@dataclass(frozen=True)
class Curves:
    """What a lab shows, as NumPy arrays.

    steps      (K,) optimizer steps of the records; mean, error (K,) of the measured loss; error None for one run
    predicted  (T + 1,) loss that theory gives at steps 0 .. T, or None
    applied    (t,) learning rate as applied in the t steps taken; intended (T,)
    """

    steps: np.ndarray
    mean: np.ndarray
    error: np.ndarray | None
    predicted: np.ndarray | None
    applied: np.ndarray
    intended: np.ndarray


@dataclass(frozen=True)
class Look:
    """Labels of a lab's picture. `floor` is a level that no run can pass; `logarithmic` is about the loss axis.

    `usual` is the range of losses that is always shown, so that the axis seldom changes; curves beyond it widen it.
    """

    loss: str
    measured: str
    predicted: str = ""
    floor: float | None = None
    floor_label: str = ""
    logarithmic: bool = True
    usual: tuple[float, float] | None = None


class Scene:
    """One kept figure: losses on the left, the learning rate on the right, 800 by 340 pixels."""

    def __init__(self, look: Look) -> None:
        self.look = look
        with matplotlib.rc_context(STYLE):
            self.figure = Figure(figsize=(8.0, 3.4), dpi=100)
            self.canvas = FigureCanvasAgg(self.figure)
            left, right = self.figure.subplots(1, 2)
            # fixed margins: a layout that measured the tick labels would move the axes and cost more than all else
            self.figure.subplots_adjust(left=0.09, right=0.985, bottom=0.15, top=0.97, wspace=0.24)
            left.set(xlabel="optimizer step", ylabel=look.loss, yscale="log" if look.logarithmic else "linear")
            right.set(xlabel="optimizer step", ylabel="learning rate")
            moving = {"animated": True}
            self.band = left.fill_between([0, 1], [1, 1], [1, 1], color=COLORS[0], alpha=0.25, lw=0, **moving)
            (self.mean,) = left.plot([], [], color=COLORS[0], label=look.measured, **moving)
            theory = {"color": "black", "linestyle": "--", "linewidth": 1.4, **moving}
            (self.predicted,) = left.plot([], [], label=look.predicted or "_", **theory)
            if look.floor is not None:
                left.axhline(look.floor, color="#555555", linestyle=":", linewidth=1.6, label=look.floor_label)
            (self.applied,) = right.plot([], [], color=COLORS[2], label="as applied", **moving)
            (self.intended,) = right.plot([], [], label="intended", **theory)
            for axis in (left, right):
                axis.legend(loc="upper right")
        self._backgrounds: dict[tuple, object] = {}  # limits -> pixels; a slider soon comes back to limits it had
        self._limits: tuple | None = None

    def draw(self, curves: Curves) -> Figure:
        """The figure with these curves in it. It is the scene's own: the next call changes it."""
        self._set(curves)
        limits = (*self._loss_limits(curves), _rate_top(curves.intended), len(curves.intended))
        left, right = self.figure.axes
        if limits != self._limits:
            low, high, top, steps = limits
            left.set(xlim=(-0.03 * steps, 1.03 * steps), ylim=(low, high))
            right.set(xlim=(-0.03 * steps, 1.03 * steps), ylim=(0, top))
            self._limits = limits
        if limits not in self._backgrounds:
            if len(self._backgrounds) >= KEPT_BACKGROUNDS:
                self._backgrounds.pop(next(iter(self._backgrounds)))
            with matplotlib.rc_context(STYLE):
                self.canvas.draw()
            self._backgrounds[limits] = self.canvas.copy_from_bbox(self.figure.bbox)
        self.canvas.restore_region(self._backgrounds[limits])
        for axis, artists in [(left, (self.band, self.mean, self.predicted)), (right, (self.applied, self.intended))]:
            for artist in artists:
                axis.draw_artist(artist)
        return self.figure

    def png(self, curves: Curves) -> bytes:
        """The picture as PNG."""
        self.draw(curves)
        buffer = io.BytesIO()
        image = Image.fromarray(np.asarray(self.canvas.buffer_rgba())).convert("RGB")
        # 128 colours are more than the picture has hues and shades, and take half the time and half the bytes
        image = image.quantize(128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        image.save(buffer, "png", compress_level=1)
        return buffer.getvalue()

    def _set(self, curves: Curves) -> None:
        low, high = (1e-9, 1e9) if self.look.logarithmic else (-1e9, 1e9)

        def drawable(values: np.ndarray) -> np.ndarray:
            return np.clip(np.nan_to_num(values, nan=high, posinf=high), low, high)

        self.mean.set_data(curves.steps, drawable(curves.mean))
        half = STANDARD_ERRORS * curves.error if curves.error is not None else np.zeros_like(curves.mean)
        outline = [curves.mean + half, (curves.mean - half)[::-1]]
        corners = np.column_stack([np.r_[curves.steps, curves.steps[::-1]], drawable(np.concatenate(outline))])
        self.band.set_verts([corners])
        predicted = np.empty(0) if curves.predicted is None else drawable(curves.predicted)
        self.predicted.set_data(np.arange(len(predicted)), predicted)
        self.applied.set_data(np.arange(len(curves.applied)), np.nan_to_num(curves.applied, nan=0.0))
        self.intended.set_data(np.arange(len(curves.intended)), curves.intended)

    def _loss_limits(self, curves: Curves) -> tuple[float, float]:
        """Whole decades around the curves, or for a linear axis from the floor to the start: few distinct values."""
        if not self.look.logarithmic:
            floor = self.look.floor if self.look.floor is not None else 0.0
            return floor - 0.05, 1.15 * float(curves.mean[0])
        shown = [curves.mean] if curves.predicted is None else [curves.mean, curves.predicted]
        values = np.concatenate(shown)
        values = values[np.isfinite(values) & (values > 0)]
        if len(values) == 0:
            return 1e-1, 1e1
        # a diverging run must not flatten the part that can be read
        low = max(math.floor(math.log10(values.min())), -6)
        low, high = 10.0**low, 10.0 ** max(low + 1, min(math.ceil(math.log10(values.max()) + 0.2), 4))
        return (min(low, self.look.usual[0]), max(high, self.look.usual[1])) if self.look.usual else (low, high)


def _rate_top(intended: np.ndarray) -> float:
    """1 or 4 times a power of ten, with room for the legend above the curve: few values, seldom redrawn."""
    wanted = 1.25 * max(float(intended.max()), 1e-6)
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(k * power for k in (1, 4, 10) if k * power >= wanted)
