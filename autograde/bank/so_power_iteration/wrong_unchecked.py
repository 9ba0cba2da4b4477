# names: naming `dim` | naming `iters`
import torch


def top_eigenvalue(hvp, dim, iters, generator):
    v = torch.randn(abs(dim), generator=generator, dtype=torch.float64)
    value = 0.0
    for _ in range(iters):
        w = hvp(v)
        value = (v @ w / (v @ v)).item()
        if not w.any():
            return 0.0
        v = w / w.norm()
    return value
