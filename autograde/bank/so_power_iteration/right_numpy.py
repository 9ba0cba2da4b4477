import numpy as np
import torch


def top_eigenvalue(hvp, dim, iters, generator):
    """NumPy inside, a uniform start, division by the largest entry instead of the norm."""
    if dim < 1 or iters < 1:
        raise ValueError("dim and iters must be at least 1")
    v = 2 * torch.rand(dim, dtype=torch.float64, generator=generator).numpy() - 1
    for _ in range(iters):
        w = hvp(torch.from_numpy(v)).numpy()
        scale = np.abs(w).max()
        if scale == 0:
            return 0.0
        v = w / scale
    return np.dot(v, hvp(torch.from_numpy(v)).numpy()) / np.dot(v, v)
