"""The lab panel: sliders above a picture. Thin: all that it shows is a pure function of `LabState`.

Plain ipywidgets (7.7 and 8), no browser-side plotting library. Where nobody listens to widgets, the same picture is
there as an image.
"""

from __future__ import annotations

import base64
import dataclasses
import html
import threading

import ipywidgets

from noisydescent.arguments import choice
from noisydescent.figures.scene import Scene
from noisydescent.figures.style import image_html
from noisydescent.labs.knobs import KNOBS
from noisydescent.labs.measurement import BATCH_SIZES, LABS, Lab, Measurement
from noisydescent.labs.state import MOST_WARMUP, LabState
from noisydescent.schedules import NAMES


class Panel:
    """Controls for batch size, schedule, peak learning rate and warmup over one picture.

    lab     what is measured and how it looks
    state   where the controls stand at first
    peaks   smallest and largest peak learning rate, powers of ten
    live    False: redraw while a slider moves. True, for training that takes seconds: train beside the notebook, show
            how far it is, let it be stopped; the newest request wins and finished runs are kept.
    """

    def __init__(self, lab: Lab, state: LabState, peaks: tuple[float, float] = (-2.5, 0.5), live: bool = False) -> None:
        self.lab, self._scene, self._fixed = lab, Scene(lab.look_of(state)), state
        if not 10 ** peaks[0] <= state.peak <= 10 ** peaks[1]:  # the slider would move it without a word
            ends = " and ".join(f"10**{exponent} (about {10**exponent:.3g})" for exponent in peaks)
            raise ValueError(f"peak must lie between {ends} in this lab, got {state.peak!r}")
        wide = {"style": {"description_width": "9.5em"}, "layout": ipywidgets.Layout(width="27em")}
        slider = {"continuous_update": not live, **wide}
        sizes = sorted({*BATCH_SIZES, state.batch_size})
        self.batch_size = ipywidgets.SelectionSlider(
            options=sizes, value=state.batch_size, description="batch size", **slider
        )
        self.schedule = ipywidgets.Dropdown(options=NAMES, value=state.schedule, description="schedule", **wide)
        self.peak = ipywidgets.FloatLogSlider(
            min=peaks[0], max=peaks[1], step=0.05, value=state.peak, description="peak rate", readout_format=".3g",
            **slider,
        )  # fmt: skip
        self.warmup = ipywidgets.FloatSlider(
            min=0.0, max=MOST_WARMUP, step=0.05, value=state.warmup, description="warmup fraction", **slider
        )
        self.knobs = {name: _knob(name, value, slider, wide) for name, value in state.knobs}
        self.picture, self.readout = ipywidgets.HTML(), ipywidgets.HTML()
        controls = [self.batch_size, self.schedule, self.peak, self.warmup, *self.knobs.values()]
        rows = [ipywidgets.HBox(controls[k : k + 2]) for k in range(0, len(controls), 2)]
        self._trainer = _Trainer(self) if live else None
        if self._trainer:
            rows.append(self._trainer.row)
        self.widget = ipywidgets.VBox([*rows, self.picture, self.readout])
        first = lab.measure(self.state)
        self._finished = {self.state: first}
        self.show(first)
        for control in controls:
            control.observe(lambda change: self.refresh(), names="value")

    @property
    def state(self) -> LabState:
        """The controls' values now."""
        return dataclasses.replace(
            self._fixed,
            batch_size=self.batch_size.value,
            schedule=self.schedule.value,
            peak=self.peak.value,
            warmup=self.warmup.value,
            knobs=tuple((name, control.value) for name, control in self.knobs.items()),
        )

    def refresh(self) -> None:
        """Show the present state: at once if it was measured before, else measure it now or in the background."""
        state = self.state
        if state in self._finished:
            if self._trainer:
                self._trainer.request(None)
            self.show(self._finished[state])
        elif self._trainer:
            self._trainer.request(state)
        else:
            self.keep(state, self.lab.measure(state))

    def keep(self, state: LabState, measured: Measurement) -> None:
        """Remember a finished measurement and show it."""
        if len(self._finished) >= 500:
            self._finished.pop(next(iter(self._finished)))
        self._finished[state] = measured
        self.show(measured)

    def show(self, measured: Measurement) -> None:
        """Draw a measurement, finished or on its way."""
        self._png, self._alt = self._scene.png(measured.curves), measured.alt
        self.picture.value = image_html(self._png, measured.alt)
        self.readout.value = f'<span aria-live="polite">{html.escape(measured.readout)}</span>'

    def wait(self, seconds: float = 60.0) -> bool:
        """Wait until no training is under way (for scripts and tests); False when it still is after `seconds`."""
        return self._trainer is None or self._trainer.idle.wait(seconds)

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


