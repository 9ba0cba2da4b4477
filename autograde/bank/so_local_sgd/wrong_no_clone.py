# names: Row 0 is not theta0

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
    server = theta0.clone()
    out = [server]
    for r in range(rounds):
        models = []
        for g in grads:
            theta = server
            for _ in range(local_steps):
                theta -= lr * g(theta)
            models.append(theta)
        server = torch.stack(models).mean(0)
        out.append(server)
    return torch.stack(out)
