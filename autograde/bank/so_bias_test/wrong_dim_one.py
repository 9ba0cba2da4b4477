# names: mean is taken over the coordinates, dim=1 | shape (7,)
def bias_z(estimates, truth):
    if estimates.ndim != 2 or len(estimates) < 2:
        raise ValueError("estimates must be a matrix of two or more rows")
    if truth.shape != (estimates.shape[1],):
        raise ValueError("truth must have shape (d,)")
    n = len(estimates)
    errors = estimates - truth
    return errors.mean(dim=1) / (errors.std(dim=1) / errors.shape[1] ** 0.5)
