# names: evaluated once
import torch


def sgd(grad, theta0, lr, steps):
    if steps < 0:
        raise ValueError("steps must not be negative")
    eta = lr(0)

    theta = theta0
    rows = [theta]
    for t in range(steps):
        theta = theta - eta * grad(theta, t)
        rows.append(theta)
    return torch.stack(rows)
