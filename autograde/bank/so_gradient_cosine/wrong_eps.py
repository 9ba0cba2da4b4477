# names: in the denominator of about 1e-08 takes over
import torch


def gradient_cosine(g1, g2):
    if len(g1) != len(g2):
        raise ValueError("g1 and g2 must have one length")
    for a, b in zip(g1, g2):
        if a.shape != b.shape:
            raise ValueError("g1 and g2 must have the same shapes")
    a = torch.cat([layer.flatten() for layer in g1])
    b = torch.cat([layer.flatten() for layer in g2])
    return (a @ b / (a.norm() * b.norm() + 1e-8)).item()
