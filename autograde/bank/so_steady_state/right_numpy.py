import numpy as np


def steady_state_variance(eigs, noise_var, lr, batch_size, momentum=0.0):
    lam = np.asarray(eigs, dtype=float)
    s2 = np.asarray(noise_var, dtype=float)
    if batch_size < 1:
        raise ValueError(f"batch_size = {batch_size}")
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum = {momentum}")
    if s2.ndim and s2.shape != lam.shape:
        raise ValueError(f"noise_var has shape {s2.shape}")
    if s2.min() < 0:
        raise ValueError("noise_var is negative")
    x = lr * lam
    if x.min() <= 0 or x.max() >= 2 * (1 + momentum):
        raise ValueError("lr and eigs: no stationary state")
    return lr**2 * s2 / batch_size * (1 + momentum) / (x * (1 - momentum) * (2 + 2 * momentum - x))
