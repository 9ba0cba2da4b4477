# names: Only the last layer
import torch


def gradient_cosine(g1, g2):
    if len(g1) != len(g2) or any(a.shape != b.shape for a, b in zip(g1, g2)):
        raise ValueError("g1 and g2 differ")

    for a, b in zip(g1, g2):
        n = a.norm() * b.norm()
        cos = 0.0 if n == 0 else ((a * b).sum() / n).item()
    return cos
