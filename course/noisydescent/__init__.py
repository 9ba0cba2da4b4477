"""Noisy Descent: how noisy gradients train networks. The library behind the notebooks, and for use afterwards."""

import importlib

from noisydescent.devices import default_device, generator, use_device
from noisydescent.diagnostics import NoiseScale, Recorder
from noisydescent.figures import draw_curve, draw_level, draw_measured, draw_theory, new_figure, show
from noisydescent.problems import LeastSquares, Logistic, MarkovLanguage, MarkovSource, Quadratic, SoftmaxRegression
from noisydescent.schedules import multipliers, named, with_warmup
from noisydescent.training import Hooks, Sweep, Training, sweep, train

__all__ = [
    "Hooks",
    "LeastSquares",
    "Logistic",
    "MarkovLanguage",
    "MarkovSource",
    "NoiseScale",
    "Quadratic",
    "Recorder",
    "SoftmaxRegression",
    "Sweep",
    "Training",
    "default_device",
    "draw_curve",
    "draw_level",
    "draw_measured",
    "draw_theory",
    "generator",
    "multipliers",
    "named",
    "new_figure",
    "show",
    "sweep",
    "train",
    "use_device",
    "with_warmup",
]


def __getattr__(name: str):
    """`lab`, which lessons import from here: the labs, which bring widgets along and are loaded only when asked for."""
    if name == "lab":
        return importlib.import_module("noisydescent.labs")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
