import numpy as np
import torch


def fedavg_round(server, clients, weights, lr, local_steps):
    weights = np.array([float(w) for w in weights])
    if len(weights) != len(clients) or len(weights) == 0:
        raise ValueError("weights and clients must match")
    if int(local_steps) < 1:
        raise ValueError("local_steps")
    if lr < 0:
        raise ValueError("lr")

    def train(client):
        theta = server.numpy().copy()
        for _ in range(local_steps):
            theta = theta - lr * client(torch.from_numpy(theta)).numpy()
        return theta

    return torch.from_numpy(np.average([train(client) for client in clients], axis=0, weights=weights))
