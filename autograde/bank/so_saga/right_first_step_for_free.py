import torch


def saga(grad_i, n, theta0, lr, steps, generator):
    if n < 1:
        raise ValueError("n")
    if steps < 0:
        raise ValueError("steps")
    T = torch.stack([grad_i(theta0.clone(), i) for i in range(n)])
    x = theta0.clone()
    for t in range(steps):
        i = torch.randint(0, n, (), generator=generator).item()
        new = T[i].clone() if t == 0 else grad_i(x, i)
        x = x - lr * (new - T[i] + T.mean(0))
        T[i] = new
    return x, T
