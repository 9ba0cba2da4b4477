# names: v is not normalised
import torch


def top_eigenvalue(hvp, dim, iters, generator):
    if dim < 1 or iters < 1:
        raise ValueError("dim and iters must be at least 1")
    v = torch.randn(dim, generator=generator, dtype=torch.float64)
    v = v / v.norm()
    for _ in range(iters):
        v = hvp(v)
    vv = v @ v
    return (v @ hvp(v) / vv).item() if vv != 0 else 0.0
