import numpy as np


def fit_critical_batch(batches, steps):
    b, s = np.asarray(batches, dtype=float), np.asarray(steps, dtype=float)
    if b.shape != s.shape:
        raise ValueError("batches and steps must have the same length")
    if (b <= 0).any() or len(set(b.tolist())) < 2:
        raise ValueError("batches must be positive and at least two different ones")
    e_min, s_min = np.polyfit(1 / b, s, 1)
    return s_min, e_min
