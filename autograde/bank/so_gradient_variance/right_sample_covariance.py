import torch


def gradient_variance(per_sample, batch_size, replacement=True):
    """Cochran's form without replacement: sample variance times (1 - B/N)/B. The same number, arranged differently."""
    if per_sample.ndim != 2 or per_sample.numel() == 0:
        raise ValueError("per_sample must be (N, d) with N >= 1")
    if batch_size <= 0:
        raise ValueError("batch_size must be at least 1")
    n = per_sample.shape[0]
    if replacement:
        return (per_sample.square().sum() / n - per_sample.mean(0).square().sum()) / batch_size
    return per_sample.var(dim=0).sum() * (1 / batch_size - 1 / n)
