# names: bias-corrected exponential average (decay 0.99)
class PolyakAverage:
    def __init__(self, start=0):
        if start < 0:
            raise ValueError("start must not be negative")
        self.start, self.seen, self.mean = start, 0, None

    def update(self, theta):
        if self.mean is not None and theta.shape != self.mean.shape:
            raise ValueError("theta must keep its shape")
        self.seen += 1
        n = self.seen - self.start
        if n < 1:
            return
        self.ema = 0.99 * (0 if n == 1 else self.ema) + 0.01 * theta
        self.mean = self.ema / (1 - 0.99**n)

    @property
    def value(self):
        return self.mean
