"""Batch sizes x optimizers x schedules x peaks x seeds as tensor programs.

Runs with the same seed see the same minibatches in every configuration of a batch size, so differences between
configurations are paired.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from noisydescent.arguments import choice, non_negative, whole_number
from noisydescent.devices import free_memory
from noisydescent.optimizers import RULES
from noisydescent.problems import Problem
from noisydescent.schedules import multipliers, named
from noisydescent.training.hooks import Hooks
from noisydescent.training.loop import train_configurations
from noisydescent.training.metrics import Metric, metrics_by_name


@dataclass(frozen=True)
class Sweep:
    """What every configuration did. Axes in this order: batch size, optimizer, schedule, peak, seed, then time.

    axes           the values along the first four axes, by name
    steps          {batch size: (K,)} optimizer steps taken before each record; K is the same for all
    loss           (b, o, s, p, seeds, K), on the CPU; NaN where a cancelled sweep did not come to
    learning_rate  (b, o, s, p, seeds, T) as applied; T is the most steps of any batch size, NaN after a run's end
    metrics        other metrics by name, shaped like loss
    complete       False when the sweep was cancelled
    """

    axes: Mapping[str, tuple]
    steps: Mapping[int, Tensor]
    loss: Tensor
    learning_rate: Tensor
    metrics: Mapping[str, Tensor]
    complete: bool

    def at(self, **values) -> Tensor:
        """`loss` where the named axes (batch_size, optimizer, schedule, peak) have these values; those axes go away.

        ValueError with the nearest suggestion for an axis or a value that the sweep does not have.
        """
        loss = self.loss
        for name in reversed(list(self.axes)):  # from the last axis, so that earlier ones keep their place
            if name in values:
                known = self.axes[name]
                if values[name] not in known:
                    raise ValueError(f"{name} {values[name]!r} is not in this sweep: it has {list(known)}")
                loss = loss.select(list(self.axes).index(name), known.index(values[name]))
        for name in values:
            choice("axis", name, self.axes)
        return loss


def sweep(
    problem: Problem,
    *,
    steps: int | Mapping[int, int],
    batch_sizes: Sequence[int] = (8,),
    peaks: Sequence[float] = (0.1,),
    schedules: Sequence[str] = ("constant",),
    optimizers: Sequence[str] = ("sgd",),
    hyper: Mapping[str, Mapping] | None = None,
    seeds: int = 1,
    seed: int = 0,
    warmup_fraction: float = 0.0,
    records: int = 1,
    metrics: Mapping[str, Metric] | Sequence[str] = (),
    memory: int | None = None,
    cancel: Callable[[], bool] | None = None,
    progress: bool = True,
) -> Sweep:
    """Every combination of batch size, optimizer, schedule and peak, for `seeds` seeds each, as tensor programs.

    steps      optimizer steps, or {batch size: steps} (for a fixed number of samples, say)
    hyper      {optimizer: its hyperparameters} where the defaults are not meant
    records    how many times to record, the end included, the start (record 0) not counted
    metrics    names from `METRICS`, or {name: function}
    memory     bytes to stay under; default: half of what is free on the device. Configurations are run in chunks.
    cancel     asked at every record; when it returns True the sweep stops and what is done is returned

    The same seed gives the same numbers, also in other chunks. With `progress` a bar shows after a second. Raises
    ValueError naming the argument; also when one configuration alone would not fit into `memory`.
    """
    axes = {
        "batch_size": tuple(whole_number("batch_sizes", b) for b in batch_sizes),
        "optimizer": tuple(optimizers),
        "schedule": tuple(schedules),
        "peak": tuple(non_negative("peaks", p) for p in peaks),
    }
    for name, values in axes.items():
        if not values:
            raise ValueError(f"{name}: give at least one value to sweep over")
    for name in hyper or {}:
        choice("optimizer in hyper", name, RULES)
    seeds, records, functions = whole_number("seeds", seeds), whole_number("records", records), metrics_by_name(metrics)
    steps_of = {b: whole_number("steps", steps[b] if isinstance(steps, Mapping) else steps) for b in axes["batch_size"]}
    if records > min(steps_of.values()):
        raise ValueError(f"records must not be greater than the steps of any batch size, got {records}")
    shape = [len(values) for values in axes.values()]
    tables = {name: torch.full((*shape, seeds, records + 1), math.nan).double() for name in ["loss", *functions]}
    applied = torch.full((*shape, seeds, max(steps_of.values())), math.nan, dtype=torch.float64)
    recorded: dict[int, Tensor] = {}
    complete = True

    with tqdm(total=math.prod(shape) * seeds, unit="run", delay=1.0, leave=False, disable=not progress) as bar:
        for (b, batch_size), (o, optimizer) in _pairs(axes["batch_size"], axes["optimizer"]):
            T = steps_of[batch_size]
            shapes = torch.stack([multipliers(named(s, T, warmup_fraction), T) for s in axes["schedule"]], dim=1)
            rates = shapes[:, :, None] * torch.tensor(axes["peak"], dtype=torch.float64)  # (T, schedules, peaks)
            rates = rates.flatten(1)[:, :, None]
            at = torch.linspace(0, T, records + 1).round().long()
            recorded[batch_size] = at
            for chunk in _chunks(problem, rates.shape[1], seeds, batch_size, memory):
                stop = None if cancel is None else lambda step, loss: cancel()
                one = train_configurations(
                    problem, rates[:, chunk], len(chunk) * seeds, batch_size, optimizer, (hyper or {}).get(optimizer),
                    Hooks(), seed, at.tolist(), functions, stop,
                )  # fmt: skip
                done = len(one.steps)
                for name, values in [("loss", one.loss), *one.metrics.items()]:
                    block = values.T.reshape(len(chunk), seeds, done)
                    tables[name][b, o].flatten(0, 1)[chunk.start : chunk.stop, :, :done] = block
                rate = one.learning_rate.T.reshape(len(chunk), seeds, -1)
                applied[b, o].flatten(0, 1)[chunk.start : chunk.stop, :, : rate.shape[2]] = rate
                bar.update(len(chunk) * seeds)
                if cancel is not None and (done <= records or cancel()):
                    complete = False
                    break
            if not complete:
                break
    return Sweep(axes, recorded, tables.pop("loss"), applied, tables, complete)


def _pairs(first: Sequence, second: Sequence) -> Iterator[tuple]:
    return ((x, y) for x in enumerate(first) for y in enumerate(second))


def _chunks(problem: Problem, configurations: int, seeds: int, batch_size: int, memory: int | None) -> Iterator[range]:
    """Ranges of configurations that fit into `memory` bytes together."""
    budget = whole_number("memory", memory) if memory is not None else free_memory(problem.device) // 2
    one = seeds * problem.bytes_per_run(batch_size)
    if one > budget:
        raise ValueError(
            f"memory: one configuration of {seeds} seeds at batch size {batch_size} takes about {one / 1e6:,.0f} MB "
            f"and {budget / 1e6:,.0f} MB may be used: lower seeds or batch_sizes"
        )
    size = budget // one
    return (range(k, min(k + size, configurations)) for k in range(0, configurations, size))
