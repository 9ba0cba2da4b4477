import torch


class PolyakAverage:
    """Kahan sum in double"""

    def __init__(self, start=0):
        if start < 0:
            raise ValueError("start")
        self.k = -start
        self.s = None
        self.c = None

    def update(self, theta):
        x = theta.detach().to(torch.float64)
        if self.s is not None and x.shape != self.s.shape:
            raise ValueError("theta: bad shape")
        self.k += 1
        if self.k <= 0:
            return
        if self.s is None:
            self.s = torch.zeros_like(x)
            self.c = torch.zeros_like(x)
        y = x - self.c
        t = self.s + y
        self.c = (t - self.s) - y
        self.s = t
        self.dtype = theta.dtype

    @property
    def value(self):
        return None if self.s is None else (self.s / self.k).to(self.dtype)
