"""Noisy Descent: how noisy gradients train networks. The library behind the notebooks, and for use afterwards."""

from noisydescent.devices import default_device, generator, use_device
from noisydescent.figures import draw_curve, draw_level, draw_measured, draw_theory, new_figure, show
from noisydescent.problems import Logistic, MarkovLanguage, MarkovSource, Quadratic
from noisydescent.schedules import multipliers, named, with_warmup
from noisydescent.sweep import Training, train, train_each

__all__ = [
    "Logistic",
    "MarkovLanguage",
    "MarkovSource",
    "Quadratic",
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
    "train",
    "train_each",
    "use_device",
    "with_warmup",
]
