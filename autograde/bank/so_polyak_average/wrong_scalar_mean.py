# names: not over the coordinates
import torch


class PolyakAverage:
    def __init__(self, start=0):
        if start < 0:
            raise ValueError("start must not be negative")
        self.start, self.seen, self.points = start, 0, []

    def update(self, theta):
        if self.points and theta.shape != self.points[0].shape:
            raise ValueError("theta must keep its shape")
        self.seen += 1
        if self.seen > self.start:
            self.points.append(theta.clone())

    @property
    def value(self):
        return torch.stack(self.points).mean() if self.points else None
