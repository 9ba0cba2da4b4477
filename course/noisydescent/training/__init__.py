"""Many training runs as one tensor program, with the learning rate recorded as it was applied.

`train` is one configuration for some seeds, `sweep` is batch sizes x optimizers x schedules x peaks x seeds. Both go
through one loop; what a step does besides gradient and update is named by `Hooks`.
"""

from noisydescent.training.hooks import Hooks
from noisydescent.training.loop import train
from noisydescent.training.metrics import (
    METRICS,
    Metric,
    distance_to_optimum,
    gradient_cosine,
    gradient_norm,
    weight_norm,
)
from noisydescent.training.records import Training
from noisydescent.training.sweeps import Sweep, sweep

__all__ = [
    "METRICS",
    "Hooks",
    "Metric",
    "Sweep",
    "Training",
    "distance_to_optimum",
    "gradient_cosine",
    "gradient_norm",
    "sweep",
    "train",
    "weight_norm",
]
