"""The one training loop: some runs of one or more configurations as one tensor program.

A run is one row of theta (R, d). The learning rate is recorded as it was applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from noisydescent.arguments import one_or_each, whole_number
from noisydescent.devices import generator, threads_for
from noisydescent.problems import Problem
from noisydescent.schedules import Schedule, multipliers
from noisydescent.training.hooks import Hooks
from noisydescent.training.metrics import Metric, metrics_by_name
from noisydescent.training.records import OnRecord, Records, Training
from noisydescent.training.updates import Step, is_plain_sgd, step_of


def train(
    problem: Problem,
    *,
    steps: int,
    batch_size: int,
    peak: float | Tensor,
    schedule: Schedule | Tensor,
    optimizer: str = "sgd",
    hyper: Mapping | None = None,
    hooks: Hooks | None = None,
    runs: int = 1,
    seed: int = 0,
    record_every: int = 1,
    metrics: Mapping[str, Metric] | Sequence[str] = (),
    on_record: OnRecord | None = None,
) -> Training:
    """`steps` optimizer steps with learning rate peak * schedule(t), t = 0 .. steps - 1, for `runs` seeds at once.

    `peak` is one learning rate for all runs, or a tensor (runs,) with one for each. `schedule` is a callable or a
    tensor of its multipliers, (steps,) or (steps, runs). `optimizer` is a name of `optimizers.RULES` and `hyper` its
    other hyperparameters; plain SGD is theta <- theta - eta_t g_B(theta). `hooks` add to a step what `Hooks` lists.
    Records the loss (and `metrics`, by name or as functions) every `record_every` steps and at the end; workers that
    stay alone for longer are also recorded right before and after they are averaged. Of workers, records are the mean
    over them, and `theta` is their mean.
    `on_record(step, loss)` is called at each record; if it returns True the training stops there and the records so
    far are returned. Same seed, same numbers. Raises ValueError naming the argument for a step count or batch size
    below one, a negative peak, a schedule of another length, an unknown name, or an optimizer of matrices on a vector.
    """
    steps, record_every = whole_number("steps", steps), whole_number("record_every", record_every)
    runs, batch_size = whole_number("runs", runs), whole_number("batch_size", batch_size)
    hooks = Hooks() if hooks is None else hooks
    if not isinstance(hooks, Hooks):
        raise ValueError(f"hooks must be a Hooks, such as Hooks(clip=1.0), got {hooks!r}")
    peaks = one_or_each("peak", peak, runs, "run")
    shape = multipliers(schedule, steps).reshape(steps, -1)
    if shape.shape[1] not in (1, runs):
        raise ValueError(f"schedule must have one column, or one for each of {runs} runs, got {shape.shape[1]}")
    rates = (shape * peaks.reshape(1, -1))[:, None]  # (T, 1, R) or (T, 1, 1)
    at = {*range(0, steps, record_every), steps}
    if hooks.local_steps > record_every:
        at |= {t for t in range(steps) if t % hooks.local_steps in (0, hooks.local_steps - 1)}
    return train_configurations(
        problem, rates, runs, batch_size, optimizer, hyper, hooks, seed, at, metrics_by_name(metrics), on_record
    )


def train_configurations(
    problem: Problem,
    rates: Tensor,
    runs: int,
    batch_size: int,
    optimizer: str,
    hyper: Mapping | None,
    hooks: Hooks,
    seed: int,
    at: Sequence[int] | set[int],
    metrics: Mapping[str, Metric],
    on_record: OnRecord | None,
) -> Training:
    """C configurations of S = runs / C seeds, run (c, s) in row c * S + s, recorded `at` these steps.

    rates (T, C, S) or (T, C, 1). With more than one worker C must be 1.
    """
    if not isinstance(problem, Problem):
        raise ValueError(f"problem must be one of noisydescent.problems, or inherit Problem, got {problem!r}")
    steps, copies = rates.shape[:2]
    hyper, at, problem = hyper or {}, {*at, steps}, hooks.perturbed(problem)
    rows = runs * hooks.workers
    rates = rates.to(problem.device, problem.dtype)
    random = generator(seed, problem.device)
    step = step_of(problem, optimizer, hyper, hooks)
    records = Records(problem, metrics, on_record, hooks.workers)
    with threads_for(rows * batch_size * problem.dim):
        theta = problem.initial(runs // copies, random).repeat(copies * hooks.workers, 1)
        blocks = None
        if is_plain_sgd(optimizer, hyper) and hooks.gradient_only and not metrics:
            blocks = problem.sgd_blocks(theta.view(copies, -1, problem.dim), rates, batch_size, random)
        if blocks is not None:
            theta = _by_blocks(problem, theta, blocks, at, records)
        else:
            rates = rates.expand(-1, -1, runs // copies).reshape(steps, runs).repeat(1, hooks.workers)
            oracle = problem.oracle(rows, batch_size, random, copies)
            theta = _by_steps(theta, rates, oracle, step, at, records)
    return records.training(theta, runs)


def _by_blocks(problem: Problem, theta: Tensor, blocks, at: set[int], records: Records) -> Tensor:
    """Plain SGD as the problem steps itself, see `Problem.sgd_blocks`."""
    if records.record(0, theta, None):
        return theta
    done = 0
    for path, applied in blocks:
        records.applied.append(applied.flatten(1))
        for k in range(len(path)):
            if done + k + 1 in at:
                now = path[k].view_as(theta) + problem.optimum
                if records.record(done + k + 1, now, None):
                    return now
        done += len(path)
    return now


def _by_steps(
    theta: Tensor, rates: Tensor, oracle: Callable[[Tensor], Tensor], step: Step, at: set[int], records: Records
) -> Tensor:
    """Any optimizer with any hooks on any problem, one step at a time; rates (T, rows)."""
    state, gradient = None, None
    at_step = rates.unbind()
    for t in range(len(rates) + 1):
        last = t == len(rates)
        if not last or records.metrics:
            gradient = oracle(theta)
        if (t in at and records.record(t, theta, gradient)) or last:
            return theta
        theta, state, move = step(theta, gradient, state, at_step[t], t, t in at)
        records.step_taken(at_step[t], move)
    raise AssertionError("unreachable")
