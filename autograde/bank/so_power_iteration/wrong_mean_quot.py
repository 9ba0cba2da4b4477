# names: quotients of all iterations are averaged
import torch


def top_eigenvalue(hvp, dim, iters, generator):
    if dim < 1:
        raise ValueError("dim < 1")
    if iters < 1:
        raise ValueError("iters < 1")
    v = torch.randn(dim, generator=generator, dtype=torch.float64)
    v /= v.norm()

    r = []
    for _ in range(iters):
        w = hvp(v)
        n = w.norm()
        r.append((v @ w).item())
        if n == 0:
            return 0.0
        v = w / n
    return sum(r) / len(r)
