def descent_bound(f, grad_sq, lr, L, cov_trace, batch_size):
    """The lemma is an equality for f = L/2 x^2: the expected value after the step, written out there."""
    if batch_size < 1:
        raise ValueError("batch_size")
    if lr < 0:
        raise ValueError("learning rate below zero")
    if cov_trace < 0:
        raise ValueError("cov_trace below zero")
    x_sq = grad_sq / L**2
    offset = f - 0.5 * L * x_sq
    after = (1 - lr * L) ** 2 * x_sq + lr**2 * cov_trace / batch_size
    return offset + 0.5 * L * after
