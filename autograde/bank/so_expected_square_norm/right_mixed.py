import torch


def expected_square_norm(mean_grad, cov_trace, batch_size):
    if int(batch_size) < 1:
        raise ValueError("The batch size must be a positive integer.")
    if cov_trace < 0.0:
        raise ValueError("The trace `cov_trace` of a covariance cannot be negative.")
    signal = torch.einsum("i,i->", mean_grad, mean_grad)
    noise = torch.as_tensor(cov_trace) / batch_size
    return float(signal + noise)
