import torch


def gradient_cosine(g1, g2):
    """Sums in float32, after scaling by the largest entry; a 0-dimensional tensor comes back."""
    if len(g1) != len(g2):
        raise ValueError(f"g1 has {len(g1)} tensors, g2 has {len(g2)}")
    for a, b in zip(g1, g2):
        if a.size() != b.size():
            raise ValueError(f"g1: {tuple(a.size())}, g2: {tuple(b.size())}")

    def unit(g):
        largest = max(layer.abs().max() for layer in g)
        if largest == 0:
            return None
        scaled = [(layer / largest).float() for layer in g]
        length = torch.stack([layer.pow(2).sum() for layer in scaled]).sum().sqrt()
        return [layer / length for layer in scaled]

    u, v = unit(g1), unit(g2)
    if u is None or v is None:
        return torch.tensor(0.0)
    return sum((a * b).sum() for a, b in zip(u, v))
