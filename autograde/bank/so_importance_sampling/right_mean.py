import torch


def importance_gradient(per_sample, p, idx):
    if per_sample.ndim != 2:
        raise ValueError("per_sample must be a matrix")
    N, d = per_sample.shape
    if p.shape != (N,):
        raise ValueError("p must have N entries")
    if not torch.isclose(p.sum(), torch.ones((), dtype=p.dtype), atol=1e-3, rtol=0):
        raise ValueError("p must sum to 1")
    if idx.numel() == 0:
        raise ValueError("idx must not be empty")
    if torch.any(p[idx] <= 0):
        raise ValueError("p must be positive for every row of idx")
    return torch.mean(per_sample[idx] / (N * p[idx]).unsqueeze(1), 0)
