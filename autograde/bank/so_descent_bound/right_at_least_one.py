def descent_bound(f, grad_sq, lr, L, cov_trace, batch_size):
    if batch_size < 1:
        raise ValueError("batch_size must be positive")
    if lr < 0:
        raise ValueError("lr must not be negative")
    if cov_trace < 0:
        raise ValueError("cov_trace must not be negative")
    return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)
