import math

import torch


def slope(margin):
    """-1 / (1 + e^margin) without overflow."""
    if margin > 0:
        e = math.exp(-margin)
        return -e / (1 + e)
    return -1 / (1 + math.exp(margin))


def minibatch_gradient(theta, X, y, idx):
    if X.dim() != 2:
        raise ValueError(f"X has {X.dim()} dimensions, 2 are needed")
    n, d = X.shape
    if len(theta) != d:
        raise ValueError("length of theta and columns of X differ")
    if len(y) != n:
        raise ValueError("length of y and rows of X differ")
    rows = [int(i) for i in idx]
    if not rows:
        raise ValueError("idx names no row")
    total = [0.0] * d
    for i in rows:
        margin = sum(float(X[i, j]) * float(theta[j]) for j in range(d)) * float(y[i])
        weight = slope(margin) * float(y[i])
        for j in range(d):
            total[j] += weight * float(X[i, j])
    return torch.tensor([value / len(rows) for value in total], dtype=theta.dtype)
