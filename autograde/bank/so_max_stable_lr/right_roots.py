import numpy as np


def max_stable_lr(lam, batch_size):
    """The larger root of E(1 - lr h)^2 - 1 = -2 lam lr + (lam^2 + Var h) lr^2."""
    if batch_size < 1:
        raise ValueError("batch_size must be at least 1")
    if lam <= 0.0:
        raise ValueError("lam must be more than 0")
    second_moment = (3 * lam**2 + (batch_size - 1) * lam**2) / batch_size
    return np.roots([second_moment, -2 * lam, 0.0]).max()
