# names: same for every generator
import torch


def top_eigenvalue(hvp, dim, iters, generator):
    if dim < 1 or iters < 1:
        raise ValueError("dim and iters must be at least 1")
    v = torch.ones(dim, dtype=torch.float64) / dim**0.5
    for _ in range(iters):
        w = hvp(v)
        if not w.any():
            return 0.0
        v = w / w.norm()
    return (v @ hvp(v)).item()
