import torch


def top_eigenvalue(hvp, dim, iters, generator):
    """Signs as start, float32 vectors, a list of entries for the sums."""
    if not dim >= 1:
        raise ValueError(f"dim = {dim}")
    if not iters >= 1:
        raise ValueError(f"iters = {iters}")
    v = torch.randn(dim, generator=generator)
    products = 0
    while products < iters:
        w = hvp(v.double())
        products += 1
        size = sum(x * x for x in w.tolist()) ** 0.5
        if size == 0.0:
            return 0.0
        v = (w / size).float()
    w = hvp(v.double()).tolist()
    v = v.tolist()
    return sum(x * y for x, y in zip(v, w)) / sum(x * x for x in v)
