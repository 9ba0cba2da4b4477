import torch


def fedavg_fixed_point(hessians, optima, weights, lr, local_steps):
    if not len(hessians) == len(optima) == len(weights) > 0:
        raise ValueError("hessians, optima and weights must be equally many")
    if any(tuple(A.shape) != (len(optima[0]), len(optima[0])) for A in hessians):
        raise ValueError("hessians must be square and fit the optima")
    if any(len(o) != len(optima[0]) for o in optima):
        raise ValueError("optima must have one length")
    if local_steps < 1:
        raise ValueError("local_steps must be at least 1")
    if lr < 0:
        raise ValueError("lr must not be negative")
    d = len(optima[0])
    eye = torch.eye(d, dtype=optima[0].dtype)
    w = torch.as_tensor(weights, dtype=eye.dtype)
    w = w / w.sum()
    left, right = torch.zeros(d, d, dtype=eye.dtype), torch.zeros(d, dtype=eye.dtype)
    for A, o, p in zip(hessians, optima, w):
        pull = eye - torch.linalg.matrix_power(eye - lr * A, local_steps)
        left += p * pull
        right += p * (pull @ o)
    return torch.linalg.solve(left, right)
