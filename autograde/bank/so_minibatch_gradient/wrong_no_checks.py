# names: accepted an empty idx | for an empty idx
import torch


def minibatch_gradient(theta, X, y, idx):
    x, labels = X[idx], y[idx]
    return -(x * (labels * torch.sigmoid(-labels * (x @ theta)))[:, None]).mean(0)
