import torch


def saga(grad_i, n, theta0, lr, steps, generator):
    if n < 1:
        raise ValueError("n")
    if steps < 0:
        raise ValueError("steps")
    table = {i: grad_i(theta0, i) for i in range(n)}
    theta = theta0.clone()
    for _ in range(steps):
        avg = sum(table.values()) / n
        i = torch.randint(0, n, size=(1,), generator=generator).item()
        new = grad_i(theta, i)
        theta = theta - lr * (new - table[i] + avg)
        table[i] = new
    return theta, torch.stack([table[i] for i in range(n)])
