import torch


def top_eigenvalue(hvp, dim, iters, generator):
    if dim < 1:
        raise ValueError("dim < 1")
    if iters < 1:
        raise ValueError("iters < 1")
    v = torch.empty(dim, dtype=torch.float64).normal_(generator=generator)
    v.div_(v.norm())
    for _ in range(iters):
        v.copy_(hvp(v))
        n = v.norm().item()
        if n == 0:
            return 0
        v.mul_(1 / n)
    return torch.inner(v, hvp(v)).item()
