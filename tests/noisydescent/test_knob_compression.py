"""The knobs `keep` and `feedback`: what they train, what they say, and what the curves mean then."""

from functools import partial

import pytest
import torch

from noisydescent.labs import KNOBS, LabState
from noisydescent.labs.knobs import KEEP_ALONE
from noisydescent.labs.measurement import LABS, lab_logistic, lab_quadratic
from noisydescent.optimizers import compressed_sgd, top_k
from noisydescent.problems import Quadratic
from noisydescent.schedules import named
from noisydescent.training import Hooks, train


def train_top_k(problem, keep, error_feedback, **plan):
    """Plain SGD that sends the `keep` d largest entries."""
    compress = partial(top_k, k=round(keep * problem.dim))
    return train(problem, hooks=Hooks(compress=compress, error_feedback=error_feedback), **plan)


def measured(name: str, steps: int = 60, **knobs):
    state = LabState(steps=steps, schedule="linear", knobs=tuple(knobs.items()))
    return LABS[name].measure(state)


@pytest.mark.parametrize("feedback", ["with", "without"])
def test_everything_kept_is_plain_sgd(feedback):
    plan = {"steps": 40, "batch_size": 4, "peak": 0.3, "schedule": named("cosine", 40), "runs": 3, "record_every": 7}
    full = train_top_k(lab_logistic(), keep=1.0, error_feedback=feedback == "with", **plan)
    plain = train(lab_logistic(), **plan)
    assert torch.equal(full.steps, plain.steps)
    assert torch.allclose(full.loss, plain.loss, rtol=1e-9)
    assert torch.allclose(full.learning_rate, plain.learning_rate, atol=1e-12)
    assert torch.allclose(full.theta, plain.theta, rtol=1e-9)


@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize("keep", [0.5, 0.05])
def test_the_training_is_that_of_the_library_method(keep, feedback):
    problem, k = lab_quadratic(), round(20 * keep)
    plan = {"steps": 30, "batch_size": 4, "peak": 0.2, "schedule": named("constant", 30), "runs": 5}
    ours = train_top_k(problem, keep=keep, error_feedback=feedback, **plan)
    random = torch.Generator(problem.device).manual_seed(0)
    theta = problem.initial(5, random)
    oracle = problem.oracle(5, 4, random)
    reference = compressed_sgd([oracle], theta, 0.2, 30, lambda v: top_k(v, k), error_feedback=feedback)
    assert torch.allclose(ours.theta, reference.theta[-1], rtol=1e-12)
    assert torch.allclose(ours.loss, problem.loss(reference.theta).cpu(), rtol=1e-12)


@pytest.mark.parametrize("name", LABS)
@pytest.mark.parametrize("feedback", ["with", "without"])
def test_the_rate_read_back_is_the_one_intended(name, feedback):
    curves = measured(name, steps=12, keep=0.1, feedback=feedback).curves
    assert len(curves.applied) == 12
    assert curves.applied == pytest.approx(curves.intended, abs=1e-5)


def test_a_wrong_rate_would_show():
    """The read-back is a measurement: with another schedule inside the training it disagrees."""
    problem = lab_quadratic()
    plan = {"steps": 10, "batch_size": 4, "peak": 0.2, "schedule": named("linear", 10), "keep": 0.1}
    for feedback in (True, False):
        rates = train_top_k(problem, error_feedback=feedback, **plan).learning_rate[:, 0]
        assert (rates - 0.2).abs().max() > 0.15


def test_nothing_is_lost_with_feedback_and_coordinates_are_lost_without():
    """A coordinate whose gradient is always the smallest never moves without memory, and is sent in turn with it."""
    problem = Quadratic(torch.tensor([1.0, 0.05]), noise=0.0, start=torch.tensor([0.0, 0.0]), optimum=torch.ones(2))
    plan = {"steps": 20, "batch_size": 1, "peak": 0.05, "schedule": named("constant", 20), "keep": 0.5}
    without = train_top_k(problem, error_feedback=False, **plan).theta[0]
    fed_back = train_top_k(problem, error_feedback=True, **plan).theta[0]
    assert without[1] == 0.0 and without[0] > 0.5
    assert fed_back[1] > 0.0


def test_feedback_helps_where_top_k_alone_stalls():
    last = {f: measured("logistic", 150, keep=0.05, feedback=f).curves.mean[-1] for f in ("with", "without")}
    assert last["without"] > 1.5 * last["with"]


def test_the_menu_alone_compresses_to_a_tenth_and_the_slider_alone_has_feedback():
    alone = measured("quadratic", feedback="without").curves.mean
    both = measured("quadratic", keep=KEEP_ALONE, feedback="without").curves.mean
    assert (alone == both).all() and KEEP_ALONE in KNOBS["keep"].options
    slider = measured("quadratic", keep=0.25).curves.mean
    assert (slider == measured("quadratic", keep=0.25, feedback="with").curves.mean).all()
    assert (slider != measured("quadratic", keep=0.25, feedback="without").curves.mean).any()


@pytest.mark.parametrize("name", LABS)
def test_the_dashed_curve_says_that_it_is_without_compression(name):
    plain = LABS[name].look()
    for knobs in [("keep",), ("feedback",), ("keep", "feedback")]:
        state = LabState(knobs=tuple((knob, KNOBS[knob].options[-1]) for knob in knobs))
        label = LABS[name].look_of(state).predicted
        assert label == (f"{plain.predicted}, keep = 1" if plain.predicted else "")


def test_a_watcher_stops_the_training():
    plan = {"steps": 30, "batch_size": 4, "peak": 0.2, "schedule": named("constant", 30), "record_every": 10}
    run = train_top_k(lab_quadratic(), keep=0.1, error_feedback=True, on_record=lambda t, loss: t == 10, **plan)
    assert run.steps.tolist() == [0, 10] and run.learning_rate.shape == (10, 1) and run.loss.shape == (2, 1)
    at_once = train_top_k(lab_quadratic(), keep=0.1, error_feedback=True, on_record=lambda t, loss: True, **plan)
    assert at_once.steps.tolist() == [0] and at_once.learning_rate.shape == (0, 1)
