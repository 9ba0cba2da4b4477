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
        g = grad_i(x, i)
        x = x - lr * (g - T[i] + T.mean(0))
        T[i] = g
    return x, T
