import torch


def fedavg_round(server, clients, weights, lr, local_steps):
    if len(weights) != len(clients) or len(clients) == 0:
        raise ValueError("one entry of weights for each of the clients")
    if local_steps < 1:
        raise ValueError("local_steps must be at least 1")
    if lr < 0:
        raise ValueError("lr is negative")
    models = []
    for client in clients:
        theta = server.clone()
        for _ in range(local_steps):
            theta -= lr * client(theta)
        models.append(theta)
    w = torch.as_tensor(weights, dtype=server.dtype)
    return torch.einsum("k,kd->d", w / w.sum(), torch.stack(models))
