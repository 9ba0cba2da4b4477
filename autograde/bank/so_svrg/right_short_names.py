import torch


def svrg(grad_i, n, theta0, lr, epochs, inner, generator):
    if n < 1:
        raise ValueError("n")
    if inner < 1:
        raise ValueError("inner")
    if epochs < 0:
        raise ValueError("epochs")
    rows = [theta0]
    for e in range(epochs):
        s = rows[-1].clone()
        mu = sum(grad_i(s, i) for i in range(n)) / n
        th = s.clone()
        for k in range(inner):
            i = torch.randint(n, (), generator=generator).item()
            th = th - lr * (grad_i(th, i) - grad_i(s, i) + mu)
        rows.append(th)
    return torch.stack(rows)
