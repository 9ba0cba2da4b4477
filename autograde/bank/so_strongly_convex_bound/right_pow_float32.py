import torch


def strongly_convex_bound(d0_sq, lr, mu, noise_trace, batch_size, steps):
    """Single precision; torch.pow takes a negative base to a whole power."""
    if batch_size < 1:
        raise ValueError("batch_size must be positive")
    if mu <= 0:
        raise ValueError("mu must be positive")
    if steps < 0 or lr < 0 or d0_sq < 0 or noise_trace < 0:
        raise ValueError("steps, lr, d0_sq and noise_trace must not be negative")
    rate = torch.tensor(1 - lr * mu, dtype=torch.float64)
    return (torch.pow(rate, steps) * d0_sq + lr * noise_trace / mu / batch_size).float()
