import torch


class PolyakAverage:
    """In place on one float32 buffer, of which copies are handed out."""

    def __init__(self, start=0):
        if start < 0:
            raise ValueError("start must be >= 0")
        self.remaining = start
        self.n = 0
        self.buffer = None

    def update(self, theta):
        if self.buffer is None:
            self.buffer = torch.zeros(theta.shape, dtype=torch.float32)
        if theta.shape != self.buffer.shape:
            raise ValueError("all theta must have the same shape")
        if self.remaining:
            self.remaining -= 1
        else:
            self.n += 1
            self.buffer.mul_((self.n - 1) / self.n).add_(theta.float(), alpha=1 / self.n)

    @property
    def value(self):
        return self.buffer.clone() if self.n else None
