import torch


def fedavg_round(server, clients, weights, lr, local_steps):
    if len(clients) == 0 or len(weights) != len(clients):
        raise ValueError("clients and weights do not match")
    if local_steps < 1:
        raise ValueError("local_steps has to be positive")
    if lr < 0:
        raise ValueError("lr has to be non-negative")

    def descend(theta, client, steps):
        return theta if steps == 0 else descend(theta - lr * client(theta), client, steps - 1)

    shares = [float(w) / float(sum(weights)) for w in weights]
    ends = [share * descend(server.float(), client, local_steps) for client, share in zip(clients, shares)]
    return torch.stack(ends).sum(0)
