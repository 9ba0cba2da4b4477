import torch


def expected_square_norm(mean_grad, cov_trace, batch_size):
    """Mean square times d; a 0-dimensional float32 tensor."""
    if batch_size < 1:
        raise ValueError("batch_size")
    if cov_trace < 0:
        raise ValueError("cov_trace")
    g = mean_grad.to(torch.float32)
    return g.pow(2).mean() * g.numel() + torch.tensor(cov_trace / batch_size)
