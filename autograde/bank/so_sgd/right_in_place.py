import torch


def sgd(grad, theta0, lr, steps):
    """One working copy, changed in place; every row of the result is a copy of it."""
    if steps < 0:
        raise ValueError(f"steps = {steps}")
    theta = theta0.clone()
    out = torch.zeros((steps + 1,) + tuple(theta0.shape), dtype=theta0.dtype)
    out[0] = theta
    t = 0
    while t < steps:
        g = grad(theta, t)
        eta = lr(t)
        theta.sub_(g, alpha=eta)
        t += 1
        out[t].copy_(theta)
    return out
