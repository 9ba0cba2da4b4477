# names: theta0 is missing
import torch


def sgd(grad, theta0, lr, steps):
    if steps < 0:
        raise ValueError("steps must not be negative")
    theta = theta0
    rows = []
    for t in range(steps):
        theta = theta - lr(t) * grad(theta, t)
        rows.append(theta)
    return torch.stack(rows) if rows else torch.empty(0, len(theta0), dtype=theta0.dtype)
