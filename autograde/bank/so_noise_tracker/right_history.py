class NoiseScaleTracker:
    def __init__(self, decay):
        if not (decay >= 0 and decay < 1):
            raise ValueError("decay outside [0, 1)")
        self.decay = decay
        self.history = []

    def update(self, n_small, n_big, b_small, b_big):
        """All measurements are kept; the weights are applied when somebody asks."""
        if b_big <= b_small or b_small < 1:
            raise ValueError("b_big must be larger than b_small, b_small positive")
        self.history.append((float(n_small), float(n_big), b_small, b_big))
        return self

    @property
    def b_simple(self):
        if not self.history:
            return float("nan")
        top = bottom = 0.0
        weight = 1.0
        for small, big, b, B in reversed(self.history):
            top += weight * (small - big) / (1 / b - 1 / B)
            bottom += weight * (B * big - b * small) / (B - b)
            weight *= self.decay
        return top / bottom
