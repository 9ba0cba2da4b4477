# names: only the last iterate came back
import torch


def sgd(grad, theta0, lr, steps):
    if steps < 0:
        raise ValueError("steps must not be negative")
    theta = theta0
    for t in range(steps):
        theta = theta - lr(t) * grad(theta, t)
    return theta
