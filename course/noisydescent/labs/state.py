"""Where the controls of a lab stand."""

from __future__ import annotations

from dataclasses import dataclass

from noisydescent import schedules


@dataclass(frozen=True)
class LabState:
    """Where the controls of a lab stand. `warmup` is the fraction of the steps; `steps` are optimizer steps.

    knobs       (name, value) of the controls that a concept adds, see `Knob`
    optimizer   a name of `optimizers.RULES`; it has no control
    """

    batch_size: int = 8
    schedule: str = "constant"
    peak: float = 0.3
    warmup: float = 0.0
    steps: int = 300
    knobs: tuple[tuple[str, float | str], ...] = ()
    optimizer: str = "sgd"

    def as_schedule(self) -> schedules.Schedule:
        """The schedule the controls describe."""
        return schedules.named(self.schedule, self.steps, self.warmup)
