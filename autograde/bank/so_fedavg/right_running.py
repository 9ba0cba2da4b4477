import torch


def fedavg_round(server, clients, weights, lr, local_steps):
    if len(clients) == 0 or len(clients) != len(weights):
        raise ValueError("clients, weights")
    if local_steps < 1:
        raise ValueError("local_steps")
    if lr < 0:
        raise ValueError("lr")
    K = len(clients)

    def train(c, lr=lr):
        t = server
        for _ in range(local_steps):
            t = t - lr * c(t)
        return t

    acc, seen = torch.zeros_like(server), 0.0
    for w, c in zip(weights, clients):
        seen = seen + float(w)
        acc = acc + (train(c) - acc) * (float(w) / seen)
    return acc
