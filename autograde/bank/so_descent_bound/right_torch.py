import torch


def descent_bound(f, grad_sq, lr, L, cov_trace, batch_size):
    if batch_size < 1:
        raise ValueError(f"batch size {batch_size}")
    if lr < 0 or cov_trace < 0:
        raise ValueError("lr and cov_trace must not be negative")
    f, grad_sq, lr, L, cov_trace = (torch.tensor(float(x), dtype=torch.float64) for x in (f, grad_sq, lr, L, cov_trace))
    noise = cov_trace / batch_size
    return f + (lr**2 * L / 2 - lr) * grad_sq + 0.5 * L * lr.square() * noise
