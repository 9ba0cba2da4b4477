import torch


def max_stable_lr(lam, batch_size):
    """2 E h / E h^2 from the moments of a Gaussian, in single precision."""
    if lam <= 0:
        raise ValueError("lam <= 0")
    if batch_size <= 0:
        raise ValueError("batch_size <= 0")
    second, fourth = torch.tensor(float(lam)), 3 * torch.tensor(float(lam)) ** 2
    variance = (fourth - second**2) / batch_size
    return 2 * second / (second**2 + variance)
