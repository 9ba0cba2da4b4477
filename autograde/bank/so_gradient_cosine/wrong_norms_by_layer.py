# names: multiplied layer by layer
import torch


def gradient_cosine(g1, g2):
    if len(g1) != len(g2):
        raise ValueError("g1 and g2 must have one length")
    for a, b in zip(g1, g2):
        if a.shape != b.shape:
            raise ValueError("g1 and g2 must have the same shapes")
    dot = sum((a * b).sum() for a, b in zip(g1, g2))
    norms = sum(a.norm() * b.norm() for a, b in zip(g1, g2))
    return (dot / norms).item() if norms > 0 else 0.0
