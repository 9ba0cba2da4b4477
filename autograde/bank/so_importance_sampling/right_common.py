def importance_gradient(per_sample, p, idx):
    if per_sample.ndim != 2:
        raise ValueError("per_sample must be a matrix")
    n = len(per_sample)
    if p.shape != (n,):
        raise ValueError("p must have one entry for each row")
    if len(idx) == 0:
        raise ValueError("idx is empty")
    if abs(p.sum().item() - 1) > 1e-3:
        raise ValueError("p must sum to one")
    if (p[idx] <= 0).any():
        raise ValueError("p must be positive for the drawn rows")
    return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)
