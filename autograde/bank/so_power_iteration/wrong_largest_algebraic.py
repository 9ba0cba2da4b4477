# names: not the one of largest magnitude
import torch


def top_eigenvalue(hvp, dim, iters, generator):
    if dim < 1 or iters < 1:
        raise ValueError("dim and iters must be at least 1")
    rows = [hvp(row) for row in torch.eye(dim, dtype=torch.float64)]
    return torch.linalg.eigvalsh(torch.stack(rows))[-1].item()
