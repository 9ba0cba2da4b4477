import numpy as np
import torch


class PolyakAverage:
    def __init__(self, start=0):
        if start < 0:
            raise ValueError("start: zero or more")
        self.start = start
        self.points = []
        self.calls = 0

    def update(self, theta):
        point = np.array(theta.detach().numpy(), dtype=np.float64)
        if self.points and self.points[0].shape != point.shape:
            raise ValueError("theta: shape changed")
        self.calls += 1
        if self.calls > self.start:
            self.points.append(point)

    value = property(lambda self: torch.from_numpy(np.mean(self.points, axis=0)) if self.points else None)
