"""Many SGD runs as one tensor program, with the learning rate recorded as it was applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from noisydescent.arguments import non_negative, positive_int
from noisydescent.devices import generator, threads_for
from noisydescent.problems.base import Problem
from noisydescent.schedules import Schedule, multipliers

# what to record at a step: (problem, theta (R, d), minibatch gradient (R, d)) -> (R,)
Metric = Callable[[Problem, Tensor, Tensor], Tensor]


def loss(problem: Problem, theta: Tensor, gradient: Tensor) -> Tensor:
    """f(theta) before the step."""
    return problem.loss(theta)


def gradient_norm(problem: Problem, theta: Tensor, gradient: Tensor) -> Tensor:
    """norm g_B of the minibatch gradient that the step uses."""
    return gradient.norm(dim=1)


@dataclass(frozen=True)
class Training:
    """What R runs of one configuration did.

    steps          (K,) optimizer steps taken before each record: 0 is the start, `steps[-1]` the end
    loss           (K, R) at those steps, on the CPU
    learning_rate  (T, R) as applied: read back from the update of each run, not from the schedule
    metrics        other metrics by name, each (K, R)
    theta          (R, d) at the end
    """

    steps: Tensor
    loss: Tensor
    learning_rate: Tensor
    metrics: Mapping[str, Tensor]
    theta: Tensor


def applied_rate(before: Tensor, after: Tensor, gradient: Tensor) -> Tensor:
    """Learning rate that turned `before` into `after`, each (R, d): least squares of step on gradient, shape (R,)."""
    return ((before - after) * gradient).sum(dim=1) / gradient.square().sum(dim=1)


def train(
    problem: Problem,
    *,
    steps: int,
    batch_size: int,
    peak: float | Tensor,
    schedule: Schedule,
    runs: int = 1,
    seed: int = 0,
    record_every: int = 1,
    metrics: Mapping[str, Metric] | None = None,
    on_record: Callable[[int, Tensor], bool | None] | None = None,
) -> Training:
    """SGD theta <- theta - peak * schedule(t) * g_B(theta), t = 0 .. steps - 1, for `runs` seeds at once.

    `peak` is one learning rate for all runs, or a tensor (runs,) with one for each.
    Records the loss (and `metrics`) every `record_every` steps and at the end. `on_record(step, loss)` is called at
    each record; if it returns True the training stops there and the records so far are returned. Same seed, same
    numbers. Raises ValueError naming the argument for a step count or batch size below one or a negative peak.
    """
    steps, record_every = positive_int("steps", steps), positive_int("record_every", record_every)
    runs, batch_size = positive_int("runs", runs), positive_int("batch_size", batch_size)
    peaks = torch.as_tensor(peak, dtype=torch.float64)
    if peaks.shape not in [(), (runs,)]:
        raise ValueError(f"peak must be a number or a tensor ({runs},), one for each run, got {tuple(peaks.shape)}")
    peaks = peaks.expand(runs)
    for value in peaks.unique().tolist():
        non_negative("peak", value)
    rates = (multipliers(schedule, steps)[:, None] * peaks).to(problem.device, problem.dtype)
    random = generator(seed, problem.device)
    recorded_steps: list[int] = []
    records: dict[str, list[Tensor]] = {name: [] for name in ["loss", *(metrics or {})]}
    applied = torch.zeros_like(rates)

    with threads_for(runs * batch_size * problem.dim):
        theta = problem.initial(runs, random)
        oracle = problem.oracle(runs, batch_size, random)
        for t in range(steps + 1):
            if t < steps or metrics:
                gradient = oracle(theta)
            if t % record_every == 0 or t == steps:
                recorded_steps.append(t)
                records["loss"].append(problem.loss(theta))
                for name, metric in (metrics or {}).items():
                    records[name].append(metric(problem, theta, gradient))
                if on_record is not None and on_record(t, records["loss"][-1]):
                    break
            if t < steps:
                after = theta - rates[t, :, None] * gradient
                applied[t] = applied_rate(theta, after, gradient)
                theta = after
    table = {name: torch.stack(values).cpu().double() for name, values in records.items()}
    taken = recorded_steps[-1]
    return Training(torch.tensor(recorded_steps), table.pop("loss"), applied[:taken].cpu().double(), table, theta)


def train_each(problem: Problem, settings: Sequence[Mapping], **shared) -> list[Training]:
    """`train` once for each of `settings`, with the `shared` arguments; same seeds, so that runs are paired."""
    return [train(problem, **{**shared, **setting}) for setting in settings]
