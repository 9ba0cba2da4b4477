import torch


def minibatch_gradient(theta, X, y, idx):
    """Full data with weights: how often each row was drawn. {0, 1} labels. float32 inside would do as well."""
    if X.ndim != 2:
        raise ValueError("X must be a matrix")
    if theta.shape != (X.shape[1],):
        raise ValueError("theta must have one entry for each column of X")
    if y.shape != (X.shape[0],):
        raise ValueError("y must have one label for each row of X")
    if len(idx) == 0:
        raise ValueError("idx must not be empty")
    counts = torch.bincount(idx, minlength=X.shape[0]).to(X.dtype)
    zero_one = (y + 1) / 2
    residual = torch.special.expit(X @ theta) - zero_one
    return torch.einsum("n,n,nd->d", counts, residual, X) / counts.sum()
