def expected_square_norm(mean_grad, cov_trace, batch_size):
    if batch_size < 1:
        raise ValueError("batch_size must be positive")
    if cov_trace < 0:
        raise ValueError("cov_trace must not be negative")
    return mean_grad.square().sum().item() + cov_trace / batch_size
