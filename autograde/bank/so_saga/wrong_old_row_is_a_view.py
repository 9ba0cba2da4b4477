# names: SAG
import torch


def saga(grad_i, n, theta0, lr, steps, generator):
    if n < 1:
        raise ValueError("n")
    if steps < 0:
        raise ValueError("steps")
    T = torch.stack([grad_i(theta0, i) for i in range(n)])
    x = theta0.clone()
    for t in range(steps):
        i = torch.randint(0, n, (), generator=generator).item()
        old = T[i]
        g = grad_i(x, i)
        T[i] = g
        x = x - lr * (g - old + T.mean(0))
    return x, T
