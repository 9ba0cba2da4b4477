"""Many training runs as one tensor program, with the learning rate recorded as it was applied.

`train` is one configuration for some seeds, `sweep` is batch sizes x optimizers x schedules x peaks x seeds. A run is
one row of theta (R, d); runs with the same seed see the same minibatches in every configuration of a batch size, so
differences between configurations are paired.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from noisydescent import optimizers
from noisydescent.arguments import choice, non_negative, positive_int
from noisydescent.devices import free_memory, generator, threads_for
from noisydescent.problems import Problem, Quadratic
from noisydescent.schedules import Schedule, multipliers, named

# what to record at a step: (problem, theta (R, d), minibatch gradient (R, d)) -> (R,)
Metric = Callable[[Problem, Tensor, Tensor], Tensor]


def gradient_norm(problem: Problem, theta: Tensor, gradient: Tensor) -> Tensor:
    """norm g_B of the minibatch gradient that the step uses."""
    return gradient.norm(dim=1)


def weight_norm(problem: Problem, theta: Tensor, gradient: Tensor) -> Tensor:
    """norm theta before the step."""
    return theta.norm(dim=1)


def distance_to_optimum(problem: Problem, theta: Tensor, gradient: Tensor) -> Tensor:
    """norm(theta - theta*) of a problem whose optimum is known."""
    return (theta - problem.optimum).norm(dim=1)


def gradient_cosine(problem: Problem, theta: Tensor, gradient: Tensor) -> Tensor:
    """cos(g_B, grad f) of a problem whose full gradient is cheap."""
    return torch.nn.functional.cosine_similarity(gradient, problem.gradient(theta), dim=1)


METRICS: dict[str, Metric] = {
    metric.__name__: metric for metric in (gradient_norm, weight_norm, distance_to_optimum, gradient_cosine)
}


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


def applied_rate(before: Tensor, after: Tensor, direction: Tensor) -> Tensor:
    """Learning rate that turned `before` into `after`, each (..., R, d), along `direction`: least squares, (..., R)."""
    return torch.linalg.vecdot(before - after, direction) / torch.linalg.vecdot(direction, direction)


def train(
    problem: Problem,
    *,
    steps: int,
    batch_size: int,
    peak: float | Tensor,
    schedule: Schedule,
    optimizer: str = "sgd",
    hyper: Mapping | None = None,
    runs: int = 1,
    seed: int = 0,
    record_every: int = 1,
    metrics: Mapping[str, Metric] | Sequence[str] = (),
    on_record: Callable[[int, Tensor], bool | None] | None = None,
) -> Training:
    """`steps` optimizer steps with learning rate peak * schedule(t), t = 0 .. steps - 1, for `runs` seeds at once.

    `peak` is one learning rate for all runs, or a tensor (runs,) with one for each. `optimizer` is a name of
    `optimizers.RULES` and `hyper` its other hyperparameters; plain SGD is theta <- theta - eta_t g_B(theta).
    Records the loss (and `metrics`, by name or as functions) every `record_every` steps and at the end.
    `on_record(step, loss)` is called at each record; if it returns True the training stops there and the records so
    far are returned. Same seed, same numbers. Raises ValueError naming the argument for a step count or batch size
    below one, a negative peak, or an unknown name.
    """
    steps, record_every = positive_int("steps", steps), positive_int("record_every", record_every)
    runs, batch_size = positive_int("runs", runs), positive_int("batch_size", batch_size)
    peaks = torch.as_tensor(peak, dtype=torch.float64)
    if peaks.shape not in [(), (runs,)]:
        raise ValueError(f"peak must be a number or a tensor ({runs},), one for each run, got {tuple(peaks.shape)}")
    for value in peaks.unique().tolist():
        non_negative("peak", value)
    rates = multipliers(schedule, steps)[:, None, None] * peaks.reshape(1, 1, -1)  # (T, 1, R) or (T, 1, 1)
    return _train(problem, rates, runs, batch_size, optimizer, hyper, seed, record_every, _metrics(metrics), on_record)


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
        "batch_size": tuple(positive_int("batch_sizes", b) for b in batch_sizes),
        "optimizer": tuple(optimizers),
        "schedule": tuple(schedules),
        "peak": tuple(non_negative("peaks", p) for p in peaks),
    }
    for name, values in axes.items():
        if not values:
            raise ValueError(f"{name}: give at least one value to sweep over")
    seeds, records, functions = positive_int("seeds", seeds), positive_int("records", records), _metrics(metrics)
    steps_of = {b: positive_int("steps", steps[b] if isinstance(steps, Mapping) else steps) for b in axes["batch_size"]}
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
                one = _train(
                    problem, rates[:, chunk], len(chunk) * seeds, batch_size, optimizer, (hyper or {}).get(optimizer),
                    seed, at.tolist(), functions, stop,
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
    budget = positive_int("memory", memory) if memory is not None else free_memory(problem.device) // 2
    one = seeds * problem.bytes_per_run(batch_size)
    if one > budget:
        raise ValueError(
            f"memory: one configuration of {seeds} seeds at batch size {batch_size} takes about {one / 1e6:,.0f} MB "
            f"and {budget / 1e6:,.0f} MB may be used: lower seeds or batch_sizes"
        )
    size = budget // one
    return (range(k, min(k + size, configurations)) for k in range(0, configurations, size))


def _metrics(metrics: Mapping[str, Metric] | Sequence[str]) -> dict[str, Metric]:
    if isinstance(metrics, Mapping):
        return dict(metrics)
    return {name: METRICS[choice("metric", name, METRICS)] for name in metrics}


def _train(
    problem: Problem,
    rates: Tensor,
    runs: int,
    batch_size: int,
    optimizer: str,
    hyper: Mapping | None,
    seed: int,
    records: int | Sequence[int],
    metrics: Mapping[str, Metric],
    on_record: Callable[[int, Tensor], bool | None] | None,
) -> Training:
    """rates (T, C, S) or (T, C, 1) for C configurations of S = runs / C seeds; run (c, s) is row c * S + s."""
    steps, copies = rates.shape[:2]
    rates = rates.to(problem.device, problem.dtype)
    random = generator(seed, problem.device)
    at = range(0, steps, records) if isinstance(records, int) else records
    wanted = {*at, steps}
    update = _update_of(problem, optimizer, hyper or {})
    book = _Book(problem, metrics, on_record)
    with threads_for(runs * batch_size * problem.dim):
        theta = problem.initial(runs // copies, random).repeat(copies, 1)
        if optimizer == "sgd" and isinstance(problem, Quadratic) and not metrics:
            theta = _linear_steps(problem, theta, rates, batch_size, random, wanted, book)
        else:
            rates = rates.expand(-1, -1, runs // copies).reshape(steps, runs)
            oracle = problem.oracle(runs, batch_size, random, copies)
            theta = _steps(theta, rates, oracle, update, optimizer == "sgd", wanted, book)
    return book.training(theta, rates.flatten(1), runs)


class _Book:
    """Records of a training in progress."""

    def __init__(self, problem: Problem, metrics: Mapping[str, Metric], on_record) -> None:
        self.problem, self.metrics, self.on_record = problem, metrics, on_record
        self.steps: list[int] = []
        self.tables: dict[str, list[Tensor]] = {name: [] for name in ["loss", *metrics]}
        self.applied: list[Tensor] = []  # each (k, R)

    def record(self, step: int, theta: Tensor, gradient: Tensor | None) -> bool:
        """Write down theta (R, d) after `step` steps; True when the training shall stop here."""
        self.steps.append(step)
        self.tables["loss"].append(self.problem.loss(theta))
        for name, metric in self.metrics.items():
            self.tables[name].append(metric(self.problem, theta, gradient))
        return self.on_record is not None and bool(self.on_record(step, self.tables["loss"][-1]))

    def training(self, theta: Tensor, rates: Tensor, runs: int) -> Training:
        tables = {name: torch.stack(values).cpu().double() for name, values in self.tables.items()}
        applied = torch.cat(self.applied) if self.applied else rates.new_zeros(0, runs)
        taken = applied[: self.steps[-1]].cpu().double()
        return Training(torch.tensor(self.steps), tables.pop("loss"), taken, tables, theta)


def _linear_steps(problem: Quadratic, theta, rates, batch_size, random, wanted: set[int], book: _Book) -> Tensor:
    """SGD on a quadratic, a block of steps at a time."""
    if book.record(0, theta, None):
        return theta
    done, start = 0, theta.view(rates.shape[1], -1, problem.dim)
    for path, applied in problem.sgd_blocks(start, rates, batch_size, random):
        book.applied.append(applied.flatten(1))
        for k in range(len(path)):
            if done + k + 1 in wanted:
                at = path[k].view_as(theta) + problem.optimum
                if book.record(done + k + 1, at, None):
                    return at
        done += len(path)
    return at


def _steps(theta: Tensor, rates: Tensor, oracle, update, plain: bool, wanted: set[int], book: _Book) -> Tensor:
    """Any optimizer on any problem, one step at a time; rates (T, R)."""
    state = None
    steps_taken: list[tuple[Tensor, Tensor, Tensor]] = []  # before, after, gradient, until the rate is read back

    def read_back() -> None:
        one = len(steps_taken) == 1  # large parameters: no copy into a stack
        parts = steps_taken[0] if one else (torch.stack(part) for part in zip(*steps_taken, strict=True))
        book.applied.append(applied_rate(*parts)[None] if one else applied_rate(*parts))
        steps_taken.clear()

    for t in range(len(rates) + 1):
        if t < len(rates) or book.metrics:
            gradient = oracle(theta)
        stop = t in wanted and book.record(t, theta, gradient if book.metrics else None)
        if steps_taken and (stop or t == len(rates) or len(steps_taken) * theta.numel() > 100_000):
            read_back()
        if stop or t == len(rates):
            return theta
        if plain:
            after = torch.addcmul(theta, rates[t, :, None], gradient, value=-1)
            steps_taken.append((theta, after, gradient))
        else:
            after, following = update(theta, gradient, state, rates[t])
            applied = rates[t]
            if t in wanted:
                # the update is linear in the learning rate: the same step at rate one tells what was applied
                unit, _ = update(theta, gradient, state, torch.ones_like(rates[t]))
                applied = applied_rate(theta, after, theta - unit)
            state = following
            book.applied.append(applied[None])
        theta = after
    raise AssertionError("unreachable")


def _update_of(problem: Problem, name: str, hyper: Mapping) -> Callable:
    """(theta (R, d), gradient (R, d), state, rates (R,)) -> (theta, state) of the optimizer called `name`.

    Elementwise rules see theta whole; the others see the layers of a problem that has any. Of a matrix rule's layers,
    those that are not matrices go to AdamW at the same learning rate, as is usual with Muon.
    """
    rule = optimizers.rule(name, **hyper)
    if name not in optimizers.LAYER_RULES or not hasattr(problem, "unflatten"):

        def whole(theta, gradient, state, rates):
            (theta,), state = rule([theta], [gradient], state, rates)
            return theta, state

        return whole

    shapes = list(problem.shapes.values())
    other = [name in optimizers.MATRIX_RULES and len(shape) != 2 for shape in shapes]
    fallback = optimizers.rule("adamw")

    def layered(theta, gradient, state, rates):
        state = state or (None, None)
        weights, grads = (list(problem.unflatten(x).values()) for x in (theta, gradient))
        new: list = [None] * len(weights)
        states = []
        for use, mine, old in [(rule, False, state[0]), (fallback, True, state[1])]:
            index = [i for i, is_other in enumerate(other) if is_other == mine]
            updated, following = (
                use([weights[i] for i in index], [grads[i] for i in index], old, rates) if index else ([], None)
            )
            states.append(following)
            for i, w in zip(index, updated, strict=True):
                new[i] = w
        return torch.cat([w.flatten(1) for w in new], dim=1), tuple(states)

    return layered
