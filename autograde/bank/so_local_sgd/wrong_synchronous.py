# names: gradients are averaged at every step
import torch


def local_sgd(grads, theta0, lr, rounds, local_steps):
    if len(grads) == 0:
        raise ValueError("grads is empty")
    if rounds < 0:
        raise ValueError("rounds must not be negative")
    if local_steps < 1:
        raise ValueError("local_steps must be positive")
    if lr < 0:
        raise ValueError("lr must not be negative")
    theta, rows = theta0, [theta0]
    for _ in range(rounds):
        for _ in range(local_steps):
            theta = theta - lr * torch.stack([grad(theta) for grad in grads]).mean(dim=0)
        rows.append(theta)
    return torch.stack(rows)
