import torch
import torch.nn.functional as F


def empirical_risk(theta, X, y, l2=0.0):
    if X.ndim != 2 or X.shape[0] == 0:
        raise ValueError("X must be a matrix with rows")
    if theta.shape != (X.shape[1],):
        raise ValueError("theta does not fit X")
    if y.shape != (X.shape[0],):
        raise ValueError("y does not fit X")
    if l2 < 0:
        raise ValueError("l2 must not be negative")
    return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()
