"""The lab panel: sliders above a picture. Thin: all that it shows is a pure function of `LabState`.

Plain ipywidgets (7.7 and 8), no browser-side plotting library. Where nobody listens to widgets, the same picture is
there as an image.
"""

from __future__ import annotations

import base64
import dataclasses
import html
from collections.abc import Callable

import ipywidgets

from noisydescent.arguments import choice
from noisydescent.figures.labs import (
    BATCH_SIZES,
    LabState,
    Picture,
    logistic_picture,
    quadratic_picture,
    transformer_picture,
)
from noisydescent.figures.style import image_html, png
from noisydescent.schedules import NAMES


class Panel:
    """Controls for batch size, schedule, peak learning rate and warmup over one picture.

    draw        LabState -> Picture, pure
    state       where the controls stand at first
    peaks       smallest and largest peak learning rate, powers of ten
    continuous  redraw while a slider moves (fast labs), or when it is let go (the transformer)
    """

    def __init__(
        self,
        draw: Callable[[LabState], Picture],
        state: LabState,
        peaks: tuple[float, float] = (-2.5, 0.5),
        continuous: bool = True,
    ) -> None:
        self.draw = draw
        choice("schedule", state.schedule, NAMES)
        wide = {"style": {"description_width": "9.5em"}, "layout": ipywidgets.Layout(width="27em")}
        sizes = sorted({*BATCH_SIZES, state.batch_size})
        self.batch_size = ipywidgets.SelectionSlider(
            options=sizes, value=state.batch_size, description="batch size", continuous_update=continuous, **wide
        )
        self.schedule = ipywidgets.Dropdown(options=NAMES, value=state.schedule, description="schedule", **wide)
        self.peak = ipywidgets.FloatLogSlider(
            min=peaks[0],
            max=peaks[1],
            step=0.05,
            value=state.peak,
            description="peak rate",
            readout_format=".3g",
            continuous_update=continuous,
            **wide,
        )
        self.warmup = ipywidgets.FloatSlider(
            min=0.0,
            max=0.5,
            step=0.05,
            value=state.warmup,
            description="warmup fraction",
            continuous_update=continuous,
            **wide,
        )
        self._fixed = state
        if self.state != state:
            raise ValueError(f"the controls cannot show {state}: the nearest they can is {self.state}")
        self.picture = ipywidgets.HTML()
        self.readout = ipywidgets.HTML()
        self.widget = ipywidgets.VBox(
            [
                ipywidgets.HBox([self.batch_size, self.schedule]),
                ipywidgets.HBox([self.peak, self.warmup]),
                self.picture,
                self.readout,
            ]
        )
        for control in (self.batch_size, self.schedule, self.peak, self.warmup):
            control.observe(lambda change: self.refresh(), names="value")
        self.refresh()

    @property
    def state(self) -> LabState:
        """The controls' values now."""
        return dataclasses.replace(
            self._fixed,
            batch_size=self.batch_size.value,
            schedule=self.schedule.value,
            peak=self.peak.value,
            warmup=self.warmup.value,
        )

    def refresh(self) -> None:
        """Draw the picture of the present state."""
        self.readout.value = "<em>computing …</em>"
        picture = self.draw(self.state)
        self._png, self._alt = png(picture.figure), picture.alt
        self.picture.value = image_html(self._png, picture.alt)
        self.readout.value = f'<span aria-live="polite">{html.escape(picture.readout)}</span>'

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.widget.model_id,
            },
            "text/html": image_html(self._png, self._alt),
            "image/png": base64.b64encode(self._png).decode(),
            "text/plain": self._alt,
        }


def quadratic_lab(**state) -> Panel:
    """SGD on a quadratic, measured and exact, redrawn while a slider moves. Arguments: fields of `LabState`."""
    return Panel(quadratic_picture, LabState(**{"peak": 0.3, **state}))


def logistic_lab(**state) -> Panel:
    """SGD on logistic regression with the local theory over it. Arguments: fields of `LabState`."""
    return Panel(logistic_picture, LabState(**{"peak": 0.3, **state}))


def transformer_lab(**state) -> Panel:
    """SGD on a small transformer against its entropy floor, run again when a slider is let go."""
    state = LabState(**{"peak": 0.5, "batch_size": 16, "steps": 150, **state})
    return Panel(transformer_picture, state, peaks=(-2.0, 0.3), continuous=False)
