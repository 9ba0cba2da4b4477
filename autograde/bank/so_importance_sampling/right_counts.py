import torch


def importance_gradient(per_sample, p, idx):
    """One product with the counts of all rows; rows that are not drawn have weight zero."""
    if per_sample.dim() != 2:
        raise ValueError("per_sample: two dimensions")
    n = per_sample.shape[0]
    if p.dim() != 1 or p.shape[0] != n:
        raise ValueError("p: one entry a row")
    if len(idx) == 0:
        raise ValueError("idx: empty")
    if abs(float(p.sum()) - 1.0) > 1e-3:
        raise ValueError("p: does not sum to one")
    if float(p[idx].min()) <= 0.0:
        raise ValueError("idx names a row with p = 0")
    counts = torch.bincount(idx, minlength=n).to(per_sample.dtype)
    weights = torch.where(counts > 0, counts / p, torch.zeros_like(p)) / (n * len(idx))
    return weights @ per_sample
