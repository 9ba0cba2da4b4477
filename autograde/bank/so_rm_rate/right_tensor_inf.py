import torch


def rm_asymptotic_variance(c, lam, noise_var):
    if c <= 0:
        raise ValueError("c")
    if lam <= 0:
        raise ValueError("lam")
    if noise_var < 0:
        raise ValueError("noise_var")
    if 2 * c * lam <= 1:
        return torch.tensor(torch.inf)
    return torch.tensor(c) ** 2 * noise_var / (2 * c * lam - 1)
