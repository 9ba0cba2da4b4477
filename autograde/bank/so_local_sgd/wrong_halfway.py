# names: half of the way

import torch


def local_sgd(grads, theta0, lr, rounds, local_steps):
    if not grads:
        raise ValueError("grads")
    if rounds < 0:
        raise ValueError("rounds")
    if local_steps < 1:
        raise ValueError("local_steps")
    if lr < 0:
        raise ValueError("lr")
    K = len(grads)
    out = [theta0]
    for r in range(rounds):
        models = []
        for g in grads:
            theta = out[-1]
            for e in range(local_steps):
                theta = theta - lr * g(theta)
            models.append(theta)
        out.append((out[-1] + torch.stack(models).mean(0)) / 2)
    return torch.stack(out)
