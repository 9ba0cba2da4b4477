import torch


def saga(grad_i, n, theta0, lr, steps, generator):
    """The table is a list, filled backwards; a running sum; all indices drawn first; theta changed in place."""
    if n <= 0:
        raise ValueError("n: at least one sample")
    if steps < 0:
        raise ValueError("steps: not negative")
    indices = torch.randint(n, (steps,), generator=generator)
    rows = [None] * n
    total = torch.zeros_like(theta0)
    for i in range(n - 1, -1, -1):
        rows[i] = grad_i(theta0, i)
        total += rows[i]
    theta = theta0.clone()
    for i in indices.tolist():
        g = grad_i(theta.clone(), i)
        change = g - rows[i]
        theta.add_(change + total / n, alpha=-lr)
        total += change
        rows[i] = g
    return [theta, torch.stack(rows)]
