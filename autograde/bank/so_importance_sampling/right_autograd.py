import torch


def importance_gradient(per_sample, p, idx):
    """The gradient at zero of the weighted loss whose per-sample gradients these are; p normalised first."""
    if per_sample.ndim != 2:
        raise ValueError("per_sample must have two dimensions")
    if p.shape != per_sample.shape[:1]:
        raise ValueError("p must have one entry for each row of per_sample")
    if len(idx) == 0:
        raise ValueError("idx must name at least one row")
    if abs(p.sum() - 1) > 1e-3:
        raise ValueError("p must sum to one")
    if (p[idx] <= 0).any():
        raise ValueError("p must be positive where drawn")
    p = p / p.sum()
    theta = torch.zeros(per_sample.shape[1], dtype=per_sample.dtype, requires_grad=True)
    ratio = (1 / len(p)) / p[idx]
    loss = (ratio * (per_sample[idx] @ theta)).mean()
    return torch.autograd.grad(loss, theta)[0]
