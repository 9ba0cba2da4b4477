import torch
import torch.nn.functional as F


def gradient_cosine(g1, g2):
    """cosine_similarity of scaled vectors, so that its eps has nothing to do."""
    shapes = [[tuple(t.shape) for t in g] for g in (g1, g2)]
    if shapes[0] != shapes[1]:
        raise ValueError("g1 and g2 must have the same shapes")
    a, b = (torch.nn.utils.parameters_to_vector([t.contiguous() for t in g]) for g in (g1, g2))
    if torch.count_nonzero(a) == 0 or torch.count_nonzero(b) == 0:
        return 0.0
    return F.cosine_similarity(a / a.abs().max(), b / b.abs().max(), dim=0).item()
