import torch


def sgd(grad, theta0, lr, steps):
    """A parameter under no_grad, as in a hand-written training loop; float32 storage."""
    if not steps >= 0:
        raise ValueError("steps: must be >= 0")
    theta = torch.nn.Parameter(theta0.detach().clone())
    trajectory = torch.empty(len(theta0), steps + 1).T
    trajectory[0] = theta0
    for t in range(steps):
        g = grad(theta.detach().clone(), t)
        with torch.no_grad():
            theta -= lr(t) * g
        trajectory[t + 1] = theta.detach()
    return trajectory
