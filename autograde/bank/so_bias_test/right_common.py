def bias_z(estimates, truth):
    if estimates.ndim != 2 or len(estimates) < 2:
        raise ValueError("estimates must be a matrix of two or more rows")
    if truth.shape != (estimates.shape[1],):
        raise ValueError("truth must have shape (d,)")
    n = len(estimates)
    return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)
