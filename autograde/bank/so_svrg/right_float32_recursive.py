import torch


def svrg(grad_i, n, theta0, lr, epochs, inner, generator):
    if n < 1 or inner < 1 or epochs < 0:
        raise ValueError(f"n = {n}, inner = {inner}, epochs = {epochs}")
    theta0 = theta0.float()
    if epochs == 0:
        return theta0.reshape(1, -1).clone()
    before = svrg(grad_i, n, theta0, lr, epochs - 1, inner, generator)
    start = before[-1]
    mu = torch.zeros_like(start)
    for i in range(n):
        mu = mu + grad_i(start, i) / n
    theta = start
    for k in range(inner):
        i = torch.multinomial(torch.ones(n), 1, generator=generator).item()
        old = grad_i(start, i)
        theta = theta - lr * (mu - old + grad_i(theta, i))
    return torch.cat([before, theta.reshape(1, -1)])
