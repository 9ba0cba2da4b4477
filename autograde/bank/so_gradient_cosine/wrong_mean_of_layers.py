# names: cosines of the layers are averaged
import torch


def gradient_cosine(g1, g2):
    if len(g1) != len(g2):
        raise ValueError("g1 and g2 must have one length")
    for a, b in zip(g1, g2):
        if a.shape != b.shape:
            raise ValueError("g1 and g2 must have the same shapes")
    cosines = []
    for a, b in zip(g1, g2):
        norms = a.norm() * b.norm()
        cosines.append(((a * b).sum() / norms).item() if norms > 0 else 0.0)
    return sum(cosines) / len(cosines)
