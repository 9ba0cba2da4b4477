import dataclasses
import io
import itertools
import warnings
from typing import NamedTuple

import matplotlib.image
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from noisydescent import Hooks, draw_curve, draw_measured, draw_theory, lab, new_figure, show, theory
from noisydescent.figures import style
from noisydescent.figures.scene import Curves, Look, Scene
from noisydescent.labs import measurement as labs
from noisydescent.labs.prediction import predicted_loss
from noisydescent.labs.state import LabState
from noisydescent.schedules import NAMES, multipliers

PICTURES = {
    "quadratic": (lab.quadratic_lab, LabState(steps=30)),
    "logistic": (lab.logistic_lab, LabState(steps=30)),
    "transformer": (lab.transformer_lab, LabState(steps=2, peak=0.5)),
}


class Picture(NamedTuple):
    figure: Figure
    image: bytes
    alt: str
    readout: str


def picture(name: str, state: LabState) -> Picture:
    """The picture of lab `name` at `state`, drawn by a scene that has drawn nothing else."""
    measured = labs.LABS[name].measure(state)
    scene = Scene(labs.LABS[name].look_of(state))
    image = scene.png(measured.curves)
    return Picture(scene.figure, image, measured.alt, measured.readout)


def pixels(image: bytes) -> np.ndarray:
    return matplotlib.image.imread(io.BytesIO(image))


def not_blank(image: bytes) -> np.ndarray:
    image = pixels(image)
    ink = (image[..., :3].mean(axis=2) < 0.9).mean()
    assert 0.005 < ink < 0.5, f"{ink:.1%} of the pixels are dark"
    return image


def values_of_the_controls(panel: lab.Panel) -> dict[str, list]:
    """Every value that each control of the panel can take."""
    slider = panel.peak
    notches = round((slider.max - slider.min) / slider.step)
    return {
        "batch_size": list(panel.batch_size.options),
        "schedule": list(NAMES),
        "peak": [slider.base ** (slider.min + k * slider.step) for k in range(notches + 1)],
        "warmup": [k * panel.warmup.step for k in range(round(panel.warmup.max / panel.warmup.step) + 1)],
    }


@pytest.mark.parametrize("name", PICTURES)
def test_every_value_of_every_control_gives_a_picture_without_a_warning(name):
    panel, state = PICTURES[name]
    swept = values_of_the_controls(panel(steps=2))
    assert [len(values) for values in swept.values()] >= [9, 6, 40, 11]
    scene = Scene(labs.LABS[name].look())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for control, values in swept.items():
            alts = set()
            for value in values:
                changed = dataclasses.replace(state, **{control: value})
                measured = labs.LABS[name].measure(changed)
                image = scene.png(measured.curves)
                not_blank(image)
                assert measured.alt.strip() and measured.readout.strip()
                assert "nan" not in measured.alt + measured.readout, (control, value)
                left, right = scene.figure.axes
                assert np.isfinite([*left.get_ylim(), *right.get_ylim()]).all()
                alts.add(measured.alt)
                if value in (values[0], values[-1]):  # a fresh scene draws what the kept one draws after all the others
                    assert picture(name, changed).image == image, (control, value)
            assert len(alts) == len(values), f"{control}: two values give one alt text"


@pytest.mark.parametrize("name", PICTURES)
def test_extreme_combinations_still_give_a_picture(name):
    """The largest learning rate diverges: exactly on the quadratic, to NaN in the transformer."""
    steps = 20 if name == "transformer" else 300
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for batch_size, schedule in [(1, "constant"), (256, "step")]:
            if name == "transformer":
                batch_size = min(batch_size, 4)
            for warmup, T in [(0.0, steps), (0.5, 1)]:
                extreme = LabState(batch_size=batch_size, schedule=schedule, peak=10**0.5, warmup=warmup, steps=T)
                drawn = picture(name, extreme)
                not_blank(drawn.image)
                assert "nan" not in drawn.alt + drawn.readout and "inf" not in drawn.readout


def test_a_diverged_run_says_so():
    drawn = picture("transformer", LabState(batch_size=1, peak=10.0, steps=30))
    assert "the run diverged" in drawn.alt and "the run diverged" in drawn.readout


def lines(axis) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {line.get_label(): (line.get_xdata(), line.get_ydata()) for line in axis.lines}


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_quadratic_picture_draws_the_theory_over_what_was_measured(schedule):
    state = LabState(batch_size=4, schedule=schedule, peak=0.4, warmup=0.1, steps=100)
    left, right = picture("quadratic", state).figure.axes
    expected = theory.expected_loss_of(labs.lab_quadratic(), 4, 0.4, state.as_schedule(), 100)
    steps, predicted = lines(left)["exact expectation"]
    np.testing.assert_allclose(predicted, expected)
    at, measured = lines(left)["measured, 32 seeds"]
    assert list(at) == list(range(0, 101, 5)) and list(steps) == list(range(101))
    # 32 runs of 20 coordinates: a mean loss is within a tenth or so of its expectation
    np.testing.assert_allclose(measured, predicted[::5], rtol=0.35)
    intended = 0.4 * multipliers(state.as_schedule(), 100)
    np.testing.assert_allclose(lines(right)["as applied"][1], intended, atol=1e-12)
    np.testing.assert_allclose(lines(right)["intended"][1], intended, atol=0)


