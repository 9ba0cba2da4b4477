"""What a training leaves behind: its records, and the learning rates read back from its steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from noisydescent.problems import Problem
from noisydescent.training.metrics import Metric

# called at each record with the step and the loss (R,); True stops the training there
OnRecord = Callable[[int, Tensor], bool | None]
# numbers of steps kept until their learning rates are read back: together, since a call costs more than a small step
KEPT = 100_000


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


class Move(NamedTuple):
    """A step from which its learning rate can be told: `before` - `after` = rate * `direction`, each (R, d)."""

    before: Tensor
    after: Tensor
    direction: Tensor


def applied_rate(before: Tensor, after: Tensor, direction: Tensor) -> Tensor:
    """Learning rate that turned `before` into `after`, each (..., R, d), along `direction`: least squares, (..., R)."""
    return torch.linalg.vecdot(before - after, direction) / torch.linalg.vecdot(direction, direction)


class Records:
    """Records of a training in progress. Rows of theta are runs, or `workers` times as many, worker first, of which
    every record is the mean."""

    def __init__(
        self, problem: Problem, metrics: Mapping[str, Metric], on_record: OnRecord | None, workers: int = 1
    ) -> None:
        self.problem, self.metrics, self.on_record, self.workers = problem, metrics, on_record, workers
        self.steps: list[int] = []
        self.tables: dict[str, list[Tensor]] = {name: [] for name in ["loss", *metrics]}
        self.applied: list[Tensor] = []  # each (k, rows)
        self._moves: list[Move] = []

    def record(self, step: int, theta: Tensor, gradient: Tensor | None) -> bool:
        """Write down theta (rows, d) after `step` steps; True when the training shall stop here."""
        self.steps.append(step)
        self.tables["loss"].append(self._over_workers(self.problem.loss(theta)))
        for name, metric in self.metrics.items():
            self.tables[name].append(self._over_workers(metric(self.problem, theta, gradient)))
        return self.on_record is not None and bool(self.on_record(step, self.tables["loss"][-1]))

    def step_taken(self, rate: Tensor, move: Move | None) -> None:
        """One step was taken, at `rate` (rows,); without a `move` that is believed."""
        if move is None:
            self._read_back()
            self.applied.append(rate[None])
        else:
            self._moves.append(move)
            if len(self._moves) * move.before.numel() > KEPT:
                self._read_back()

    def _read_back(self) -> None:
        if len(self._moves) == 1:  # large parameters: no copy into a stack
            self.applied.append(applied_rate(*self._moves[0])[None])
        elif self._moves:
            self.applied.append(applied_rate(*map(torch.stack, zip(*self._moves, strict=True))))
        self._moves.clear()

    def _over_workers(self, values: Tensor) -> Tensor:
        """(..., rows) -> (..., R)."""
        if self.workers == 1:
            return values
        return values.view(*values.shape[:-1], self.workers, -1).mean(dim=-2)

    def training(self, theta: Tensor, runs: int) -> Training:
        """All of it, and theta (rows, d) at the end."""
        self._read_back()
        tables = {name: torch.stack(values).cpu().double() for name, values in self.tables.items()}
        applied = self._over_workers(torch.cat(self.applied)) if self.applied else theta.new_zeros(0, runs)
        taken = applied[: self.steps[-1]].cpu().double()
        if self.workers > 1:
            theta = theta.view(self.workers, runs, -1).mean(dim=0)
        return Training(torch.tensor(self.steps), tables.pop("loss"), taken, tables, theta)
