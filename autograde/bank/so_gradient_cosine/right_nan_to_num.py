import torch


def gradient_cosine(g1, g2):
    if len(g1) != len(g2) or any(a.shape != b.shape for a, b in zip(g1, g2)):
        raise ValueError("g1 and g2 differ")
    a = torch.cat([t.reshape(-1) for t in g1])
    b = torch.cat([t.reshape(-1) for t in g2])
    return torch.nan_to_num(a @ b / a.norm() / b.norm(), nan=0.0).item()
