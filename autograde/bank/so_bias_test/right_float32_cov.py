import torch


def bias_z(estimates, truth):
    """The diagonal of the covariance of the mean, in single precision."""
    if estimates.ndim != 2 or len(estimates) == 0 or len(estimates) == 1:
        raise ValueError("estimates must have two dimensions and two rows")
    if truth.ndim != 1 or len(truth) != estimates.shape[1]:
        raise ValueError("truth and estimates do not match")
    centre = estimates - truth
    e = centre.float() / centre.abs().max().float()
    covariance = torch.atleast_2d(torch.cov(e.T)) / len(e)
    return e.mean(dim=0) * covariance.diagonal().rsqrt()
