import torch


def importance_gradient(per_sample, p, idx):
    if per_sample.ndim != 2:
        raise ValueError("per_sample has to be (N, d)")
    if len(p) != len(per_sample):
        raise ValueError("p and per_sample differ in length")
    if abs(sum(p.tolist()) - 1) >= 1e-3:
        raise ValueError("the probabilities p do not sum to one")
    rows = idx.tolist()
    if rows == []:
        raise ValueError("empty idx")
    total = torch.zeros(per_sample.shape[1], dtype=per_sample.dtype)
    for i in rows:
        if p[i] <= 0:
            raise ValueError(f"p[{i}] is not positive")
        total += per_sample[i] / p[i]
    return total / len(rows) / len(per_sample)
