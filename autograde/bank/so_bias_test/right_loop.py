import statistics

import torch


def bias_z(estimates, truth):
    if estimates.ndim != 2:
        raise ValueError("estimates is no matrix")
    n, d = estimates.shape
    if n < 2:
        raise ValueError("estimates: one draw has no spread")
    if tuple(truth.shape) != (d,):
        raise ValueError("truth has the wrong shape")
    z = torch.zeros(d, dtype=estimates.dtype)
    for j in range(d):
        column = estimates[:, j].tolist()
        z[j] = (statistics.mean(column) - truth[j].item()) / (statistics.stdev(column) / n**0.5)
    return z
