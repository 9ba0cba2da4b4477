import torch
import torch.nn.functional as F


def empirical_risk(theta, X, y, l2=0.0):
    if X.dim() != 2 or X.size(0) == 0:
        raise ValueError("X must be a non-empty matrix")
    if theta.numel() != X.size(1) or theta.dim() != 1:
        raise ValueError("theta does not fit X")
    if y.dim() != 1 or y.size(0) != X.size(0):
        raise ValueError("y does not fit X")
    if l2 < 0:
        raise ValueError("l2 < 0")
    data = F.softplus(-y * torch.mv(X, theta)).mean()
    return float(data + l2 / 2 * theta.dot(theta))
