import torch


def saga(grad_i, n, theta0, lr, steps, generator):
    if n < 1:
        raise ValueError("n must be at least 1")
    if steps < 0:
        raise ValueError("steps must not be negative")
    table = torch.stack([grad_i(theta0, i) for i in range(n)])
    mean = table.mean(dim=0)
    theta = theta0
    for _ in range(steps):
        i = torch.randint(n, (1,), generator=generator).item()
        new = grad_i(theta, i)
        change = new - table[i]
        theta = theta - lr * (change + mean)
        mean = mean + change / n
        table[i] = new
    return theta, table
