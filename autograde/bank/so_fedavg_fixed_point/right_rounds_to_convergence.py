import torch


def fedavg_fixed_point(hessians, optima, weights, lr, local_steps):
    """Rounds until they change nothing."""
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
    dtype = optima[0].dtype
    A, o = torch.stack(list(hessians)).double(), torch.stack(list(optima)).double()
    w = torch.tensor([float(x) for x in weights], dtype=torch.float64)
    w = w / w.sum()
    keep = torch.linalg.matrix_power(torch.eye(o.shape[1], dtype=torch.float64) - lr * A, local_steps)
    theta = w @ o
    for _ in range(5000):
        new = w @ (o + (keep @ (theta - o)[:, :, None]).squeeze(2))
        done = bool((new - theta).abs().max() <= 1e-15)
        theta = new
        if done:
            break
    return theta.to(dtype)
