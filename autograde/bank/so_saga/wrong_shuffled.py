# names: Every sample comes once
import torch


def saga(grad_i, n, theta0, lr, steps, generator):
    if n < 1:
        raise ValueError("n")
    if steps < 0:
        raise ValueError("steps")
    T = torch.stack([grad_i(theta0, i) for i in range(n)])
    x = theta0.clone()
    order = []
    for t in range(steps):
        if not order:
            order = torch.randperm(n, generator=generator).tolist()
        i = order.pop()
        g = grad_i(x, i)
        x = x - lr * (g - T[i] + T.mean(0))
        T[i] = g
    return x, T
