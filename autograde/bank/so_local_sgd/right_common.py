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
    server = theta0
    rows = [server]
    for _ in range(rounds):
        models = []
        for grad in grads:
            theta = server
            for _ in range(local_steps):
                theta = theta - lr * grad(theta)
            models.append(theta)
        server = torch.stack(models).mean(dim=0)
        rows.append(server)
    return torch.stack(rows)
