# names: return float('inf')
import torch


def simple_critical_batch(per_sample):
    if per_sample.ndim != 2 or len(per_sample) == 0:
        raise ValueError("per_sample must be a matrix with at least one row")
    mean = per_sample.mean(dim=0)
    noise = (per_sample - mean).square().sum(dim=1).mean().item()
    return noise / mean.square().sum().item()
