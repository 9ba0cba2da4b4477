import numpy as np


def bias_z(estimates, truth):
    e, t = estimates.numpy(), truth.numpy()
    if e.ndim != 2 or len(e) < 2:
        raise ValueError(f"estimates: {e.shape}")
    if t.shape != (e.shape[1],):
        raise ValueError(f"truth: {t.shape}")
    return (e.mean(axis=0) - t) / np.sqrt(e.var(axis=0, ddof=1) / len(e))