def _knob(name: str, value: float | str, slider: dict, menu: dict) -> ipywidgets.Widget:
    knob = KNOBS[choice("knob", name, KNOBS)]
    given = {"options": knob.options, "value": choice(name, value, knob.options), "description": knob.description}
    if all(isinstance(option, str) for option in knob.options):
        return ipywidgets.Dropdown(**given, **menu)
    return ipywidgets.SelectionSlider(**given, **slider)


class _Trainer:
    """Trains the newest state asked for in a thread of its own, and shows every record on the way."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.progress = ipywidgets.IntProgress(
            description="training", style={"description_width": "9.5em"}, layout=ipywidgets.Layout(width="27em")
        )
        self.stop = ipywidgets.Button(description="stop", disabled=True, tooltip="Stop this training run")
        self.stop.on_click(lambda button: self.request(None))
        self.row = ipywidgets.HBox([self.progress, self.stop])
        self.idle = threading.Event()
        self.idle.set()
        self._lock = threading.Lock()
        self._wanted: LabState | None = None
        self._number = 0  # of the newest request: a training run whose number is older stops at its next record

    def request(self, state: LabState | None) -> None:
        """Train `state` instead of whatever is trained now; None: train nothing."""
        with self._lock:
            self._number += 1
            self._wanted = state
            if state is None or not self.idle.is_set():
                return  # a thread that is at work looks at what is wanted when its run has stopped
            self.idle.clear()
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                state, number, self._wanted = self._wanted, self._number, None
                if state is None:
                    self.idle.set()
                    return
            try:
                self._train(state, number)
            except Exception as error:  # a thread's exception would be lost: say it where the learner looks
                self.panel.readout.value = f"<b>{html.escape(f'{type(error).__name__}: {error}')}</b>"
            finally:
                self.stop.disabled = True

    def _train(self, state: LabState, number: int) -> None:
        self.progress.max, self.progress.value, self.stop.disabled = state.steps, 0, False

        def watch(measured: Measurement) -> bool:
            self.progress.value = int(measured.curves.steps[-1])
            if number == self._number:
                self.panel.show(measured)
            return number != self._number

        measured = self.panel.lab.measure(state, watch)
        if number == self._number:
            self.panel.keep(state, measured)
        elif self._wanted is None and self.panel.state == state:
            self.panel.show(measured)  # stopped by hand: what there is, and that it was stopped


# ends within 5 % of the way from the start to the entropy rate
TRANSFORMER_DEFAULT = LabState(batch_size=16, schedule="linear", peak=1.0, steps=300)
FIELDS = {field.name for field in dataclasses.fields(LabState)} - {"knobs"}


def _state(default: LabState, given: dict) -> LabState:
    """`default` with the arguments of a lab: those that are no field of `LabState` are knobs."""
    for name in given:
        if name not in FIELDS and name not in KNOBS:
            raise TypeError(f"unexpected argument {name!r}: a lab takes {', '.join([*sorted(FIELDS), *KNOBS])}")
    knobs = tuple((name, given[name]) for name in given if name in KNOBS)
    return dataclasses.replace(default, **{name: given[name] for name in given if name in FIELDS}, knobs=knobs)


def quadratic_lab(**state) -> Panel:
    """SGD on a quadratic, measured and exact, redrawn while a slider moves.

    Arguments: fields of `LabState`; and names of `KNOBS`, each of which adds its control, standing at the value given.
    """
    return Panel(LABS["quadratic"], _state(LabState(steps=200), state))


def logistic_lab(**state) -> Panel:
    """SGD on logistic regression with the local theory over it. Arguments: as of `quadratic_lab`."""
    return Panel(LABS["logistic"], _state(LabState(steps=150), state))


def transformer_lab(**state) -> Panel:
    """SGD on a small transformer against its entropy floor, trained live. Arguments: as of `quadratic_lab`."""
    return Panel(LABS["transformer"], _state(TRANSFORMER_DEFAULT, state), peaks=(-2.0, 0.3), live=True)
