import torch


def fedavg_fixed_point(hessians, optima, weights, lr, local_steps):
    """A round is theta -> M theta + b: find both by running it from zero and from the unit vectors."""
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
    total = sum(float(w) for w in weights)

    def run(theta):
        new = torch.zeros_like(theta)
        for A, o, w in zip(hessians, optima, weights):
            local = theta
            for _ in range(local_steps):
                local = local - lr * (A @ (local - o))
            new = new + float(w) / total * local
        return new

    zero = torch.zeros_like(optima[0])
    b = run(zero)
    identity = torch.eye(len(zero), dtype=zero.dtype)
    M = torch.stack([run(unit) - b for unit in identity], dim=1)
    return torch.linalg.solve(identity - M, b)
