import torch


def bias_z(estimates, truth):
    if estimates.ndim != 2 or estimates.shape[0] < 2:
        raise ValueError("estimates must hold two or more draws of a vector")
    if truth.shape != estimates[0].shape:
        raise ValueError("truth must be a vector of the same length")
    n = estimates.shape[0]
    variance, mean = torch.var_mean(estimates, dim=0, correction=1)
    return torch.stack([(m - t) * (n / v) ** 0.5 for m, t, v in zip(mean, truth, variance)])
