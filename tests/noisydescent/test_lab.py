import base64
import dataclasses
import html
import re
import threading

import numpy as np
import pytest
import torch

from noisydescent import lab
from noisydescent.figures.scene import Curves, Look, Scene
from noisydescent.labs.knobs import KNOBS
from noisydescent.labs.measurement import BATCH_SIZES, Measurement
from noisydescent.labs.measurement import LABS as LABS_DATA
from noisydescent.labs.state import LabState
from noisydescent.schedules import NAMES

LABS = {"quadratic": lab.quadratic_lab, "logistic": lab.logistic_lab, "transformer": lab.transformer_lab}
SHORT = {"quadratic": 20, "logistic": 20, "transformer": 4}
CHANGES = {"batch_size": 64, "schedule": "cosine", "peak": 0.1, "warmup": 0.25}


class Counted:
    """A lab that costs nothing, and writes down the states measured."""

    def __init__(self, calls: list, records: int = 1, hold: threading.Event | None = None) -> None:
        self.calls, self.records, self.hold, self.begun = calls, records, hold, threading.Event()

    def look_of(self, state: LabState) -> Look:
        return Look("y", "c")

    def measure(self, state: LabState, watcher=None) -> Measurement:
        self.calls.append(state)
        self.begun.set()
        for record in range(self.records if watcher else 0):
            if self.hold:
                self.hold.wait(10)
            if watcher(self.at(state, record)):
                return self.at(state, record, " stopped")
        return self.at(state, self.records)

    def at(self, state: LabState, record: int, more: str = "") -> Measurement:
        two = np.array([0, 1 + record])
        curves = Curves(two, 1 + two * state.peak, None, None, two, np.full(2, state.peak))
        return Measurement(curves, f"alt <{state}>", f"readout <{state}>{more}")


@pytest.mark.parametrize("name", LABS)
def test_each_control_changes_the_picture(name):
    panel = LABS[name](steps=SHORT[name])
    for control, value in CHANGES.items():
        before = (panel.picture.value, panel.readout.value, panel._png)
        getattr(panel, control).value = value
        assert getattr(panel.state, control) == value
        assert panel.wait()
        assert panel.picture.value != before[0] and panel._png != before[2], control
        assert control != "batch_size" or panel.readout.value != before[1]
    assert html.escape(panel._alt, quote=True) in panel.picture.value
    assert "batch size 64, cosine schedule, peak learning rate 0.1, warmup 25%" in panel._alt


def test_each_change_draws_once_and_the_picture_is_that_of_the_state():
    calls = []
    panel = lab.Panel(Counted(calls), LabState())
    assert calls == [LabState()] == [panel.state]
    for control, value in CHANGES.items():
        getattr(panel, control).value = value
        assert calls[-1] == panel.state and getattr(calls[-1], control) == value
    assert len(calls) == 1 + len(CHANGES)
    panel.peak.value = CHANGES["peak"]
    assert len(calls) == 1 + len(CHANGES), "no change, no drawing"
    assert html.escape(f"readout <{panel.state}>") in panel.readout.value


