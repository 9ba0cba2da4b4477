import torch


def saga(grad_i, n, theta0, lr, steps, generator):
    if n < 1:
        raise ValueError("n must be at least 1")
    if steps < 0:
        raise ValueError("steps must not be negative")
    table = torch.stack([grad_i(theta0, i) for i in range(n)])
    theta = theta0.clone()
    for _ in range(steps):
        i = int(torch.randint(n, (1,), generator=generator))
        new = grad_i(theta, i)
        theta = theta - lr * (new - table[i] + table.mean(dim=0))
        table[i] = new
    return theta, table
