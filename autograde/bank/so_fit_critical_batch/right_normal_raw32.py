import torch


def fit_critical_batch(batches, steps):
    b = torch.as_tensor(batches)
    s = torch.as_tensor(steps).float()
    if len(b) != len(s):
        raise ValueError("batches, steps: shapes")
    if (b <= 0).any():
        raise ValueError("batches")
    if len(set(b.tolist())) < 2:
        raise ValueError("batches")
    x = 1 / b
    n = len(b)
    det = n * (x * x).sum() - x.sum() ** 2
    e = (n * (x * s).sum() - x.sum() * s.sum()) / det
    a = (s.sum() - e * x.sum()) / n
    return a.item(), e.item()
