# names: spread is taken about the truth
def bias_z(estimates, truth):
    if estimates.ndim != 2 or len(estimates) < 2:
        raise ValueError("estimates must be a matrix of two or more rows")
    if truth.shape != (estimates.shape[1],):
        raise ValueError("truth must have shape (d,)")
    n = len(estimates)
    errors = estimates - truth
    spread = (errors.square().sum(dim=0) / (n - 1)).sqrt()
    return errors.mean(dim=0) / (spread / n**0.5)
