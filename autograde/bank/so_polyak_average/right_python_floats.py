import torch


class PolyakAverage:
    def __init__(self, start=0):
        if start < 0:
            raise ValueError("start")
        self.start, self.seen, self.sums, self.shape, self.dtype = start, 0, None, None, None

    def update(self, theta):
        if self.shape not in (None, tuple(theta.shape)):
            raise ValueError("theta does not have the shape it had before")
        self.shape, self.dtype = tuple(theta.shape), theta.dtype
        self.seen += 1
        if self.seen > self.start:
            entries = theta.flatten().tolist()
            self.sums = [a + b for a, b in zip(self.sums, entries)] if self.sums else entries

    @property
    def value(self):
        if self.sums is None:
            return None
        n = self.seen - self.start
        return torch.tensor([entry / n for entry in self.sums], dtype=self.dtype).reshape(self.shape)
