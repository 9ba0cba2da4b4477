# names: averaged by their numbers
import torch


def gradient_cosine(g1, g2):
    if len(g1) != len(g2) or any(a.shape != b.shape for a, b in zip(g1, g2)):
        raise ValueError("g1 and g2 differ")

    tot = sum(a.numel() for a in g1)
    out = 0.0
    for a, b in zip(g1, g2):
        n = a.norm() * b.norm()
        if n > 0:
            out += a.numel() / tot * ((a * b).sum() / n).item()
    return out
