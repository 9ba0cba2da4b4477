class NoiseScaleTracker:
    def __init__(self, decay):
        if not 0 <= decay < 1:
            raise ValueError("decay")
        self.d = decay
        self.s = 0.0
        self.g = 0.0
        self.n = 0

    def update(self, n_small, n_big, b_small, b_big):
        if not 0 < b_small < b_big:
            raise ValueError("b_small b_big")
        n_small = float(n_small)
        n_big = float(n_big)
        g = (b_big * n_big - b_small * n_small) / (b_big - b_small)
        s = (n_small - n_big) / (1 / b_small - 1 / b_big)
        self.old = self.s / self.g if self.n else float("nan")
        self.g = self.d * self.g + (1 - self.d) * g
        self.s = self.d * self.s + (1 - self.d) * s
        self.n += 1

    @property
    def b_simple(self):
        if self.n == 0:
            return float("nan")
        return self.s / self.g
