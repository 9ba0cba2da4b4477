import torch


def saga(grad_i, n, theta0, lr, steps, generator):
    """Float32 storage, the table by columns."""
    if n < 1:
        raise ValueError("n")
    if steps < 0:
        raise ValueError("steps")
    theta = theta0.to(torch.float32)
    table = torch.empty(theta.numel(), n)
    for i in range(n):
        table[:, i] = grad_i(theta, i)
    for _ in range(steps):
        i = torch.randint(n, (), generator=generator)
        old, mean = table[:, i].clone(), table.mean(dim=1)
        table[:, i] = grad_i(theta, i)
        theta = theta - lr * (table[:, i] - old + mean)
    return theta, table.T
