import torch


def fedavg_round(server, clients, weights, lr, local_steps):
    if len(clients) != len(weights) or len(clients) == 0:
        raise ValueError("clients and weights must match")
    if local_steps < 1:
        raise ValueError("local_steps must be positive")
    if lr < 0:
        raise ValueError("lr must not be negative")
    w = torch.as_tensor(weights, dtype=server.dtype)
    w = w / w.sum()
    models = []
    for client in clients:
        theta = server
        for _ in range(local_steps):
            theta = theta - lr * client(theta)
        models.append(theta)
    return w @ torch.stack(models)
