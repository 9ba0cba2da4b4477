from functools import reduce

import numpy as np
import torch


def local_sgd(grads, theta0, lr, rounds, local_steps):
    if not len(grads):
        raise ValueError("grads")
    if rounds < 0:
        raise ValueError("rounds")
    if local_steps < 1:
        raise ValueError("local_steps")
    if lr < 0:
        raise ValueError("lr")
    if rounds == 0:
        return theta0[None].clone()
    before = local_sgd(grads, theta0, lr, rounds - 1, local_steps)
    ends = [reduce(lambda theta, _: theta - lr * g(theta), range(local_steps), before[-1]).numpy() for g in grads]
    return torch.cat([before, torch.from_numpy(np.mean(ends, axis=0))[None]])
