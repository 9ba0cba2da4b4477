# names: norms of the layers are added
import torch


def gradient_cosine(g1, g2):
    if len(g1) != len(g2):
        raise ValueError("g1 and g2 must have one length")
    for a, b in zip(g1, g2):
        if a.shape != b.shape:
            raise ValueError("g1 and g2 must have the same shapes")
    dot = sum((a * b).sum() for a, b in zip(g1, g2))
    n1, n2 = sum(a.norm() for a in g1), sum(b.norm() for b in g2)
    return (dot / (n1 * n2)).item() if n1 * n2 > 0 else 0.0
