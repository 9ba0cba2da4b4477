# names: standard deviation divides by n:
import numpy as np
import torch


def bias_z(estimates, truth):
    if estimates.ndim != 2 or len(estimates) < 2:
        raise ValueError("estimates must be a matrix of two or more rows")
    if truth.shape != (estimates.shape[1],):
        raise ValueError("truth must have shape (d,)")
    n = len(estimates)
    e = estimates.numpy()
    return torch.from_numpy((e.mean(0) - truth.numpy()) / (e.std(0) / np.sqrt(n)))
