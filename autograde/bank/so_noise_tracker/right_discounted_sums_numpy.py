import numpy as np


class NoiseScaleTracker:
    """Discounted sums without the factor 1 - decay, in one array: 0/0 is nan before the first update."""

    def __init__(self, decay):
        if not 0 <= decay < 1:
            raise ValueError(f"decay {decay}")
        self.decay, self.sums = decay, np.zeros(2)

    def update(self, n_small, n_big, b_small, b_big):
        if not 0 < b_small < b_big:
            raise ValueError(f"b_small {b_small}, b_big {b_big}")
        width = b_big - b_small
        pair = [float(n_small - n_big) * b_small * b_big / width, float(b_big * n_big - b_small * n_small) / width]
        self.sums = self.decay * self.sums + np.array(pair)

    @property
    def b_simple(self):
        with np.errstate(invalid="ignore"):
            return self.sums[0] / self.sums[1]
