import torch


def stochastic_quantize(v, levels, generator):
    if levels < 1:
        raise ValueError("levels must be at least 1")
    if v.ndim != 1:
        raise ValueError("v must be a vector")
    norm = v.norm()
    if norm == 0:
        return torch.zeros_like(v)
    place = v.abs() * levels / norm
    low = place.floor()
    up = torch.rand(v.shape, generator=generator, dtype=v.dtype) < place - low
    return norm * v.sign() * (low + up) / levels
