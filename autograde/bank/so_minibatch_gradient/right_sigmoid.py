import torch


def minibatch_gradient(theta, X, y, idx):
    if X.ndim != 2:
        raise ValueError("X must be a matrix")
    if theta.shape != (X.shape[1],):
        raise ValueError("theta must have one entry for each column of X")
    if y.shape != (X.shape[0],):
        raise ValueError("y must have one label for each row of X")
    if len(idx) == 0:
        raise ValueError("idx must not be empty")
    x, labels = X[idx], y[idx]
    weights = -labels * torch.sigmoid(-labels * (x @ theta))
    return (weights[:, None] * x).mean(dim=0)
