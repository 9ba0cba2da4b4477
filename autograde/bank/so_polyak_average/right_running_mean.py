class PolyakAverage:
    def __init__(self, start=0):
        if start < 0:
            raise ValueError("start must not be negative")
        self.start, self.t, self.n, self._mean = start, 0, 0, None

    def update(self, theta):
        if self._mean is not None and theta.shape != self._mean.shape:
            raise ValueError("theta has another shape than before")
        self.t += 1
        if self.t <= self.start:
            return
        self.n += 1
        if self._mean is None:
            self._mean = theta.clone()
        else:
            self._mean = self._mean.lerp(theta, 1 / self.n)

    @property
    def value(self):
        return self._mean
