# names: last iterate is missing
import torch


def sgd(grad, theta0, lr, steps):
    if steps < 0:
        raise ValueError("steps must not be negative")
    theta = theta0
    rows = []
    for t in range(steps):
        rows.append(theta)
        theta = theta - lr(t) * grad(theta, t)
    return torch.stack(rows or [theta0])
