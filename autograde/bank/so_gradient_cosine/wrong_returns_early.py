# names: Only the first layer
import torch


def gradient_cosine(g1, g2):
    if len(g1) != len(g2):
        raise ValueError("g1 and g2 must have one length")
    for a, b in zip(g1, g2):
        if a.shape != b.shape:
            raise ValueError("g1 and g2 must have the same shapes")
    for a, b in zip(g1, g2):
        norms = a.norm() * b.norm()
        if norms == 0:
            return 0.0
        return ((a * b).sum() / norms).item()
