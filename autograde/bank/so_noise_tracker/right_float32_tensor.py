import torch


class NoiseScaleTracker:
    def __init__(self, decay):
        if decay < 0.0 or decay >= 1.0:
            raise ValueError("decay")
        self.decay = decay
        self.averages = torch.full((2,), float("nan"))

    def update(self, n_small, n_big, b_small, b_big):
        if b_small <= 0:
            raise ValueError("b_small is not positive")
        if b_big <= b_small:
            raise ValueError("b_big is not larger than b_small")
        n_small = torch.as_tensor(n_small, dtype=torch.float32)
        n_big = torch.as_tensor(n_big, dtype=torch.float32)
        new = torch.stack(
            [(n_small - n_big) / (1 / b_small - 1 / b_big), (b_big * n_big - b_small * n_small) / (b_big - b_small)]
        )
        self.averages = torch.lerp(new, torch.nan_to_num(self.averages), self.decay)

    @property
    def b_simple(self):
        return self.averages[0] / self.averages[1]
