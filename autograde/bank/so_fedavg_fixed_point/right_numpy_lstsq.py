import numpy as np
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
    M, b = np.zeros((d, d)), np.zeros(d)
    for A, o, w in zip(hessians, optima, weights):
        G = np.eye(d) - np.linalg.matrix_power(np.eye(d) - lr * A.numpy(), local_steps)
        M = M + float(w) * G
        b = b + float(w) * G.dot(o.numpy())
    return torch.from_numpy(np.linalg.lstsq(M, b, rcond=None)[0])
