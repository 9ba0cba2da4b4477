import torch


def gradient_cosine(g1, g2):
    if len(g1) != len(g2):
        raise ValueError("g1 and g2 must have one length")
    for a, b in zip(g1, g2):
        if a.shape != b.shape:
            raise ValueError("g1 and g2 must have the same shapes")
    a = torch.cat([layer.flatten() for layer in g1])
    b = torch.cat([layer.flatten() for layer in g2])
    if not a.any() or not b.any():
        return 0.0
    return (a @ b / (a.norm() * b.norm())).item()
