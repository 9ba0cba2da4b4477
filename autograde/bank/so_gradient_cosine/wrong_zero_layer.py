# names: layer of zeros spoils
import torch


def gradient_cosine(g1, g2):
    if len(g1) != len(g2) or any(a.shape != b.shape for a, b in zip(g1, g2)):
        raise ValueError("g1 and g2 differ")

    d = 0
    p = 0
    q = 0
    for a, b in zip(g1, g2):
        if not a.any() or not b.any():
            return 0.0
        d += (a * b).sum().item()
        p += (a**2).sum().item()
        q += (b**2).sum().item()
    return d / (p * q) ** 0.5
