import torch


def stochastic_quantize(v, levels, generator):
    """Signed levels: the floor of a negative number lies below it, and going up leads towards zero."""
    if levels <= 0:
        raise ValueError("levels: positive")
    if v.ndim != 1:
        raise ValueError("v: (d,)")
    norm = v.square().sum().sqrt()
    scaled = v * levels / torch.where(norm > 0, norm, torch.ones_like(norm))
    low = torch.floor(scaled)
    xi = low + torch.bernoulli((scaled - low).clamp(0, 1), generator=generator)
    return xi * norm / levels
