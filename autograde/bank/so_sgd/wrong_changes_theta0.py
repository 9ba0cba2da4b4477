# names: changed its input `theta0` in place
import torch


def sgd(grad, theta0, lr, steps):
    if steps < 0:
        raise ValueError("steps must not be negative")
    rows = [theta0.clone()]
    for t in range(steps):
        theta0 -= lr(t) * grad(theta0, t)
        rows.append(theta0.clone())
    return torch.stack(rows)
