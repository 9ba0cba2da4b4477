import torch


def stochastic_quantize(v, levels, generator):
    if levels < 1:
        raise ValueError("levels")
    if v.ndim != 1:
        raise ValueError("v")
    n = v.norm()
    step = torch.where(n == 0, torch.ones_like(n), n / levels)
    noise = torch.rand(v.shape, generator=generator, dtype=torch.float64) - 0.5
    noise = torch.where(v == 0, torch.zeros_like(noise), noise)
    return (torch.round(v.double() / step.double() + noise) * step.double()).to(v.dtype)
