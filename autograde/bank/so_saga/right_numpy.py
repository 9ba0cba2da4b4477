import numpy as np
import torch


def saga(grad_i, n, theta0, lr, steps, generator):
    if min(n, steps + 1) < 1:
        raise ValueError(f"n = {n} or steps = {steps} is too small")

    def g(theta, i):
        return np.array(grad_i(torch.from_numpy(theta), i))

    theta = theta0.numpy().copy()
    table = np.array([g(theta, i) for i in range(n)])
    t = 0
    while t < steps:
        i = min(int(torch.rand(1, generator=generator).item() * n), n - 1)
        new = g(theta, i)
        theta = theta - lr * (new + (table.sum(axis=0) / n - table[i]))
        table[i] = new
        t += 1
    return theta, table
