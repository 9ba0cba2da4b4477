import torch


def top_eigenvalue(hvp, dim, iters, generator):
    """The quotient from the product that the iteration computes anyway: `iters` products."""
    if dim <= 0:
        raise ValueError("dim must be positive")
    if iters <= 0:
        raise ValueError("iters must be positive")
    v = torch.randn(dim, generator=generator, dtype=torch.float64)
    v /= v.norm()
    for _ in range(iters):
        hv = hvp(v)
        value = torch.dot(v, hv)
        if not hv.any():
            return 0.0
        v = hv / torch.linalg.vector_norm(hv)
    return value
