import torch


def fedavg_fixed_point(hessians, optima, weights, lr, local_steps):
    if not len(hessians) == len(optima) == len(weights):
        raise ValueError("hessians optima weights")
    A = torch.stack(list(hessians))
    c = torch.stack(list(optima))
    w = torch.as_tensor(weights, dtype=A.dtype)
    if A.ndim != 3 or A.shape[1] != A.shape[2] or c.shape != A.shape[:2]:
        raise ValueError("hessians or optima")
    if local_steps < 1:
        raise ValueError("local_steps")
    if lr < 0:
        raise ValueError("lr")
    K, d = c.shape
    I = torch.eye(d, dtype=A.dtype)
    p = w / w.sum()
    P = torch.linalg.matrix_power(I - lr * A, local_steps)
    M = p.view(-1, 1, 1) * (I - P)
    return torch.linalg.pinv(M.sum(0)) @ (M @ c.unsqueeze(-1)).sum(0).squeeze(-1)
