import torch


def svrg(grad_i, n, theta0, lr, epochs, inner, generator):
    if n < 1:
        raise ValueError("n")
    if inner < 1:
        raise ValueError("inner")
    if epochs < 0:
        raise ValueError("epochs")
    out = [theta0]
    for _ in range(epochs):
        s = out[-1]
        mu = sum(grad_i(s, i) for i in range(n)) * (1 / n)
        idx = torch.randint(n, (inner,), generator=generator).tolist()
        th = s - lr * mu  # first step: correction is zero
        for i in idx[1:]:
            a = grad_i(th, i)
            b = grad_i(s, i)
            th = th - lr * a + lr * b - lr * mu
        out.append(th)
    return torch.vstack(out)
