# names: always evaluated at theta0
import torch


def sgd(grad, theta0, lr, steps):
    if steps < 0:
        raise ValueError("steps must not be negative")
    theta = theta0
    rows = [theta]
    for t in range(steps):
        theta = theta - lr(t) * grad(theta0, t)
        rows.append(theta)
    return torch.stack(rows)
