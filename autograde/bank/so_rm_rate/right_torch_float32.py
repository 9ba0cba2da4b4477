import torch


def rm_asymptotic_variance(c, lam, noise_var):
    names = dict(c=c, lam=lam)
    for name in names:
        if names[name] <= 0:
            raise ValueError(f"{name} must be positive")
    if noise_var < 0:
        raise ValueError("noise_var must not be negative")
    c, lam, noise_var = (torch.tensor(float(value), dtype=torch.float64) for value in (c, lam, noise_var))
    value = c.square() * noise_var / (2 * c * lam - 1).clamp(min=0)
    return value.float()
