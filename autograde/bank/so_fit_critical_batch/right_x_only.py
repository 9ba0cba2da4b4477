import torch


def fit_critical_batch(batches, steps):
    b = torch.as_tensor(batches, dtype=torch.float64)
    s = torch.as_tensor(steps, dtype=torch.float64)
    if len(b) != len(s):
        raise ValueError("batches and steps must have one length")
    if (b <= 0).any() or len(b.unique()) < 2:
        raise ValueError("batches must be positive and not all equal")
    x = 1 / b
    slope = (x - x.mean()) @ (s - s.mean()) / (x - x.mean()).square().sum()
    return (s.mean() - slope * x.mean()).item(), slope.item()
