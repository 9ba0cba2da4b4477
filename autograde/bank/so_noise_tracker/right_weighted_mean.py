class NoiseScaleTracker:
    def __init__(self, decay):
        if not (0.0 <= decay < 1.0):
            raise ValueError("decay")
        self.decay, self.weight, self.mean = decay, 0.0, (0.0, 0.0)

    def update(self, n_small, n_big, b_small, b_big):
        if not b_small > 0 or not b_big > b_small:
            raise ValueError("b_big, b_small")
        new = (
            (n_small - n_big) * b_small * b_big / (b_big - b_small),
            n_big - (n_small - n_big) * b_small / (b_big - b_small),
        )
        self.weight = self.decay * self.weight + 1
        self.mean = tuple(m + (float(x) - m) / self.weight for m, x in zip(self.mean, new))

    @property
    def b_simple(self):
        return self.mean[0] / self.mean[1] if self.weight else float("nan")
