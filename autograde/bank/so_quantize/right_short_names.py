import torch


def stochastic_quantize(v, levels, generator):
    if levels < 1:
        raise ValueError("levels")
    if v.ndim != 1:
        raise ValueError("v")
    n = v.norm()
    if n == 0:
        return torch.zeros_like(v)
    a = v.abs() * levels / n
    l = a.floor()
    p = a - l
    up = (torch.rand(v.shape, generator=generator, dtype=v.dtype) < p).to(v.dtype)
    return n * v.sign() * (l + up) / levels
