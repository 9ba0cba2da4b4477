# names: counted from 1
import torch


def sgd(grad, theta0, lr, steps):
    if steps < 0:
        raise ValueError("steps must not be negative")
    theta = theta0
    rows = [theta]
    for t in range(1, steps + 1):
        theta = theta - lr(t) * grad(theta, t)
        rows.append(theta)
    return torch.stack(rows)
