import numpy as np
import torch


def minibatch_gradient(theta, X, y, idx):
    A, t, labels, rows = X.numpy(), theta.numpy(), y.numpy(), idx.numpy()
    if A.ndim != 2:
        raise ValueError("X is not a matrix")
    if t.shape != A.shape[1:]:
        raise ValueError("theta does not fit X")
    if labels.shape != A.shape[:1]:
        raise ValueError("y does not fit X")
    if rows.size == 0:
        raise ValueError("empty idx")
    A, labels = A[rows], labels[rows]
    weights = np.exp(-np.logaddexp(0, labels * (A @ t)))
    return torch.from_numpy(-(A.T @ (weights * labels)) / rows.size)
