# names: are allowed
import torch


def top_eigenvalue(hvp, dim, iters, generator):
    if dim < 1 or iters < 1:
        raise ValueError("dim and iters must be at least 1")
    rows = [hvp(row) for row in torch.eye(dim, dtype=torch.float64)]
    values = torch.linalg.eigvalsh(torch.stack(rows))
    return values[values.abs().argmax()].item()
