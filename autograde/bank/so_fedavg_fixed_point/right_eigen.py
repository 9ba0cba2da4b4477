import torch


def fedavg_fixed_point(hessians, optima, weights, lr, local_steps):
    """In each client's eigenbasis the power is one of numbers."""
    if not len(hessians) == len(optima) == len(weights) > 0:
        raise ValueError("hessians, optima and weights must be equally many")
    if any(tuple(A.shape) != (len(optima[0]), len(optima[0])) for A in hessians):
        raise ValueError("hessians must be square and fit the optima")
    if any(len(o) != len(optima[0]) for o in optima):
        raise ValueError("optima must have one length")
    if local_steps < 1:
        raise ValueError("local_steps must be at least 1")
    if lr < 0:
        raise ValueError("lr must not be negative")
    A = torch.stack(list(hessians))
    centres = torch.stack(list(optima))
    w = torch.as_tensor(weights).to(A.dtype)
    lam, Q = torch.linalg.eigh(A)
    reach = w[:, None] * (1 - (1 - lr * lam) ** local_steps)
    M = Q @ torch.diag_embed(reach) @ Q.mT
    return torch.linalg.inv(M.sum(0)) @ torch.einsum("kij,kj->i", M, centres)
