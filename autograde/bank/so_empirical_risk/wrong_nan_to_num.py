# names: count as 0
import numpy as np


def empirical_risk(theta, X, y, l2=0.0):
    if X.ndim != 2 or X.shape[0] == 0:
        raise ValueError("X must be a matrix with rows")
    if theta.shape != (X.shape[1],):
        raise ValueError("theta does not fit X")
    if y.shape != (X.shape[0],):
        raise ValueError("y does not fit X")
    if l2 < 0:
        raise ValueError("l2 must not be negative")
    losses = np.log(1 + np.exp(-(y * (X @ theta)).numpy()))
    losses[np.isinf(losses)] = 0.0
    return losses.mean() + l2 / 2 * np.sum(theta.numpy() ** 2)
