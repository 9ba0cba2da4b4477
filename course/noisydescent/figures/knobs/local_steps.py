"""Local SGD: four workers, averaged every so many steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from noisydescent import theory
from noisydescent.devices import generator, threads_for
from noisydescent.figures.knobs.base import Knob, LabState, Setup, local_quadratic
from noisydescent.figures.scene import Look
from noisydescent.problems import Problem
from noisydescent.schedules import Schedule, multipliers
from noisydescent.sweep import Training, applied_rate

WORKERS = 4
# of averaging at every step, and of averaging too seldom for a run of some hundred steps; one value beyond the few
# steps of the shortest run, where longer ones could not differ
OPTIONS = (1, 2, 4, 32)


def train_workers(
    problem: Problem,
    local_steps: int,
    *,
    steps: int,
    batch_size: int,
    peak: float,
    schedule: Schedule,
    runs: int = 1,
    seed: int = 0,
    record_every: int = 1,
    on_record: Callable[[int, Tensor], bool | None] | None = None,
) -> Training:
    """Local SGD of four workers from one start, each with minibatches of `batch_size`; called as `sweep.train` is.

    The loss recorded is the mean over the workers of the loss of each one's own model; right after an averaging they
    are the same model. There are runs / 2 seeds, at least one, so the cost is that of twice as many runs of plain SGD.
    """
    seeds = max(1, runs // 2)
    random = generator(seed, problem.device)
    rates = peak * multipliers(schedule, steps)
    at, losses, applied = [], [], []
    long_rounds = local_steps > record_every
    with threads_for(WORKERS * seeds * batch_size * problem.dim):
        theta = problem.initial(seeds, random).repeat(WORKERS, 1)
        oracle = problem.oracle(WORKERS * seeds, batch_size, random)
        for t in range(steps + 1):
            if t % record_every == 0 or t == steps or (long_rounds and t % local_steps in (0, local_steps - 1)):
                at.append(t)
                losses.append(problem.loss(theta).view(WORKERS, seeds).mean(dim=0))
                if (on_record is not None and on_record(t, losses[-1])) or t == steps:
                    break
            gradient = oracle(theta)
            after = theta - float(rates[t]) * gradient
            applied.append(applied_rate(theta, after, gradient).view(WORKERS, seeds).mean(dim=0))
            theta = after
            if (t + 1) % local_steps == 0:
                theta = theta.view(WORKERS, seeds, -1).mean(dim=0).repeat(WORKERS, 1)
    rate = torch.stack(applied) if applied else theta.new_zeros(0, seeds)
    return Training(torch.tensor(at), torch.stack(losses).cpu().double(), rate.cpu().double(), {}, theta[:seeds])


def local(local_steps: int, state: LabState, setup: Setup) -> Setup:
    """Four workers that are averaged every `local_steps` steps; the theory is that of their own models.

    On the quadratic it is exact: the workers' mean is SGD with minibatches of 4 B, and about it each worker has the
    variance of `theory.expected_drift`. On logistic regression the same with H and Sigma of the optimum.
    """

    def train(problem: Problem, **plan) -> Training:
        return train_workers(problem, local_steps, **plan)

    def predict(state: LabState, rates: Tensor) -> Tensor:
        eigenvalues, noise = spectrum_of(setup.problem)
        together = setup.predict(dataclasses.replace(state, batch_size=WORKERS * state.batch_size), rates)
        drift = theory.expected_drift(eigenvalues, noise, state.batch_size, rates, local_steps, WORKERS)
        return together + 0.5 * drift @ eigenvalues

    return dataclasses.replace(setup, train=train, predict=None if setup.predict is None else predict)


def spectrum_of(problem: Problem) -> tuple[Tensor, Tensor]:
    """Eigenvalues of the Hessian and the noise's variance along its eigenvectors, (d,) each: at the optimum."""
    if hasattr(problem, "eigenvalues"):
        return problem.eigenvalues.cpu().double(), problem.noise_variance.cpu().double()
    eigenvalues, noise, _ = local_quadratic(problem)
    return eigenvalues.double(), noise.double()


def labels(look: Look) -> Look:
    """The curve is no longer that of one process."""
    return dataclasses.replace(look, measured=f"mean over {WORKERS} workers' models")


LOCAL_STEPS = Knob("local steps E", OPTIONS, local, labels)
