import torch


def top_eigenvalue(hvp, dim, iters, generator):
    if dim <= 0:
        raise ValueError("dim")
    if iters <= 0:
        raise ValueError("iters")
    v = torch.randint(0, 2, (dim,), generator=generator).double() * 2 - 1 + 0.1 * torch.rand(dim, generator=generator)
    for i in range(iters):
        w = hvp(v)
        n = torch.linalg.norm(w)
        v = torch.where(n > 0, w / n, torch.zeros_like(w))
    vv = v.dot(v).item()
    return v.dot(hvp(v)).item() / vv if vv else 0.0
