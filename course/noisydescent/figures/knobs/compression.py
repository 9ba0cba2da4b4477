"""Compressed communication: top-k with and without error feedback, in the place of plain SGD."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from noisydescent.devices import generator, threads_for
from noisydescent.figures.knobs.base import Knob, LabState, Setup
from noisydescent.figures.scene import Look
from noisydescent.optimizers import top_k, with_feedback
from noisydescent.problems import Problem
from noisydescent.schedules import Schedule, multipliers
from noisydescent.sweep import Training, applied_rate

KEEP = (1.0, 0.5, 0.25, 0.1, 0.05)
FEEDBACK = ("with", "without")
KEEP_ALONE = 0.1  # what the menu of error feedback compresses to in a lab that has no slider `keep`


def train_top_k(
    problem: Problem,
    *,
    steps: int,
    batch_size: int,
    peak: float,
    schedule: Schedule,
    keep: float,
    error_feedback: bool,
    runs: int = 1,
    seed: int = 0,
    record_every: int = 1,
    on_record: Callable[[int, Tensor], bool | None] | None = None,
) -> Training:
    """SGD with one worker that sends the `keep` d largest entries of eta_t g_B + e: arguments as of `sweep.train`.

    theta <- theta - top_k(eta_t g_B + e), e <- what was not sent, or 0 without error feedback; k = keep d, rounded, at
    least one. Minibatches are those that `sweep.train` draws from the same seed. The learning rate is read back from
    what moved: with error feedback from theta - e, which moves by eta_t g_B exactly, without it from the entries sent.
    Stich, Cordonnier, Jaggi, *Sparsified SGD with Memory*, 2018.
    """
    random, k = generator(seed, problem.device), max(1, round(keep * problem.dim))
    rates = (peak * multipliers(schedule, steps)).to(problem.device, problem.dtype)
    compress = partial(top_k, k=k)
    recorded: list[int] = []
    losses: list[Tensor] = []
    applied: list[Tensor] = []
    with threads_for(runs * batch_size * problem.dim):
        theta = problem.initial(runs, random)
        oracle, residual = problem.oracle(runs, batch_size, random), torch.zeros_like(theta)
        for t in range(steps + 1):
            if t % record_every == 0 or t == steps:
                recorded.append(t)
                losses.append(problem.loss(theta))
                if on_record is not None and on_record(t, losses[-1]):
                    break
            if t == steps:
                break
            gradient = oracle(theta)
            sent, left = with_feedback(rates[t] * gradient, residual, compress)
            after = theta - sent
            if error_feedback:
                applied.append(applied_rate(theta - residual, after - left, gradient))
                residual = left
            else:
                applied.append(applied_rate(theta, after, compress(gradient)))
            theta = after
    taken = torch.stack(applied) if applied else rates.new_zeros(0, runs)
    return Training(torch.tensor(recorded), torch.stack(losses).cpu().double(), taken.cpu().double(), {}, theta)


def compressed(keep: float, feedback: str, setup: Setup) -> Setup:
    """The setup with `train_top_k` in the place of plain SGD; keep = 1 sends everything and is plain SGD."""
    if keep == 1.0:
        return setup
    train = partial(train_top_k, keep=keep, error_feedback=feedback == "with")
    return dataclasses.replace(setup, train=train)


def kept(keep: float, state: LabState, setup: Setup) -> Setup:
    """Change of the slider `keep`; error feedback is on unless the lab has its menu and that says without."""
    return compressed(keep, dict(state.knobs).get("feedback", "with"), setup)


def fed_back(feedback: str, state: LabState, setup: Setup) -> Setup:
    """Change of the menu of error feedback. Where there is a slider `keep` too, that has done the work."""
    return setup if "keep" in dict(state.knobs) else compressed(KEEP_ALONE, feedback, setup)


def reference(look: Look) -> Look:
    """There is no exact recursion of top-k: the dashed curve is that of uncompressed SGD, and says so."""
    predicted = f"{look.predicted}, keep = 1" if look.predicted else ""
    return look if look.predicted.endswith("keep = 1") else dataclasses.replace(look, predicted=predicted)


TOP_K = Knob("keep (top-k)", KEEP, kept, reference)
ERROR_FEEDBACK = Knob("error feedback", FEEDBACK, fed_back, reference)
