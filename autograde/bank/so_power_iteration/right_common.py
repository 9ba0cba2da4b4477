import torch


def top_eigenvalue(hvp, dim, iters, generator):
    if dim < 1 or iters < 1:
        raise ValueError("dim and iters must be at least 1")
    v = torch.randn(dim, generator=generator, dtype=torch.float64)
    v = v / v.norm()
    for _ in range(iters):
        w = hvp(v)
        if not w.any():
            return 0.0
        v = w / w.norm()
    return (v @ hvp(v)).item()
