# names: batch size 0 | batch size -2 | lr = -0.01
def descent_bound(f, grad_sq, lr, L, cov_trace, batch_size):
    return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)
