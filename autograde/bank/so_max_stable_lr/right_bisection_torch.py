import torch


def max_stable_lr(lam, batch_size):
    if lam <= 0 or batch_size < 1:
        raise ValueError("lam and batch_size must be positive")
    low, high = torch.tensor(1e-3 / lam, dtype=torch.float64), torch.tensor(2.5 / lam, dtype=torch.float64)
    for _ in range(80):
        middle = (low + high) / 2
        growth = (1 - middle * lam) ** 2 + 2 * (middle * lam) ** 2 / batch_size
        low, high = (middle, high) if growth < 1 else (low, middle)
    return low
