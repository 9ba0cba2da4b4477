def strongly_convex_bound(d0_sq, lr, mu, noise_trace, batch_size, steps):
    if batch_size < 1:
        raise ValueError("batch_size must be positive")
    if mu <= 0:
        raise ValueError("mu must be positive")
    if steps < 0 or lr < 0 or d0_sq < 0 or noise_trace < 0:
        raise ValueError("steps, lr, d0_sq and noise_trace must not be negative")
    return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)
