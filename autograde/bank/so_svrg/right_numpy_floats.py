import numpy as np
import torch


def svrg(grad_i, n, theta0, lr, epochs, inner, generator):
    """NumPy arrays, indices from uniform numbers in [0, 1)."""
    if n <= 0:
        raise ValueError("n: no samples")
    if inner <= 0:
        raise ValueError("inner: no steps")
    if epochs < 0:
        raise ValueError("epochs: negative")

    def gradient(theta, i):
        return grad_i(torch.from_numpy(theta), i).numpy()

    snapshot = theta0.numpy().copy()
    rows = [snapshot]
    while len(rows) <= epochs:
        mu = sum(gradient(snapshot, i) for i in range(n)) / n
        theta = snapshot.copy()
        for _ in range(inner):
            i = int(torch.rand((), generator=generator, dtype=torch.float64) * n)
            theta = theta - lr * (gradient(theta, i) - gradient(snapshot, i) + mu)
        snapshot = theta
        rows.append(snapshot)
    return np.stack(rows)
