def descent_bound(f, grad_sq, lr, L, cov_trace, batch_size):
    """f plus first order plus L/2 times the expected squared step, with E norm(g_B)^2 from its own function."""

    def squared_gradient():
        return grad_sq + cov_trace / batch_size

    if batch_size <= 0:
        raise ValueError("Batch size must be positive")
    if lr < 0.0:
        raise ValueError("Learning rate must be non-negative")
    if cov_trace < 0.0:
        raise ValueError("cov_trace must be non-negative")
    inner = -lr * grad_sq
    step_sq = lr**2 * squared_gradient()
    return sum((f, inner, L * step_sq / 2))
