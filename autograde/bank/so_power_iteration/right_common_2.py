import torch


def top_eigenvalue(hvp, dim, iters, generator):
    if dim < 1:
        raise ValueError("dim < 1")
    if iters < 1:
        raise ValueError("iters < 1")
    v = torch.randn(dim, generator=generator, dtype=torch.float64)
    v /= v.norm()
    for _ in range(iters):
        w = hvp(v)
        n = w.norm()
        if n == 0:
            return 0.0
        v = w / w.norm()
    return (v @ hvp(v)).item()
