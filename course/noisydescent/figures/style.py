"""One matplotlib style for every figure: colour-blind safe, legible at 600 pixels, theory dashed over measurement."""

from __future__ import annotations

import base64
import html
import io

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's palette, which readers with any of the common colour deficiencies can tell apart
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLE = {
    "axes.prop_cycle": matplotlib.cycler(color=COLORS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "font.size": 10.5,
    "axes.titlesize": 11,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.8,
    "figure.dpi": 100,
}
WIDTH, HEIGHT = 6.0, 3.6  # inches: 600 by 360 pixels


def new_figure(
    xlabel: str, ylabel: str | list[str], *, log: str = "", panels: int = 1, title: str | list[str] = ""
) -> tuple[Figure, Axes | list[Axes]]:
    """A figure in the course's style and its axes: one, or a list when `panels` > 1.

    `xlabel`, `ylabel` and `title` may be lists, one entry a panel. `log` names the logarithmic axes: "", "x", "y" or
    "xy".
    """

    def of_panel(text: str | list[str], i: int) -> str:
        return text if isinstance(text, str) else text[i]

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH if panels == 1 else 4.2 * panels, HEIGHT), layout="constrained")
        axes = figure.subplots(1, panels, squeeze=False)[0]
        for i, axis in enumerate(axes):
            axis.set(xlabel=of_panel(xlabel, i), ylabel=of_panel(ylabel, i), title=of_panel(title, i))
            axis.set_axisbelow(True)
            if "x" in log:
                axis.set_xscale("log")
            if "y" in log:
                axis.set_yscale("log")
    return figure, axes[0] if panels == 1 else list(axes)


def draw_measured(axis: Axes, x, mean, error, label: str, *, band: bool = False, width: float = 3.0) -> None:
    """Measured means with `width` standard errors: as points with bars, or as a line over a band."""
    x, mean, error = (_array(values) for values in (x, mean, error))
    with matplotlib.rc_context(STYLE):
        if band:
            (line,) = axis.plot(x, mean, label=label)
            axis.fill_between(x, mean - width * error, mean + width * error, color=line.get_color(), alpha=0.25, lw=0)
        else:
            axis.errorbar(x, mean, width * error, fmt="o", markersize=5, capsize=2, label=label)


def draw_theory(axis: Axes, x, y, label: str = "theory", *, style: str = "--") -> None:
    """A prediction: black and dashed, on top of what was measured."""
    axis.plot(_array(x), _array(y), color="black", linestyle=style, linewidth=1.4, label=label, zorder=5)


def draw_curve(axis: Axes, x, y, label: str, **more) -> None:
    """One measured curve without a band."""
    with matplotlib.rc_context(STYLE):
        axis.plot(_array(x), _array(y), label=label, **more)


def draw_level(axis: Axes, y: float, label: str) -> None:
    """A horizontal reference such as an entropy floor: dotted, grey."""
    axis.axhline(float(y), color="#555555", linestyle=":", linewidth=1.6, label=label)


def png(figure: Figure) -> bytes:
    """The figure as PNG bytes, 100 pixels an inch, with a legend on every axis that has labelled artists."""
    with matplotlib.rc_context(STYLE):
        for axis in figure.axes:
            named = dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))  # one entry a label
            if axis.get_legend() is None and named:
                axis.legend(named.values(), named.keys())
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
    return buffer.getvalue()


def image_html(image: bytes, alt: str) -> str:
    """An <img> element with alt text, the picture inside."""
    data = base64.b64encode(image).decode()
    return f'<img alt="{html.escape(alt, quote=True)}" src="data:image/png;base64,{data}" style="max-width: 100%">'


def show(figure: Figure, alt: str) -> None:
    """Display `figure` in a notebook with `alt` as its text alternative, which must say what the figure shows."""
    from IPython.display import display

    if not alt.strip():
        raise ValueError("alt must describe the figure in words: some readers only hear it")
    image = png(figure)
    bundle = {"image/png": base64.b64encode(image).decode(), "text/html": image_html(image, alt), "text/plain": alt}
    display(bundle, raw=True)


def _array(values):
    """Tensors on any device, lists and arrays alike as something matplotlib draws."""
    return values.detach().cpu().numpy() if hasattr(values, "detach") else values
