from dataclasses import dataclass, field

import torch


@dataclass
class PolyakAverage:
    start: int = 0
    t: int = field(default=0, init=False)
    avg: object = field(default=None, init=False)

    def __post_init__(self):
        if self.start < 0:
            raise ValueError("start must be nonnegative")

    def update(self, theta):
        if self.avg is not None and self.avg.shape != theta.shape:
            raise ValueError(f"theta {theta.shape}")
        self.t = self.t + 1
        n = max(self.t - self.start, 0)
        if n == 0:
            return
        prev = 0.0 if n == 1 else self.avg
        self.avg = prev * ((n - 1) / n) + theta / n

    @property
    def value(self):
        return self.avg
