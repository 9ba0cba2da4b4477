# names: accepted an X without rows | an X with one dimension
import torch
import torch.nn.functional as F


def empirical_risk(theta, X, y, l2=0.0):
    return (F.softplus(-y * (X @ theta)).mean() + l2 / 2 * theta.square().sum()).item()
