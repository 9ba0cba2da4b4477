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
        if self.mean is None:
            self.mean = theta.clone()
        else:
            self.mean = self.mean + (theta - self.mean) / n

    @property
    def value(self):
        return self.mean
