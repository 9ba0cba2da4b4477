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
        self.n += 1
        if self.avg is None:
            self.avg = theta.clone()
        else:
            self.avg = (self.avg * (self.n - 1) + theta) / self.n

    @property
    def value(self):
        return self.avg
