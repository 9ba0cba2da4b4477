import torch


def gradient_variance(per_sample, batch_size, replacement=True):
    """All pairs of rows: tr Cov = sum of squared distances / (2 N^2)."""
    if per_sample.ndim != 2 or len(per_sample) == 0:
        raise ValueError("per_sample must be a matrix with at least one row")
    if batch_size <= 0:
        raise ValueError("batch_size must be positive")
    n = len(per_sample)
    g = per_sample.float()
    distances = (g[:, None, :] - g[None, :, :]).square().sum()
    trace = distances / (2 * n * n)
    factor = torch.tensor(1.0 if replacement else (n - batch_size) / (n - 1))
    return trace * factor / batch_size
