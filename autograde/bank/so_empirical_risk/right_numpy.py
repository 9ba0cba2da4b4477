import numpy as np


def empirical_risk(theta, X, y, l2=0.0):
    theta, X, y = theta.numpy(), X.numpy(), y.numpy()
    if X.ndim != 2 or X.shape[0] == 0:
        raise ValueError("X must have two dimensions and at least one row")
    if theta.shape != X.shape[1:]:
        raise ValueError("theta: wrong shape")
    if y.shape != X.shape[:1]:
        raise ValueError("y: wrong shape")
    if l2 < 0:
        raise ValueError("l2 must be >= 0")
    return np.logaddexp(0, -y * (X @ theta)).mean() + l2 / 2 * np.sum(theta**2)
