# names: momentum
import torch


def sgd(grad, theta0, lr, steps):
    if steps < 0:
        raise ValueError("steps must not be negative")
    theta, velocity = theta0, torch.zeros_like(theta0)
    rows = [theta]
    for t in range(steps):
        velocity = 0.9 * velocity + grad(theta, t)
        theta = theta - lr(t) * velocity
        rows.append(theta)
    return torch.stack(rows)
