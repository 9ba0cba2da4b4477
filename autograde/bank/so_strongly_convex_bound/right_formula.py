def strongly_convex_bound(d0_sq, lr, mu, noise_trace, batch_size, steps):
    if batch_size <= 0:
        raise ValueError("batch_size must be positive")
    if mu <= 0:
        raise ValueError("mu must be positive")
    if steps < 0:
        raise ValueError("steps must not be negative")
    if lr < 0:
        raise ValueError("lr must not be negative")
    if d0_sq < 0:
        raise ValueError("d0_sq must not be negative")
    if noise_trace < 0:
        raise ValueError("noise_trace must not be negative")
    return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)
