from itertools import accumulate

import numpy as np
import torch


def sgd(grad, theta0, lr, steps):
    """The rates first, the iterates from accumulate, NumPy storage."""
    if steps < 0:
        raise ValueError("`steps` has to be zero or more")
    rates = [lr(t) for t in range(steps)]
    path = accumulate(range(steps), lambda theta, t: theta - rates[t] * grad(theta, t), initial=theta0)
    return torch.from_numpy(np.stack([theta.numpy() for theta in path]))
