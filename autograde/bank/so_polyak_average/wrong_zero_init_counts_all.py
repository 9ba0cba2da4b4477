# names: skipped points are counted

import torch


class PolyakAverage:
    def __init__(self, start=0):
        if start < 0:
            raise ValueError("start")
        self.start = start
        self.t = 0
        self.n = 0
        self.avg = None

    def update(self, theta):
        if self.avg is not None and self.avg.shape != theta.shape:
            raise ValueError("theta")
        self.t += 1
        if self.t <= self.start:
            return
        if self.avg is None:
            self.avg = torch.zeros_like(theta)
        self.avg = self.avg + (theta - self.avg) / self.t

    @property
    def value(self):
        return self.avg
