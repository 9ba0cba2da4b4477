import torch


def empirical_risk(theta, X, y, l2=0.0):
    if X.ndim != 2 or not len(X):
        raise ValueError("X")
    if theta.ndim != 1 or len(theta) != X.shape[1]:
        raise ValueError("theta")
    if y.ndim != 1 or len(y) != len(X):
        raise ValueError("y")
    if not l2 >= 0:
        raise ValueError("l2")
    u = -(X * y[:, None]) @ theta
    loss = torch.where(u > 0, u, torch.zeros_like(u)) + torch.log1p(torch.exp(-u.abs()))
    return loss.sum() / loss.numel() + l2 * theta.pow(2).sum() / 2
