import numpy as np
import torch


def control_variate(f, h, h_mean):
    if f.ndim != 1 or h.ndim != 1 or len(f) != len(h):
        raise ValueError("f and h: shapes")
    if len(h) < 2 or float(h.max()) == float(h.min()):
        raise ValueError("h constant")
    C = np.cov(f.double().numpy(), h.double().numpy())
    c = C[0, 1] / C[1, 1]
    est = f.mean().item() - c * (h.mean().item() - h_mean)
    r = 1 - C[0, 1] ** 2 / (C[0, 0] * C[1, 1])
    return est, r
