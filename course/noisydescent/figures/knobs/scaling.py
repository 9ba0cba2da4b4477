"""Scaling rules: how the peak learning rate follows the batch size."""

from __future__ import annotations

import dataclasses

from noisydescent.figures.knobs.base import Knob, LabState, Setup

BASE_BATCH = 8
POWERS = {"none": 0.0, "square root": 0.5, "linear": 1.0}


def scaled(rule: str, state: LabState, setup: Setup) -> Setup:
    """The peak of the slider holds at B = 8; elsewhere it is multiplied by (B / 8)**power.

    Linear: Goyal et al., *Accurate, Large Minibatch SGD*, 2017; square root: Krizhevsky, *One Weird Trick for
    Parallelizing Convolutional Neural Networks*, 2014.
    """
    return dataclasses.replace(setup, peak=setup.peak * (state.batch_size / BASE_BATCH) ** POWERS[rule])


SCALING_RULE = Knob(f"scaling from B = {BASE_BATCH}", tuple(POWERS), scaled)
