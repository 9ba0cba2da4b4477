class NoiseScaleTracker:
    def __init__(self, decay):
        if not 0 <= decay < 1:
            raise ValueError("decay must lie in [0, 1)")
        self.decay = decay
        self.s = 0.0
        self.g2 = 0.0
        self.t = 0

    def update(self, n_small, n_big, b_small, b_big):
        if not 0 < b_small < b_big:
            raise ValueError("need 0 < b_small < b_big")
        g2 = (b_big * n_big - b_small * n_small) / (b_big - b_small)
        s = (n_small - n_big) / (1 / b_small - 1 / b_big)
        self.s = self.decay * self.s + (1 - self.decay) * float(s)
        self.g2 = self.decay * self.g2 + (1 - self.decay) * float(g2)
        self.t += 1

    @property
    def b_simple(self):
        if self.t == 0:
            return float("nan")
        return self.s / self.g2
