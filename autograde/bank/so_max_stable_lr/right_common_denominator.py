import numpy as np


def max_stable_lr(lam, batch_size):
    if not lam > 0:
        raise ValueError("lam")
    if not batch_size >= 1:
        raise ValueError("batch_size")
    return np.float64(2 * batch_size) / (lam * (batch_size + 2))
