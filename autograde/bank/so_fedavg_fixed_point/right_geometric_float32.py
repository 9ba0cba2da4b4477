import torch


def fedavg_fixed_point(hessians, optima, weights, lr, local_steps):
    """I - (I - lr A)^E = lr A times the sum of the powers below E, in float32."""
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
    d = len(optima[0])
    system = torch.zeros(d, d + 1)
    for A, o, w in zip(hessians, optima, weights):
        A = A.float()
        power, total = torch.eye(d), torch.zeros(d, d)
        for _ in range(local_steps):
            total = total + power
            power = power - lr * power @ A
        pull = float(w) * lr * A @ total
        system[:, :d] += pull
        system[:, d] += pull @ o.float()
    scale = system.abs().max()
    return torch.linalg.solve(system[:, :d] / scale, system[:, d] / scale)
