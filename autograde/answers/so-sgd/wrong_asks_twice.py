# names: times in 7 steps
import torch


def sgd(grad, theta0, lr, steps):
    if steps < 0:
        raise ValueError("steps must not be negative")
    theta = theta0
    rows = [theta]
    for t in range(steps):
        print("gradient norm", grad(theta, t).norm().item())
        theta = theta - lr(t) * grad(theta, t)
        rows.append(theta)
    return torch.stack(rows)
