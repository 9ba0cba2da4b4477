import numpy as np


def importance_gradient(per_sample, p, idx):
    g, p, idx = per_sample.numpy().astype(np.float32), p.numpy().astype(np.float32), idx.numpy()
    if g.ndim != 2:
        raise ValueError(f"per_sample {g.shape}")
    if p.shape != g.shape[:1]:
        raise ValueError(f"p {p.shape}")
    if idx.size == 0:
        raise ValueError("idx")
    if abs(p.sum() - 1) > 1e-3 or (p[idx] <= 0).any():
        raise ValueError("p is no distribution that idx can come from")
    return np.einsum("bd,b->d", g[idx], 1 / p[idx]) / (len(idx) * len(g))
