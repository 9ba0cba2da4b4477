# names: stand inside the power

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
    M = I - torch.linalg.matrix_power(I - lr * p[:, None, None] * A, local_steps)
    return torch.linalg.solve(M.sum(0), (M @ c[..., None]).sum(0)[:, 0])