def test_the_local_theory_is_right_near_the_optimum():
    """Small learning rate, large batch: the tail of the measured excess loss lies on the local theory."""
    p = labs.lab_logistic()
    state = LabState(batch_size=64, peak=0.5, steps=300)
    left, _ = picture("logistic", state).figure.axes
    measured, predicted = lines(left)["measured, 16 seeds"][1], lines(left)["local theory"][1]
    assert measured[-5:].mean() == pytest.approx(float(predicted[-50:].mean()), rel=0.3)
    rates = torch.full((300,), 0.5, dtype=torch.float64)
    np.testing.assert_allclose(predicted, predicted_loss(p, Hooks(), 64, rates))


def test_the_transformer_picture_shows_the_entropy_rate():
    left, _ = picture("transformer", LabState(batch_size=8, peak=0.5, steps=10)).figure.axes
    drawn = {name: line for name, line in lines(left).items() if name[0] != "_"}
    floor = labs.lab_language().source.entropy_rate
    assert set(drawn) == {"held-out loss", "entropy rate of the source"}
    assert set(drawn["entropy rate of the source"][1]) == {floor}
    assert drawn["held-out loss"][1].min() > floor
    assert left.get_ylim()[0] < floor and left.get_ylim()[1] > drawn["held-out loss"][1][0]


def test_the_progress_of_the_transformer_can_be_watched_and_stopped():
    seen = []

    def watch(measured) -> bool:
        seen.append((list(measured.curves.steps), len(measured.curves.applied), measured.readout.partition(" · ")[2]))
        return measured.curves.steps[-1] >= 10

    stopped = labs.LABS["transformer"].measure(LabState(batch_size=1, steps=30), watch)
    assert seen == [([0], 0, "step 0 of 30"), ([0, 10], 10, "step 10 of 30")]
    assert len(stopped.curves.applied) == 10 and len(stopped.curves.intended) == 30
    assert "stopped at step 10" in stopped.readout
    at_once = labs.LABS["transformer"].measure(LabState(batch_size=1, steps=30), lambda measured: True)
    assert "no step taken" in at_once.readout


def test_pictures_are_pure():
    state = LabState(steps=20)
    first, again = (picture("quadratic", state) for _ in range(2))
    assert first.figure is not again.figure
    assert (first.alt, first.readout, first.image) == (again.alt, again.readout, again.image)


def test_a_diverging_curve_does_not_flatten_the_rest():
    steps = np.arange(3)
    wild = Curves(steps, np.array([1.0, 1e30, np.nan]), np.zeros(3), np.array([1.0, 0.5, 0.1]), np.ones(2), np.ones(2))
    scene = Scene(Look("loss", "measured", "theory"))
    low, high = scene.draw(wild).axes[0].get_ylim()
    assert (low, high) == (0.1, 1e4)


def test_axes_have_labels_and_a_legend():
    figure = picture("quadratic", LabState(steps=20)).figure
    for axis in figure.axes:
        assert axis.get_xlabel() == "optimizer step" and axis.get_ylabel()
        assert axis.get_legend() is not None
    assert figure.axes[0].get_ylabel() == "loss f" and figure.axes[1].get_ylabel() == "learning rate"


@pytest.mark.parametrize("log", ["", "x", "y", "xy"])
@pytest.mark.parametrize("panels", [1, 2])
def test_new_figure(log, panels):
    ylabels = "b" if panels == 1 else ["b", "c"]
    figure, axes = new_figure("a", ylabels, log=log, panels=panels, title="t")
    for axis, ylabel in zip([axes] if panels == 1 else axes, ylabels, strict=True):
        assert (axis.get_xlabel(), axis.get_ylabel(), axis.get_title()) == ("a", ylabel, "t")
        assert (axis.get_xscale() == "log", axis.get_yscale() == "log") == ("x" in log, "y" in log)
        draw_measured(axis, torch.arange(1, 5), torch.ones(4), torch.full((4,), 0.1), "points")
        draw_measured(axis, [1, 2], np.ones(2), np.ones(2) / 9, "band", band=True)
        draw_theory(axis, [1, 2], torch.ones(2, requires_grad=True))
        draw_curve(axis, [1, 2], [1, 2], "curve")
        style.draw_level(axis, torch.tensor(1.5), "level")
    widths = {1: 600, 2: 840}
    assert not_blank(style.png(figure)).shape[:2] == (360, widths[panels])


def test_measured_is_drawn_with_three_standard_errors():
    _, axis = new_figure("a", "b")
    draw_measured(axis, [0, 1], np.array([1.0, 2.0]), np.array([0.1, 0.2]), "m", band=True)
    (band,) = axis.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(0.7) and heights.max() == pytest.approx(2.6)


def test_show_needs_a_text_alternative_and_passes_it_on(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append((bundle, raw)))
    figure, axis = new_figure("a", "b")
    for nothing in ("", "  \n"):
        with pytest.raises(ValueError, match="alt must describe the figure in words"):
            show(figure, nothing)
    assert not shown
    draw_curve(axis, [0, 1], [0, 1], "c")
    show(figure, 'a "quoted" <curve>')
    ((bundle, raw),) = shown
    assert raw and bundle["text/plain"] == 'a "quoted" <curve>'
    assert 'alt="a &quot;quoted&quot; &lt;curve&gt;"' in bundle["text/html"]
    assert bundle["image/png"] in bundle["text/html"]


def test_the_palette_can_be_told_apart_by_its_lightness_or_hue():
    assert len(set(style.COLORS)) == 7
    for a, b in itertools.combinations(style.COLORS, 2):
        first, second = (np.array([int(c[k : k + 2], 16) for k in (1, 3, 5)]) for c in (a, b))
        assert np.abs(first - second).max() >= 40
