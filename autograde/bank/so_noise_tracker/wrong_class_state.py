# names: Two trackers share | knows nothing yet
class NoiseScaleTracker:
    averages = {"s": 0.0, "g2": 0.0, "t": 0}

    def __init__(self, decay):
        if not 0 <= decay < 1:
            raise ValueError("decay must lie in [0, 1)")
        self.decay = decay

    def update(self, n_small, n_big, b_small, b_big):
        if not 0 < b_small < b_big:
            raise ValueError("need 0 < b_small < b_big")
        g2 = (b_big * n_big - b_small * n_small) / (b_big - b_small)
        s = (n_small - n_big) / (1 / b_small - 1 / b_big)
        for key, value in (("s", s), ("g2", g2)):
            self.averages[key] = self.decay * self.averages[key] + (1 - self.decay) * float(value)
        self.averages["t"] += 1

    @property
    def b_simple(self):
        if self.averages["t"] == 0:
            return float("nan")
        return self.averages["s"] / self.averages["g2"]
