import torch


def importance_gradient(per_sample, p, idx):
    """All rows weighted first, those that cannot be drawn left at zero; then a plain minibatch mean."""
    if per_sample.ndim != 2:
        raise ValueError("per_sample is not a matrix")
    if tuple(p.shape) != (per_sample.size(0),):
        raise ValueError("p does not fit per_sample")
    if idx.shape[0] == 0:
        raise ValueError("idx has no entries")
    if not abs(p.sum() - 1) < 1e-3:
        raise ValueError("sum of p is not one")
    weighted = torch.zeros_like(per_sample)
    positive = p > 0
    if not positive[idx].all():
        raise ValueError("idx has a row of probability p = 0")
    weighted[positive] = per_sample[positive] / p[positive].unsqueeze(-1) / per_sample.size(0)
    return weighted.index_select(0, idx).sum(0).div(idx.numel())
