import torch


def top_eigenvalue(hvp, dim, iters, generator):
    if dim < 1:
        raise ValueError("dim")
    if iters < 1:
        raise ValueError("iters")

    def quotient(v, left):
        w = hvp(v)
        if left == 0 or bool((w == 0).all()):
            return (v @ w / (v @ v)).item()
        return quotient(torch.nn.functional.normalize(w, dim=0, eps=0.0), left - 1)

    return quotient(torch.normal(0.0, 1.0, (dim,), generator=generator, dtype=torch.float64), iters)
