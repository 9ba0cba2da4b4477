import math

import torch


def population_risk(loss_samples, confidence=0.95):
    if loss_samples.ndim != 1 or len(loss_samples) < 2:
        raise ValueError("loss_samples")
    if not 0 < confidence < 1:
        raise ValueError("confidence")
    low, high = 0.0, 40.0
    while high - low > 1e-13:
        middle = (low + high) / 2
        if math.erf(middle / math.sqrt(2)) < confidence:
            low = middle
        else:
            high = middle
    n = len(loss_samples)
    mean = sum(loss_samples.tolist()) / n
    squares = sum((v - mean) ** 2 for v in loss_samples.tolist())
    return torch.tensor([mean, low * math.sqrt(squares / (n - 1) / n)], dtype=torch.float64)
