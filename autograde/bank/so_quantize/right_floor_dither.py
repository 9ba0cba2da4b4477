import torch


def stochastic_quantize(v, levels, generator):
    """floor(l + u) with u uniform on [0, 1)."""
    if levels < 1:
        raise ValueError("levels must be at least 1")
    if v.dim() != 1:
        raise ValueError("v must be a vector")
    norm = torch.linalg.vector_norm(v)
    if norm == 0:
        return v.clone()
    u = torch.rand(v.shape, generator=generator, dtype=torch.float64)
    return (norm / levels * torch.sign(v) * torch.floor(v.abs() / norm * levels + u)).to(v.dtype)
