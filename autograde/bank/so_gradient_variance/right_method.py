import torch


def gradient_variance(per_sample, batch_size, replacement=True):
    if per_sample.ndim != 2 or len(per_sample) == 0:
        raise ValueError("per_sample must be a matrix with at least one row")
    if batch_size <= 0:
        raise ValueError("batch_size must be positive")
    n = len(per_sample)
    variance = per_sample.var(dim=0, correction=0).sum() / batch_size
    if not replacement:
        variance = variance * (n - batch_size) / (n - 1)
    return float(variance)
