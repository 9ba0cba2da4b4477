import numpy as np


def rm_asymptotic_variance(c, lam, noise_var):
    """v (2 c lam - 1) = c^2 noise_var as a linear system of size one."""
    if c <= 0:
        raise ValueError("the constant c has to be positive")
    if lam <= 0:
        raise ValueError("lam (the curvature) has to be positive")
    if noise_var < 0:
        raise ValueError("a noise_var is never negative")
    rate = np.float64(2.0) * c * lam - 1.0
    if rate <= 0:
        return np.inf
    return np.linalg.solve(np.array([[rate]]), np.array([c * c * noise_var]))[0]
