import torch


def simple_critical_batch(per_sample):
    """E|g|^2 = |E g|^2 + tr Cov, so the ratio is E|g|^2 / |E g|^2 - 1."""
    if per_sample.ndim != 2 or per_sample.shape[0] < 1:
        raise ValueError("per_sample must have shape (N, d)")
    mean = per_sample.mean(0)
    return torch.mean((per_sample**2).sum(1)) / torch.dot(mean, mean) - 1
