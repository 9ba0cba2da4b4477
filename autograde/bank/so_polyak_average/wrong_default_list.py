# names: share their state

import torch


class PolyakAverage:
    def __init__(self, start=0, h=[]):
        if start < 0:
            raise ValueError("start")
        self.start = start
        self.t = 0
        self.n = 0
        self.avg = None
        self.h = h

    def update(self, theta):
        if self.avg is not None and self.avg.shape != theta.shape:
            raise ValueError("theta")
        self.t += 1
        if self.t <= self.start:
            return
        self.h.append(theta.clone())
        self.avg = sum(self.h) / len(self.h)

    @property
    def value(self):
        return self.avg
