# names: Only the smallest and the largest batch
import torch


def fit_critical_batch(batches, steps):
    b = torch.as_tensor(batches, dtype=torch.float64)
    s = torch.as_tensor(steps, dtype=torch.float64)
    if len(b) != len(s):
        raise ValueError("batches and steps must have one length")
    if (b <= 0).any() or len(b.unique()) < 2:
        raise ValueError("batches must be positive and not all equal")
    i, j = b.argmin(), b.argmax()
    slope = (s[i] - s[j]) / (1 / b[i] - 1 / b[j])
    return (s[j] - slope / b[j]).item(), slope.item()
