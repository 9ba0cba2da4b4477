# names: second moment is not centred
import torch


def gradient_variance(per_sample, batch_size, replacement=True):
    if per_sample.ndim != 2 or len(per_sample) == 0:
        raise ValueError("per_sample must be a matrix with at least one row")
    if batch_size <= 0:
        raise ValueError("batch_size must be positive")
    n = len(per_sample)
    moment = per_sample.square().sum(dim=1).mean() / batch_size
    return float(moment if replacement else moment * (n - batch_size) / (n - 1))
