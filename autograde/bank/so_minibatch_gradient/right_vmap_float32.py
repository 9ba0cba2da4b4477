import torch
from torch.func import grad, vmap


def loss(theta, x, label):
    return -torch.nn.functional.logsigmoid(label * (x @ theta))


def minibatch_gradient(theta, X, y, idx):
    if X.ndim != 2:
        raise ValueError("X must be a matrix")
    if theta.shape != (X.shape[1],):
        raise ValueError("theta must have one entry for each column of X")
    if y.shape != (X.shape[0],):
        raise ValueError("y must have one label for each row of X")
    if len(idx) == 0:
        raise ValueError("idx must not be empty")
    theta, X, y = theta.float(), X.float(), y.float()
    return vmap(grad(loss), in_dims=(None, 0, 0))(theta, X[idx], y[idx]).mean(dim=0)
