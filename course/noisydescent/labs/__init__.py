"""The three labs: sliders above a picture of a training and of the theory that predicted it.

Lessons know this package as `lab`: `from noisydescent import lab`, then `lab.quadratic_lab(batch_size=8)`.
"""

from noisydescent.labs.knobs import KNOBS, Knob
from noisydescent.labs.panel import TRANSFORMER_DEFAULT, Panel, logistic_lab, quadratic_lab, transformer_lab
from noisydescent.labs.state import LabState

__all__ = [
    "KNOBS",
    "TRANSFORMER_DEFAULT",
    "Knob",
    "LabState",
    "Panel",
    "logistic_lab",
    "quadratic_lab",
    "transformer_lab",
]
