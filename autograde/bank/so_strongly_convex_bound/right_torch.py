import torch


def strongly_convex_bound(d0_sq, lr, mu, noise_trace, batch_size, steps):
    if batch_size < 1:
        raise ValueError("batch_size must be positive")
    if mu <= 0:
        raise ValueError("mu must be positive")
    if steps < 0 or lr < 0 or d0_sq < 0 or noise_trace < 0:
        raise ValueError("steps, lr, d0_sq and noise_trace must not be negative")
    contraction = torch.full((steps,), 1.0 - lr * mu, dtype=torch.float64)
    floor = torch.tensor(lr * (noise_trace / batch_size) / mu, dtype=torch.float64)
    return contraction.prod() * d0_sq + floor
