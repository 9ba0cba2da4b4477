"""The controls that a concept adds to a lab, by the name under which a notebook asks for them.

A knob changes the peak learning rate, the number of runs, or fields of the loop's `Hooks`. No two that are named
together change the same one (error feedback sets `compress` only where `keep` is not named), and none looks at what
another changes, so that the order in which they are named is all one; that of the stages in a step is said by `Hooks`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from noisydescent.arguments import choice
from noisydescent.labs.state import LabState
from noisydescent.optimizers import top_k
from noisydescent.problems import NOISE_KINDS, Problem
from noisydescent.training import Hooks


@dataclass(frozen=True)
class Setup:
    """The training behind a picture, arguments of `train`; a knob returns a changed copy (`dataclasses.replace`)."""

    problem: Problem
    peak: float
    runs: int
    hooks: Hooks


@dataclass(frozen=True)
class Knob:
    """One more control of a lab: a slider over numbers, or a menu of names.

    description   what stands beside the control
    options       the values to choose from, in order
    change        (value, state, setup) -> the setup that this value asks for
    """

    description: str
    options: tuple[float, ...] | tuple[str, ...]
    change: Callable[[float | str, LabState, Setup], Setup]


def setup_of(state: LabState, setup: Setup) -> Setup:
    """`setup` as the knobs of `state` change it. ValueError for a knob or a value of one that does not exist."""
    for name, value in state.knobs:
        knob = KNOBS[choice("knob", name, KNOBS)]
        setup = knob.change(choice(name, value, knob.options), state, setup)
    return setup


def clipped(threshold: float, state: LabState, setup: Setup) -> Setup:
    """Every sample's gradient is cut to a norm before the mean over the batch, which biases the oracle."""
    return replace(setup, hooks=replace(setup.hooks, clip=threshold))


SHARE_ON_TOP = 0.3  # of the sampling noise: with as much again, few runs survive their largest draws


def with_noise(kind: str, state: LabState, setup: Setup) -> Setup:
    """Gradient noise of this kind, see `Noisy`: in place of that of sampling, or on top of it in the transformer.

    The heavy tails have the spread that one sample's gradient has in each coordinate (at the optimum; three tenths of
    that at the start for the transformer) and infinite variance.
    """
    if kind == "sampled":
        return setup
    problem, scale = setup.problem, None
    if kind == "heavy tails":
        scale = problem.gradient_spread() * (1.0 if problem.cheap_gradient else SHARE_ON_TOP)
    return replace(setup, hooks=replace(setup.hooks, noise=kind, noise_scale=scale))


BASE_BATCH = 8
POWERS = {"none": 0.0, "square root": 0.5, "linear": 1.0}


def scaled(rule: str, state: LabState, setup: Setup) -> Setup:
    """The peak of the slider holds at B = 8; elsewhere it is multiplied by (B / 8)**power.

    Linear: Goyal et al., *Accurate, Large Minibatch SGD*, 2017; square root: Krizhevsky, *One Weird Trick for
    Parallelizing Convolutional Neural Networks*, 2014.
    """
    return replace(setup, peak=setup.peak * (state.batch_size / BASE_BATCH) ** POWERS[rule])


WORKERS = 4


def local(local_steps: int, state: LabState, setup: Setup) -> Setup:
    """Four workers that are averaged every `local_steps` steps: half as many seeds, twice the cost of one process."""
    hooks = replace(setup.hooks, workers=WORKERS, local_steps=local_steps)
    return replace(setup, runs=max(1, setup.runs // 2), hooks=hooks)


KEEP_ALONE = 0.1  # what the menu of error feedback compresses to in a lab that has no slider `keep`


def kept(keep: float, state: LabState, setup: Setup) -> Setup:
    """Of every update the `keep` d largest entries are sent, rounded, at least one; keep = 1 sends everything."""
    if keep == 1.0:
        return setup
    k = max(1, round(keep * setup.problem.dim))
    return replace(setup, hooks=replace(setup.hooks, compress=partial(top_k, k=k)))


def fed_back(feedback: str, state: LabState, setup: Setup) -> Setup:
    """With or without error feedback; a lab without the slider `keep` sends a tenth."""
    if "keep" not in dict(state.knobs):
        setup = kept(KEEP_ALONE, state, setup)
    return replace(setup, hooks=replace(setup.hooks, error_feedback=feedback == "with"))


KNOBS: dict[str, Knob] = {
    "clip": Knob("clip norm c", (math.inf, 2.0, 1.0, 0.5, 0.25), clipped),
    "noise": Knob("gradient noise", ("sampled", *NOISE_KINDS), with_noise),
    "scaling": Knob(f"scaling from B = {BASE_BATCH}", tuple(POWERS), scaled),
    # of averaging at every step, and of averaging too seldom for a run of some hundred steps; one value beyond the few
    # steps of the shortest run, where longer ones could not differ
    "local_steps": Knob("local steps E", (1, 2, 4, 32), local),
    "keep": Knob("keep (top-k)", (1.0, 0.5, 0.25, 0.1, 0.05), kept),
    "feedback": Knob("error feedback", ("with", "without"), fed_back),
}
