"""Where the controls of a lab stand."""

from __future__ import annotations

from dataclasses import dataclass

from noisydescent import schedules
from noisydescent.arguments import between, choice, non_negative, whole_number
from noisydescent.optimizers import RULES

MOST_WARMUP = 0.5


@dataclass(frozen=True)
class LabState:
    """Where the controls of a lab stand. `steps` are optimizer steps; `warmup` is a fraction of them, at most a half.

    knobs       (name, value) of the controls that a concept adds, see `Knob`
    optimizer   a name of `optimizers.RULES`; it has no control

    ValueError naming the field; for the knobs, which are looked up where a lab is, only when one is named twice.
    """

    batch_size: int = 8
    schedule: str = "constant"
    peak: float = 0.3
    warmup: float = 0.0
    steps: int = 300
    knobs: tuple[tuple[str, float | str], ...] = ()
    optimizer: str = "sgd"

    def __post_init__(self) -> None:
        whole_number("batch_size", self.batch_size)
        choice("schedule", self.schedule, schedules.NAMES)
        non_negative("peak", self.peak)
        between("warmup", self.warmup, 0.0, MOST_WARMUP)
        whole_number("steps", self.steps)
        choice("optimizer", self.optimizer, RULES)
        names = [name for name, _ in self.knobs]
        if len({*names}) < len(names):
            raise ValueError(f"knobs must be named once each, got {', '.join(map(str, names))}")

    def as_schedule(self) -> schedules.Schedule:
        """The schedule the controls describe."""
        return schedules.named(self.schedule, self.steps, self.warmup)
