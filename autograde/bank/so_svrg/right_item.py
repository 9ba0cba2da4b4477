import torch


def svrg(grad_i, n, theta0, lr, epochs, inner, generator):
    if n < 1:
        raise ValueError("n must be at least 1")
    if inner < 1:
        raise ValueError("inner must be at least 1")
    if epochs < 0:
        raise ValueError("epochs must not be negative")
    rows = [theta0]
    for _ in range(epochs):
        s = rows[-1]
        mu = torch.stack([grad_i(s, i) for i in range(n)]).mean(dim=0)
        theta = s
        for _ in range(inner):
            i = torch.randint(n, (1,), generator=generator).item()
            theta = theta - lr * (grad_i(theta, i) - grad_i(s, i) + mu)
        rows.append(theta)
    return torch.stack(rows)
