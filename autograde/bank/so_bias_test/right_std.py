import torch


def bias_z(estimates, truth):
    if estimates.dim() != 2 or estimates.size(0) < 2:
        raise ValueError("estimates must be (n, d), n at least 2")
    if truth.shape != estimates.shape[1:]:
        raise ValueError("truth must be (d,)")
    errors = estimates - truth
    return errors.mean(0) / errors.std(0) * estimates.size(0) ** 0.5
