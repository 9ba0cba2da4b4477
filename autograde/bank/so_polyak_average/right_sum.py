import torch


class PolyakAverage:
    """A sum in a buffer of its own and a count; the division happens when somebody looks."""

    def __init__(self, start=0):
        if start < 0:
            raise ValueError(f"start={start} is negative")
        self.skip = start
        self.count = 0
        self.total = None

    def update(self, theta):
        if self.total is None:
            self.total = torch.zeros_like(theta)
        elif self.total.shape != theta.shape:
            raise ValueError(f"theta of shape {tuple(theta.shape)}")
        if self.skip > 0:
            self.skip -= 1
            return self
        self.total += theta
        self.count += 1
        return self

    @property
    def value(self):
        if not self.count:
            return None
        return self.total / self.count
