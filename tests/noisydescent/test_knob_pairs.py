"""Any two knobs of a lab, in both orders: they work together, and neither is dropped while its control is there."""

import itertools

import numpy as np
import pytest
import torch

from noisydescent import theory
from noisydescent.labs import KNOBS, LabState, quadratic_lab
from noisydescent.labs.knobs import WORKERS
from noisydescent.labs.measurement import LABS

STEPS = 6
PAIRS = list(itertools.combinations(KNOBS, 2))
# a value at which the other control has something to change, and another one; the first compresses, so that error
# feedback matters, and B = 32 is not where the scaling rules meet
FIRST = {"clip": 0.5, "noise": "heavy tails", "scaling": "linear", "local_steps": 4, "keep": 0.1, "feedback": "with"}
SECOND = {"clip": 0.25, "noise": "sampled", "scaling": "none", "local_steps": 1, "keep": 0.5, "feedback": "without"}


def measured(name, knobs, **more):
    steps = {"steps": STEPS, "peak": 0.3, "batch_size": 4 if name == "transformer" else 32, **more}
    return LABS[name].measure(LabState(knobs=tuple(knobs.items()), **steps)).curves


@pytest.mark.parametrize("name", LABS)
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_both_orders_are_one_training_and_each_control_moves_the_curve(name, one, other):
    base = {one: FIRST[one], other: FIRST[other]}
    curves, swapped = measured(name, base), measured(name, dict(reversed(base.items())))
    assert np.array_equal(curves.mean, swapped.mean) and np.array_equal(curves.steps, swapped.steps)
    assert np.array_equal(curves.applied, swapped.applied)
    assert (curves.predicted is None) == (swapped.predicted is None)
    assert curves.predicted is None or np.array_equal(curves.predicted, swapped.predicted)
    assert curves.applied == pytest.approx(curves.intended, rel=2e-4)
    looks = [LABS[name].look_of(LabState(knobs=tuple(items))) for items in (base.items(), reversed(base.items()))]
    assert looks[0] == looks[1]
    for knob in base:
        moved = measured(name, base | {knob: SECOND[knob]})
        assert moved.mean[-1] != curves.mean[-1], knob


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_every_value_of_both_can_be_trained_and_is_said(one, other):
    """A panel shows its states as they come: one that could not be trained would be an exception in a callback."""
    for first, second in itertools.product(KNOBS[one].options, KNOBS[other].options):
        at = LABS["quadratic"].measure(LabState(batch_size=32, steps=2, knobs=((one, first), (other, second))))
        assert f", {KNOBS[one].description} {first}, {KNOBS[other].description} {second}: " in at.alt


def test_two_knobs_in_a_panel():
    panel = quadratic_lab(steps=5, noise="multiplicative", clip=2.0)
    seen = {panel._png}
    for knob, value in [("clip", 0.25), ("noise", "heavy tails"), ("clip", 1.0), ("noise", "sampled")]:
        panel.knobs[knob].value = value
        assert dict(panel.state.knobs)[knob] == value
        seen.add(panel._png)
    assert len(seen) == 5


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_the_dashed_curve_is_of_this_training_or_not_there(one, other):
    """Quadratic, 32 or 16 seeds: where a curve is drawn, and not labelled as that of keep = 1, the band is about it."""
    drawn = 0
    for first, second in itertools.product(KNOBS[one].options, KNOBS[other].options):
        knobs = {one: first, other: second}
        curves = measured("quadratic", knobs, steps=60, peak=0.2, batch_size=8)
        if curves.predicted is None:
            continue
        assert LABS["quadratic"].look_of(LabState(knobs=tuple(knobs.items()))).predicted
        if {"keep", "feedback"} & set(knobs) and knobs.get("keep", 0.1) != 1.0:
            continue
        drawn += 1
        expected = curves.predicted[curves.steps]
        # clipped: the moments are taken at the mean length of the gradient, exact to some percent only
        slack = 0.04 if np.isfinite(knobs.get("clip", np.inf)) else 1e-9
        assert (abs(curves.mean - expected) <= 4.5 * curves.error + slack * expected).all(), knobs
    assert drawn or {one, other} <= {"keep", "feedback"} or "feedback" in (one, other)


def test_the_theory_of_two_knobs():
    """Workers averaged at every step are one process with their batches together, clipped or multiplied too."""
    lab, rates = LABS["quadratic"], torch.full((20,), 0.2, dtype=torch.float64)

    def predicted(batch_size=8, **knobs):
        return lab.predict(LabState(batch_size=batch_size, knobs=tuple(knobs.items())), rates)

    for knobs in ({"clip": 0.5}, {"noise": "multiplicative"}):
        together = predicted(8 * WORKERS, **knobs)
        assert torch.equal(predicted(local_steps=1, **knobs), together)
        assert not torch.allclose(predicted(**knobs), together)
        assert predicted(local_steps=4, **knobs) is None
    assert predicted(clip=0.5, noise="multiplicative") is None and predicted(noise="heavy tails", local_steps=1) is None
    plain = theory.expected_loss(torch.logspace(-1.7, 0, 20).double(), 1.0, 8, rates, torch.ones(20))
    assert torch.allclose(predicted(clip=np.inf, noise="sampled"), plain)


def test_the_labels_of_two_knobs():
    def label(*knobs, name="quadratic"):
        return LABS[name].look_of(LabState(knobs=tuple((knob, KNOBS[knob].options[0]) for knob in knobs))).predicted

    assert label("clip", "noise") == label("local_steps", "clip") == "theory, where known"
    assert label("noise", "keep") == label("keep", "noise") == "expectation, where finite, keep = 1"
    assert label("local_steps", "feedback", "keep") == "exact expectation, keep = 1"
    assert label("scaling", "clip") == "theory of the clipped oracle"
    assert label("clip", "noise", name="transformer") == ""


@pytest.mark.parametrize("name", LABS)
@pytest.mark.parametrize("knob", [None, *KNOBS])
def test_a_lab_honours_its_optimizer(name, knob):
    """Another optimizer gives another curve with every knob, and the theory of SGD is not drawn over it."""
    knobs = {} if knob is None else {knob: FIRST[knob]}
    sgd, adam = (measured(name, knobs, optimizer=optimizer, peak=0.02) for optimizer in ("sgd", "adam"))
    assert adam.mean[-1] != sgd.mean[-1] and np.isfinite(adam.mean).all()
    assert adam.predicted is None
    assert LABS[name].look_of(LabState(knobs=tuple(knobs.items()), optimizer="adam")).predicted == ""


def test_the_optimizer_of_a_panel():
    panel = quadratic_lab(steps=5, optimizer="adam", clip=0.5)
    assert panel.state.optimizer == "adam" and "optimizer adam" in panel._alt
    with pytest.raises(ValueError, match="did you mean 'adam'"):
        quadratic_lab(steps=5, optimizer="adm")
