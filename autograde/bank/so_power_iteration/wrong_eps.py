# names: add nothing to the norm of Hv
import torch


def top_eigenvalue(hvp, dim, iters, generator):
    if dim < 1 or iters < 1:
        raise ValueError("dim and iters must be at least 1")
    v = torch.randn(dim, generator=generator, dtype=torch.float64)
    v = v / v.norm()
    for _ in range(iters):
        w = hvp(v)
        v = w / (w.norm() + 1e-6)
    return (v @ hvp(v)).item()
