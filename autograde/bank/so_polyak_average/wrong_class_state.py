# names: share their state
class PolyakAverage:
    points = []
    seen = 0

    def __init__(self, start=0):
        if start < 0:
            raise ValueError("start must not be negative")
        self.start = start

    def update(self, theta):
        if self.points and theta.shape != self.points[0].shape:
            raise ValueError("theta must keep its shape")
        self.seen += 1
        if self.seen > self.start:
            self.points.append(theta.clone())

    @property
    def value(self):
        return sum(self.points) / len(self.points) if self.points else None
