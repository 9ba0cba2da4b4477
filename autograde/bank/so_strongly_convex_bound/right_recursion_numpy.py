import numpy as np


def strongly_convex_bound(d0_sq, lr, mu, noise_trace, batch_size, steps):
    """The recursion of the proof, d <- (1 - lr mu) d + lr^2 sigma^2 / B, started at its fixed point plus d0_sq."""
    if batch_size < 1:
        raise ValueError("batch_size must be positive")
    if mu <= 0:
        raise ValueError("mu must be positive")
    if steps < 0 or lr < 0 or d0_sq < 0 or noise_trace < 0:
        raise ValueError("steps, lr, d0_sq and noise_trace must not be negative")
    floor = np.divide(lr * noise_trace, mu * batch_size)
    d = d0_sq + floor
    for _ in range(steps):
        d = (1 - lr * mu) * d + lr**2 * noise_trace / batch_size
    return d