@pytest.mark.parametrize(
    "state",
    [
        LabState(),
        LabState(batch_size=256, schedule="inverse time", peak=3.0, warmup=0.5, steps=7),
        LabState(batch_size=48, schedule="step", peak=0.0123, warmup=0.07),  # between the notches
    ],
)
def test_the_controls_start_at_the_state_given_and_give_it_back(state):
    assert lab.Panel(Counted([]), state).state == state


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch_size": "8"}, "batch_size must be a whole number of at least 1, got '8'"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"steps": 2.5}, "steps must be a whole number of at least 1, got 2.5"),
        ({"peak": "a"}, "peak must be a number, got 'a'"),
        ({"peak": -1}, "peak must be finite and not negative, got -1.0"),
        ({"warmup": 2}, "warmup must lie between 0.0 and 0.5, got 2.0"),
        ({"warmup": None}, "warmup must be a number, got None"),
        ({"schedule": "cosin"}, "unknown schedule 'cosin': did you mean 'cosine'"),
        ({"schedule": None}, "unknown schedule None: known: constant, "),
        ({"optimizer": None}, "unknown optimizer None: known: sgd, "),
        ({"knobs": (("clip", 1.0), ("clip", 2.0))}, "knobs must be named once each, got clip, clip"),
    ],
)
def test_a_state_that_the_controls_cannot_show(changes, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        LabState(**changes)


@pytest.mark.parametrize("peak", [0, 100.0])
def test_a_peak_beyond_its_slider(peak):
    words = (
        rf"^peak must lie between 10\*\*-2.5 \(about 0.00316\) and 10\*\*0.5 \(about 3.16\) in this lab, got {peak}$"
    )
    with pytest.raises(ValueError, match=words):
        lab.quadratic_lab(peak=peak)


@pytest.mark.parametrize("peak", [10**-2.5, 10**0.5])
def test_the_ends_of_the_slider_of_the_peak(peak):
    state = LabState(peak=peak)
    assert lab.Panel(Counted([]), state).state == state


NUMERIC = {name: knob.options for name, knob in KNOBS.items() if not isinstance(knob.options[0], str)}
OFF_THE_MENU = [0, 0.3, 3, -1, 64, None, True, "a", "2", float("nan"), [1.0], torch.tensor([1.0, 2.0])]


@pytest.mark.parametrize("knob", NUMERIC)
@pytest.mark.parametrize("value", OFF_THE_MENU, ids=repr)
def test_a_number_that_a_knob_does_not_have(knob, value):
    known = ", ".join(map(str, NUMERIC[knob]))
    words = f"^{re.escape(f'unknown {knob} {value!r}: known: {known}')}$"
    with pytest.raises(ValueError, match=words):
        lab.quadratic_lab(steps=2, **{knob: value})
    with pytest.raises(ValueError, match=words):
        LABS_DATA["quadratic"].measure(LabState(steps=2, knobs=((knob, value),)))


def test_a_number_of_a_knob_may_be_written_in_another_way():
    assert set(NUMERIC) == {"clip", "local_steps", "keep"}
    for knob, value, same in [("clip", 2, 2.0), ("local_steps", 4.0, 4), ("keep", np.float32(0.5), 0.5)]:
        curves = [
            LABS_DATA["quadratic"].measure(LabState(steps=4, knobs=((knob, given),))).curves for given in (value, same)
        ]
        assert np.array_equal(curves[0].mean, curves[1].mean)
        assert lab.quadratic_lab(steps=2, **{knob: value}).state.knobs == ((knob, same),)


def test_ranges_of_the_controls():
    panel = lab.Panel(Counted([]), LabState())
    assert tuple(panel.batch_size.options) == BATCH_SIZES == tuple(2**k for k in range(9))
    assert tuple(panel.schedule.options) == NAMES
    assert (panel.peak.base, panel.peak.min, panel.peak.max) == (10, -2.5, 0.5)
    assert (panel.warmup.min, panel.warmup.max) == (0.0, 0.5)
    assert all(control.continuous_update for control in (panel.batch_size, panel.peak, panel.warmup))
    slow = lab.Panel(Counted([]), LabState(), peaks=(-2.0, 0.3), live=True)
    assert (slow.peak.min, slow.peak.max) == (-2.0, 0.3)
    assert not any(control.continuous_update for control in (slow.batch_size, slow.peak, slow.warmup))


def test_every_control_has_a_name_and_is_on_the_page():
    panel = lab.Panel(Counted([]), LabState())
    rows = panel.widget.children
    assert rows[2:] == (panel.picture, panel.readout)
    controls = [control for row in rows[:2] for control in row.children]
    assert controls == [panel.batch_size, panel.schedule, panel.peak, panel.warmup]
    assert [c.description for c in controls] == ["batch size", "schedule", "peak rate", "warmup fraction"]


def test_mimebundle_has_the_widget_and_the_same_picture_without_widgets():
    calls = []
    counted = Counted(calls)
    panel = lab.Panel(counted, LabState())
    panel.batch_size.value = 32
    bundle = panel._repr_mimebundle_()
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view == {"version_major": 2, "version_minor": 0, "model_id": panel.widget.model_id}
    expected = counted.measure(panel.state)
    assert base64.b64decode(bundle["image/png"]) == Scene(counted.look_of(panel.state)).png(expected.curves)
    assert bundle["text/plain"] == expected.alt
    assert f'alt="{html.escape(expected.alt)}"' in bundle["text/html"] and bundle["image/png"] in bundle["text/html"]


def test_the_labs_take_the_fields_of_their_state():
    panel = lab.quadratic_lab(batch_size=2, schedule="linear", warmup=0.1, steps=10)
    assert panel.state == LabState(batch_size=2, schedule="linear", peak=0.3, warmup=0.1, steps=10)
    assert lab.transformer_lab(steps=2).state == dataclasses.replace(lab.TRANSFORMER_DEFAULT, steps=2)
    with pytest.raises(TypeError, match="batchsize"):
        lab.quadratic_lab(batchsize=2)


@pytest.mark.parametrize("name", LABS)
@pytest.mark.parametrize("knob", KNOBS)
def test_every_knob_of_a_concept_changes_the_picture(name, knob):
    """Each value gives another picture than the one before, and the state says where the knob stands."""
    options = KNOBS[knob].options
    panel = LABS[name](steps=SHORT[name], batch_size=32, **{knob: options[0]})
    seen = [panel._png]
    for value in options[1:]:
        panel.knobs[knob].value = value
        assert panel.wait()
        assert panel.state.knobs == ((knob, value),)
        assert panel._png != seen[-1], value
        assert f"{KNOBS[knob].description} {value}" in panel._alt
        seen.append(panel._png)
    panel.knobs[knob].value = options[0]
    assert panel.wait() and panel._png == seen[0]


def test_a_scaled_peak_is_what_is_applied():
    for rule, factor in [("none", 1), ("square root", 2), ("linear", 4)]:
        state = LabState(batch_size=32, peak=0.1, steps=10, knobs=(("scaling", rule),))
        assert LABS_DATA["quadratic"].setup(state).peak == pytest.approx(0.1 * factor)
        assert LABS_DATA["quadratic"].measure(state).curves.applied == pytest.approx(0.1 * factor)


def test_an_unknown_value_of_a_knob_is_named():
    with pytest.raises(ValueError, match=r"scaling.*linear"):
        lab.quadratic_lab(steps=10, scaling="liner")


def test_a_finished_measurement_is_kept():
    calls = []
    panel = lab.Panel(Counted(calls), LabState())
    first = panel.picture.value
    panel.peak.value = 0.1
    panel.peak.value = LabState().peak
    assert panel.picture.value == first and len(calls) == 2


def test_live_training_shows_its_way_and_the_newest_request_wins():
    calls, hold = [], threading.Event()
    panel = lab.Panel(Counted(calls, records=5, hold=hold), LabState(), live=True)
    panel.lab.begun.clear()
    panel.batch_size.value = 16
    assert panel.lab.begun.wait(10)
    panel.batch_size.value = 32
    panel.batch_size.value = 64
    assert not panel.wait(0.05) and not panel._trainer.stop.disabled
    hold.set()
    assert panel.wait(10)
    assert panel.state.batch_size == 64 and calls[-1] == panel.state
    assert [state.batch_size for state in calls] == [8, 16, 64], "32 was overtaken before it began"
    assert html.escape(f"readout <{panel.state}>") in panel.readout.value
    assert panel._trainer.stop.disabled and panel._trainer.progress.value == 5
    panel.batch_size.value = 16
    assert panel.wait(10) and len(calls) == 4, "a run that was cut short is not kept"
    panel.batch_size.value = 64
    assert panel.wait(10) and len(calls) == 4, "a finished one is"


def test_stop_ends_the_training_and_shows_how_far_it_came():
    calls, hold = [], threading.Event()
    panel = lab.Panel(Counted(calls, records=5, hold=hold), LabState(), live=True)
    panel.lab.begun.clear()
    panel.peak.value = 0.1
    assert panel.lab.begun.wait(10)
    panel._trainer.stop.click()
    hold.set()
    assert panel.wait(10)
    assert "stopped" in panel.readout.value and len(calls) == 2
    panel.peak.value = 0.2
    assert panel.wait(10) and "stopped" not in panel.readout.value


def test_an_error_in_the_background_is_said_in_the_panel():
    class Broken(Counted):
        def measure(self, state, watcher=None):
            if watcher:
                raise ValueError("no <such> data")
            return super().measure(state)

    panel = lab.Panel(Broken([]), LabState(), live=True)
    panel.peak.value = 0.1
    assert panel.wait(10)
    assert "ValueError: no &lt;such&gt; data" in panel.readout.value
