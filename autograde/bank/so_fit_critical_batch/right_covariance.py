import torch


def fit_critical_batch(batches, steps):
    if len(batches) != len(steps):
        raise ValueError("batches and steps differ in length")
    b = torch.as_tensor(batches, dtype=torch.float64)
    s = torch.as_tensor(steps, dtype=torch.float64)
    if torch.any(b <= 0):
        raise ValueError("batches must be > 0")
    if len(torch.unique(b)) == 1:
        raise ValueError("batches are all the same")
    c = torch.cov(torch.stack([b.reciprocal(), s]))
    slope = c[0, 1] / c[0, 0]
    return (s - slope / b).mean(), slope
