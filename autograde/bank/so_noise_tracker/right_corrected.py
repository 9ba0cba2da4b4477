import math


class NoiseScaleTracker:
    """Both averages corrected for starting at zero, as in Adam."""

    def __init__(self, decay):
        if decay < 0 or decay >= 1:
            raise ValueError("decay must be in [0, 1)")
        self.decay = decay
        self.t = 0
        self.s = 0.0
        self.g2 = 0.0

    def update(self, n_small, n_big, b_small, b_big):
        if b_small <= 0 or b_small >= b_big:
            raise ValueError("b_small must be positive and smaller than b_big")
        self.t += 1
        g2 = (b_big * n_big - b_small * n_small) / (b_big - b_small)
        s = (n_small - n_big) / (1 / b_small - 1 / b_big)
        self.g2 += (1 - self.decay) * (g2 - self.g2)
        self.s += (1 - self.decay) * (s - self.s)

    @property
    def b_simple(self):
        if self.t == 0:
            return math.nan
        correction = 1 - self.decay**self.t
        return (self.s / correction) / (self.g2 / correction)
