# names: never get the average back
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
    models = [theta0.clone() for _ in grads]
    rows = [theta0]
    for _ in range(rounds):
        for k, grad in enumerate(grads):
            for _ in range(local_steps):
                models[k] = models[k] - lr * grad(models[k])
        rows.append(torch.stack(models).mean(dim=0))
    return torch.stack(rows)
