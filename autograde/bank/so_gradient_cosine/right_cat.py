import torch


def gradient_cosine(g1, g2):
    if len(g1) != len(g2):
        raise ValueError("g1 and g2 have different lengths")
    if any(a.shape != b.shape for a, b in zip(g1, g2)):
        raise ValueError("g1 and g2 have different shapes")
    a = torch.cat([layer.flatten() for layer in g1])
    b = torch.cat([layer.flatten() for layer in g2])
    if not a.any() or not b.any():
        return 0.0
    return torch.dot(a / a.norm(), b / b.norm()).item()
