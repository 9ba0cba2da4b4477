"""A recorder for any PyTorch training loop: learning rate as applied, gradient and update, step by step."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from noisydescent.arguments import whole_number
from noisydescent.diagnostics.state import KNOWN, dense, parameter_names, update_direction
from noisydescent.diagnostics.steps import at_least_single

# after how many records to fetch them from the device: one transfer, and one wait for a GPU, for all of them
_FETCH = 256


class Recorder:
    """Records every `every`-th optimizer step, from the first on. Two lines in an ordinary loop:

        recorder = Recorder(model, optimizer)   # after building the optimizer
        recorder.log(loss)                      # optional, once a step

    The training stays the same to the bit: the optimizer's step hooks copy and read, no random number is drawn. Works
    with any torch optimizer, scheduler and closure, on any device. Cost of a recorded step: a copy of weights and
    gradients and a few passes over them; of the step before one: a copy of the gradients; of any other: nothing.
    Memory: between steps one copy of the gradients, during a recorded step one more, two of the weights and one
    layer's worth of scratch, and 8 bytes a column for each record.

    With `per_layer` there is a column "update_to_weight.<parameter name>" for each parameter of the optimizer, too.
    ValueError when the optimizer holds a parameter that is not the model's, whose training would not show in the model.
    """

    def __init__(self, model: nn.Module, optimizer: Optimizer, every: int = 1, per_layer: bool = False) -> None:
        self.every, self.per_layer = whole_number("every", every), per_layer
        if any(p.is_complex() for p in parameter_names(optimizer, model)):
            raise ValueError("complex parameters cannot be recorded")
        self._model = model
        self._taken = 0  # optimizer steps since the recorder was attached
        self._records: list[dict[str, float | Tensor]] = []  # not fetched yet
        self._columns: dict[str, array] = {}
        # copies from the moment when a step begins, as far as they will be needed
        self._rates: list[float] = []
        self._weights: dict[Tensor, Tensor] = {}
        self._gradients: dict[Tensor, Tensor] = {}
        self._last_gradients: dict[Tensor, Tensor] = {}
        self._losses: list[Tensor | float] = []  # of the step in progress
        self._log_after_step: bool | None = None
        self._handles = [
            optimizer.register_step_pre_hook(self._before_step),
            optimizer.register_step_post_hook(self._after_step),
        ]

    def detach(self) -> None:
        """Take the hooks off the optimizer and drop the copies. The records stay, `log` does nothing any more."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._weights, self._gradients, self._last_gradients = {}, {}, {}

    def log(self, loss: Tensor | float) -> None:
        """The loss of a step, a tensor of one number or a number; several of one step are averaged.

        Call it at one place of the loop, from the first step on: after `optimizer.step()`, or before it, as with
        micro-batches one must. The first call tells which: before any step was taken, or after one. ValueError if the
        first call comes after several steps, when nobody could tell which step the loss belongs to.
        """
        if not self._handles:
            return
        if isinstance(loss, Tensor):
            if loss.numel() != 1:
                raise ValueError(f"loss must be one number, got a tensor of shape {tuple(loss.shape)}: take its mean")
            loss = at_least_single(loss).reshape(()).clone()
        if self._log_after_step is None:
            if self._taken > 1:
                raise ValueError(f"log(loss) came first after {self._taken} steps: call it from the first step on")
            self._log_after_step = self._taken == 1
        self._losses.append(loss)

    def table(self) -> dict[str, Tensor]:
        """The records as columns, name -> (K,) float64 on the CPU; K records, NaN where there is no value.

        step                   optimizer steps taken before this one since the recorder was attached, int64
        learning_rate          of the first parameter group as set when the step was taken; "learning_rate.1", ... of
                               the others
        learning_rate_applied  the same as read back from the update: SGD, Adagrad, RMSprop, Adam, AdamW, with all their
                               options, to the rounding of the weights. NaN where the gradients are zero. For other
                               optimizers, as set
        gradient_norm          of the gradients that the step used (clipped, if the loop clips), all parameters together
        update_norm            norm(after - before)
        weight_norm            norm of the weights before the step
        update_to_weight       update_norm / weight_norm
        gradient_cosine        between the gradients of this step and of the one before it, also where `every` leaves
                               that one out; 0 if either is zero, NaN at the first
        loss                   what `log` was given for this step; there only once `log` was called
        """
        if self._log_after_step:
            self._give_loss_to(self._taken - 1)
        self._fetch()
        columns = {name: torch.tensor(values, dtype=torch.float64) for name, values in self._columns.items()}
        if "step" in columns:
            columns["step"] = columns["step"].long()
        if self._log_after_step is None:
            columns.pop("loss", None)
        return columns

    @torch.no_grad()
    def _before_step(self, optimizer: Optimizer, args: tuple, kwargs: dict[str, Any]) -> None:
        if self._log_after_step:  # what came since the last step belongs to that one
            self._give_loss_to(self._taken - 1)
            self._losses = []
        self._weights = {}
        if self._is_recorded(self._taken):
            if len(self._records) >= _FETCH:
                self._fetch()
            self._rates = [float(group["lr"]) for group in optimizer.param_groups]
            self._weights = {p: p.detach().clone() for p in _parameters(optimizer)}
        # copied now, because a step may change .grad: SGD's foreach form of Nesterov's momentum does
        self._gradients = {} if _has_closure(args, kwargs) else self._copy_of_gradients(optimizer)

    @torch.no_grad()
    def _after_step(self, optimizer: Optimizer, args: tuple, kwargs: dict[str, Any]) -> None:
        # a closure computes the gradients during the step
        gradients = self._copy_of_gradients(optimizer) if _has_closure(args, kwargs) else self._gradients
        if self._is_recorded(self._taken):
            self._records.append(self._record(optimizer, gradients))
        if not self._log_after_step:
            self._give_loss_to(self._taken)
            self._losses = []
        self._taken += 1
        self._last_gradients = gradients if self._is_recorded(self._taken) else {}
        self._weights, self._gradients = {}, {}

    def _is_recorded(self, step: int) -> bool:
        return step % self.every == 0

    def _copy_of_gradients(self, optimizer: Optimizer) -> dict[Tensor, Tensor]:
        """Those that this record, or the cosine of the next one, will need."""
        if not (self._is_recorded(self._taken) or self._is_recorded(self._taken + 1)):
            return {}
        return {p: at_least_single(dense(p.grad)).clone() for p in _parameters(optimizer) if p.grad is not None}

    def _record(self, optimizer: Optimizer, gradients: dict[Tensor, Tensor]) -> dict[str, float | Tensor]:
        record: dict[str, float | Tensor] = {"step": self._taken, "loss": math.nan}
        moves = {p: at_least_single(w) - at_least_single(p) for p, w in self._weights.items()}
        for k, (rate, group) in enumerate(zip(self._rates, optimizer.param_groups, strict=True)):
            suffix = f".{k}" if k else ""
            record[f"learning_rate{suffix}"] = rate
            readable = type(optimizer) in KNOWN
            record[f"learning_rate_applied{suffix}"] = (
                self._applied(optimizer, group, gradients, moves) if readable else rate
            )
        weights = {p: _norm(w) for p, w in self._weights.items()}
        updates = {p: _norm(move) for p, move in moves.items()}
        weight, update = _total(weights.values()), _total(updates.values())
        gradient = _total(_norm(g) for g in gradients.values())
        record |= {"gradient_norm": gradient, "update_norm": update, "weight_norm": weight}
        record["update_to_weight"] = _ratio(update, weight)
        last = self._last_gradients
        lengths = gradient * _total(_norm(g) for g in last.values())
        along = _sum(_dot(g, last[p]) for p, g in gradients.items() if p in last)
        record["gradient_cosine"] = _ratio(along, lengths) if self._taken else math.nan
        if self.per_layer:
            names = parameter_names(optimizer, self._model)
            record |= {f"update_to_weight.{names[p]}": _ratio(updates[p], weights[p]) for p in updates}
        return record

    def _applied(
        self, optimizer: Optimizer, group: dict[str, Any], gradients: dict[Tensor, Tensor], moves: dict[Tensor, Tensor]
    ) -> Tensor:
        """<before - after, u> / <u, u> over the group's parameters, u the update direction."""
        moved, along = [], []
        for p in group["params"]:
            if p in gradients:
                before = self._weights[p]
                gradient = gradients[p].to(p.dtype)
                u = at_least_single(update_direction(optimizer, gradient, before, group, optimizer.state[p]))
                moved.append(_dot(moves[p], u))
                along.append(_dot(u, u))
        return _sum(moved) / _sum(along)

    def _give_loss_to(self, step: int) -> None:
        """The mean of what was logged, to the record of this step if there is one."""
        if not self._losses:
            return
        mean = sum(self._losses) / len(self._losses)
        if self._records:
            if self._records[-1]["step"] == step:
                self._records[-1]["loss"] = mean
        elif self._columns and self._columns["step"][-1] == step:  # `table` was called between the step and its log
            self._columns["loss"][-1] = float(mean)

    def _fetch(self) -> None:
        """Pending records into the columns; tensors of one device and dtype in one transfer."""
        alike: dict[tuple, list[tuple[dict, str]]] = {}
        for record in self._records:
            for name, value in record.items():
                if isinstance(value, Tensor):
                    alike.setdefault((value.device, value.dtype), []).append((record, name))
        for places in alike.values():
            values = torch.stack([record[name] for record, name in places]).tolist()
            for (record, name), value in zip(places, values, strict=True):
                record[name] = value
        for record in self._records:
            done = len(self._columns.get("step", ()))
            for name in {**self._columns, **record}:
                # a parameter group that came later has no values for the steps before
                column = self._columns.setdefault(name, array("d", [math.nan] * done))
                column.append(record.get(name, math.nan))
        self._records = []


def _parameters(optimizer: Optimizer) -> Iterator[Tensor]:
    return (p for group in optimizer.param_groups for p in group["params"])


def _has_closure(args: tuple, kwargs: dict[str, Any]) -> bool:
    # args[0] is the optimizer itself: hooks get the arguments of the unbound `step`
    return any(callable(x) and not isinstance(x, Optimizer) for x in (*args, *kwargs.values()))


def _norm(x: Tensor) -> Tensor:
    return torch.linalg.vector_norm(at_least_single(x))


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return torch.dot(a.flatten(), b.flatten())


def _sum(values: Iterable[Tensor]) -> Tensor:
    values = list(values)
    # layers may live on several devices
    return torch.stack([v.to(values[0].device) for v in values]).sum() if values else torch.zeros(())


def _total(norms: Iterable[Tensor]) -> Tensor:
    return _sum(norm.square() for norm in norms).sqrt()


def _ratio(above: Tensor, below: Tensor) -> Tensor:
    """above / below; 0 where `above` is, inf where only `below` is zero."""
    return torch.where(above == 0, 0.0, above / below)
