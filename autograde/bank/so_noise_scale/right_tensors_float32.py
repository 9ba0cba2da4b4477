import torch


def noise_scale(n_small, n_big, b_small, b_big):
    """Estimates of the pairs first, then their means; float32 and 0-dimensional tensors."""
    n_small = torch.as_tensor(n_small).float()
    n_big = torch.as_tensor(n_big).float()
    if n_small.shape != n_big.shape or n_small.numel() < 1:
        raise ValueError("n_small, n_big: shapes")
    if b_small < 1:
        raise ValueError("b_small must be positive")
    if b_big <= b_small:
        raise ValueError("b_big must exceed b_small")
    g2 = ((b_big * n_big - b_small * n_small) / (b_big - b_small)).mean()
    s = ((n_small - n_big) * (b_small * b_big) / (b_big - b_small)).mean()
    return g2, s, s / g2
