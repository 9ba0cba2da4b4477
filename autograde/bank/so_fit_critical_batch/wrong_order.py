# names: wrong order
import numpy as np
import torch


def fit_critical_batch(batches, steps):
    b = torch.as_tensor(batches, dtype=torch.float64)
    s = torch.as_tensor(steps, dtype=torch.float64)
    if len(b) != len(s):
        raise ValueError("batches and steps must have one length")
    if (b <= 0).any() or len(b.unique()) < 2:
        raise ValueError("batches must be positive and not all equal")
    slope, intercept = np.polyfit(1 / b.numpy(), s.numpy(), 1)
    return slope, intercept
