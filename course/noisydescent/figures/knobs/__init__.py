"""The controls that a concept adds to a lab, by the name under which a notebook asks for them."""

from noisydescent.figures.knobs.base import Knob, LabState, Setup
from noisydescent.figures.knobs.scaling import SCALING_RULE

KNOBS: dict[str, Knob] = {"scaling": SCALING_RULE}

__all__ = ["KNOBS", "Knob", "LabState", "Setup"]
