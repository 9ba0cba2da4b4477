"""The controls that a concept adds to a lab, by the name under which a notebook asks for them."""

from noisydescent.figures.knobs.base import Knob, LabState, Setup
from noisydescent.figures.knobs.clipping import CLIP_NORM
from noisydescent.figures.knobs.compression import ERROR_FEEDBACK, TOP_K
from noisydescent.figures.knobs.local_steps import LOCAL_STEPS
from noisydescent.figures.knobs.noise import NOISE
from noisydescent.figures.knobs.scaling import SCALING_RULE

KNOBS: dict[str, Knob] = {
    "clip": CLIP_NORM,
    "noise": NOISE,
    "scaling": SCALING_RULE,
    "local_steps": LOCAL_STEPS,
    "keep": TOP_K,
    "feedback": ERROR_FEEDBACK,
}

__all__ = ["KNOBS", "Knob", "LabState", "Setup"]
