import torch


def local_sgd(grads, theta0, lr, rounds, local_steps):
    if len(grads) == 0:
        raise ValueError("grads is empty")
    if rounds < 0 or local_steps < 1:
        raise ValueError(f"rounds = {rounds} and local_steps = {local_steps} must be positive")
    if lr < 0:
        raise ValueError("lr must not be negative")
    out = torch.empty(rounds + 1, *theta0.shape, dtype=theta0.dtype)
    out[0] = theta0
    for r in range(rounds):
        models = out[r].repeat(len(grads), 1)
        for k, grad in enumerate(grads):
            for _ in range(local_steps):
                models[k] -= lr * grad(models[k].clone())
        out[r + 1] = models.mean(0)
    return out
