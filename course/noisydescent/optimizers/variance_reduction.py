"""SVRG and SAGA: constant learning rate and still a linear rate, for an objective that is a mean over n samples.

Both take the gradients of single samples from a callable `gradient_i(theta, rows)`: theta (R, d) and one row number
for each run, rows (R,) int64, to gradients (R, d). All draws come from `generator`, with replacement, so the same seed
gives the same numbers. `ValueError` names the argument when a count is not positive, lr negative, or a shape wrong.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from noisydescent.arguments import whole_number
from noisydescent.optimizers.building_blocks import begin, moved

# theta (R, d), rows (R,) -> gradients of one sample a run (R, d)
SampleGradient = Callable[[Tensor, Tensor], Tensor]


def svrg(
    gradient_i: SampleGradient,
    full_gradient: Callable[[Tensor], Tensor],
    n: int,
    theta0: Tensor,
    lr: float | Tensor,
    epochs: int,
    inner: int,
    generator: torch.Generator,
) -> Tensor:
    """theta <- theta - lr (g_i(theta) - g_i(s) + full_gradient(s)), `inner` times from each snapshot s.

    theta0 (R, d), lr a number or (R,), `full_gradient` (R, d) -> (R, d) the mean over all n samples. The next snapshot
    is the last inner iterate; n + 2 inner sample gradients an epoch. Returns the snapshots (epochs + 1, R, d), theta0
    first.
    Johnson, Zhang, *Accelerating Stochastic Gradient Descent using Predictive Variance Reduction*, 2013.
    """
    n, epochs, inner = whole_number("n", n), whole_number("epochs", epochs, 0), whole_number("inner", inner)
    theta, rate = begin(theta0, lr)
    snapshots = [theta]
    for _ in range(epochs):
        snapshot = theta
        mean = full_gradient(snapshot)
        for rows in _rows(n, inner, len(theta), generator):
            correction = gradient_i(theta, rows) - gradient_i(snapshot, rows)
            theta = moved(theta, rate, correction + mean)
        snapshots.append(theta)
    return torch.stack(snapshots)


def saga(
    gradient_i: SampleGradient,
    n: int,
    theta0: Tensor,
    lr: float | Tensor,
    steps: int,
    generator: torch.Generator,
    record_every: int | None = None,
) -> tuple[Tensor, Tensor]:
    """theta <- theta - lr (g_i(theta) - table_i + mean(table)), then table_i <- g_i(theta), theta before the step.

    theta0 (R, d), lr a number or (R,). The table starts with the n gradients at theta0: n + steps sample gradients, and
    n d numbers a run of memory. Returns (iterates (K, R, d), table (R, n, d)): theta0, theta after every `record_every`
    steps where given, and the last theta. Defazio, Bach, Lacoste-Julien, *SAGA: A Fast Incremental Gradient Method With
    Support for Non-Strongly Convex Composite Objectives*, 2014.
    """
    n, steps = whole_number("n", n), whole_number("steps", steps, 0)
    every = steps + 1 if record_every is None else whole_number("record_every", record_every)
    theta, rate = begin(theta0, lr)
    runs = torch.arange(len(theta), device=theta.device)
    table = torch.stack([gradient_i(theta, torch.full_like(runs, i)) for i in range(n)], dim=1)
    mean = table.mean(dim=1)
    iterates = [theta]
    for t, rows in enumerate(_rows(n, steps, len(theta), generator), start=1):
        fresh = gradient_i(theta, rows)
        change = fresh - table[runs, rows]
        theta = moved(theta, rate, change + mean)
        table[runs, rows] = fresh
        mean = mean + change / n
        if t % every == 0 or t == steps:
            iterates.append(theta)
    return torch.stack(iterates), table


def _rows(n: int, steps: int, runs: int, generator: torch.Generator) -> Tensor:
    return torch.randint(n, (steps, runs), generator=generator, device=generator.device)
