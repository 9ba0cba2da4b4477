# names: weighted by their batch size
import numpy as np
import torch


def fit_critical_batch(batches, steps):
    b = torch.as_tensor(batches).double()
    s = torch.as_tensor(steps).double()
    if b.shape != s.shape:
        raise ValueError("batches, steps: shapes")
    if (b <= 0).any():
        raise ValueError("batches")
    if b.max() == b.min():
        raise ValueError("batches")

    m, k = np.polyfit(1 / b.numpy(), s.numpy(), 1, w=np.sqrt(b.numpy()))
    return k, m
