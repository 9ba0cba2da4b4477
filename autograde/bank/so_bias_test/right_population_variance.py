def bias_z(estimates, truth):
    """The population variance over n - 1: the same standard error, arranged differently."""
    if estimates.ndim != 2 or estimates.shape[0] < 2:
        raise ValueError("estimates needs n >= 2 rows and two dimensions")
    if truth.shape != (estimates.shape[1],):
        raise ValueError("truth needs d entries")
    n = estimates.shape[0]
    error = (estimates.var(dim=0, unbiased=False) / (n - 1)) ** 0.5
    return -(truth - estimates.sum(dim=0) / n) / error
