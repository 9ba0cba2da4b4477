"""One adapter that lets any schedule drive any PyTorch optimizer."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from noisydescent.arguments import whole_number
from noisydescent.schedules import PastHorizon, Schedule
from noisydescent.schedules.shapes import function_of_step


class Scheduler(LRScheduler):
    """Sets every group's learning rate to its base rate times schedule(t), where t counts the calls of `step`.

    optimizer   a `torch.optim.Optimizer`, or anything with `param_groups`: a list of dicts with an "lr"
    schedule    optimizer step t = 0, 1, ... -> multiplier of the base rate

    The base rate of a group is its "initial_lr"; where it has none yet, its "lr", which is stored there. The rates of
    t = 0 are set at once; call `step` after each optimizer step. It is a `torch.optim.lr_scheduler.LRScheduler`, so
    it goes wherever one does, also into SequentialLR. A group added later follows the schedule from the next `step`.

    The state is t and the base rates, never the schedule: to resume, build the same schedule again and load. Equal to
    LambdaLR in every rate, and unlike it in that `load_state_dict` sets the rates at once.
    """

    def __init__(self, optimizer: Optimizer, schedule: Schedule) -> None:
        self.schedule = function_of_step(schedule)
        if isinstance(optimizer, Optimizer):
            super().__init__(optimizer)  # also warns where step() comes before the optimizer's
            return
        self.optimizer, self.base_lrs = optimizer, []
        self._set(0)

    def get_lr(self) -> list[float | Tensor]:
        """base * schedule(t) of every group; `get_last_lr` has those in force."""
        for group in self.optimizer.param_groups[len(self.base_lrs) :]:
            self.base_lrs.append(_own(group.setdefault("initial_lr", _own(group["lr"]))))
        multiplier = self._multiplier(self.last_epoch)
        return [base * multiplier for base in self.base_lrs]

    def _multiplier(self, t: int) -> float:
        try:
            return self.schedule(t)
        except PastHorizon:
            # a training loop calls step() once more after its last optimizer step, and no step uses that rate
            return self.schedule(t - 1)

    def step(self, epoch: int | None = None) -> None:
        """One optimizer step was taken: t grows by one and the learning rates follow."""
        if isinstance(self.optimizer, Optimizer):
            super().step(epoch)
        else:
            self._set(self.last_epoch + 1 if epoch is None else epoch)

    def _set(self, t: int) -> None:
        self.last_epoch, self._step_count = t, t + 1
        rates = self.get_lr()
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)  # a compiled or captured optimizer step holds on to this tensor
            else:
                group["lr"] = rate
        self._last_lr = rates

    def state_dict(self) -> dict[str, Any]:
        """{"last_epoch": t, "base_lrs": one for each group}: a new plain dict."""
        return {"last_epoch": self.last_epoch, "base_lrs": [_own(base) for base in self.base_lrs]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore t and the base rates, and set every group's learning rate at once. `state_dict` is not changed."""
        groups = self.optimizer.param_groups
        if missing := {"last_epoch", "base_lrs"} - set(state_dict):
            raise ValueError(f"state_dict must come from Scheduler.state_dict(): it lacks {', '.join(sorted(missing))}")
        if len(state_dict["base_lrs"]) != len(groups):
            saved = len(state_dict["base_lrs"])
            raise ValueError(f"state_dict must have a base rate for each of {len(groups)} param groups, got {saved}")
        last_epoch = whole_number("last_epoch", state_dict["last_epoch"], -1)
        self.base_lrs = [_own(base) for base in state_dict["base_lrs"]]
        for group, base in zip(groups, self.base_lrs, strict=True):
            group["initial_lr"] = _own(base)
        if last_epoch >= 0:
            self._set(last_epoch)
        else:
            self.last_epoch = last_epoch  # waits inside a SequentialLR, where another one sets the rates


def _own(rate: float | Tensor) -> float | Tensor:
    """A copy: a learning rate that is a tensor is changed in place."""
    return rate.detach().clone() if isinstance(rate, Tensor) else rate
