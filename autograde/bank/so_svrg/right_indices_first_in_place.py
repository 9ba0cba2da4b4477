import torch


def svrg(grad_i, n, theta0, lr, epochs, inner, generator):
    """All indices of an epoch drawn at once, before the full gradient; theta updated in place; samples backwards."""
    for name, value, least in (("n", n, 1), ("inner", inner, 1), ("epochs", epochs, 0)):
        if value < least:
            raise ValueError(f"{name} = {value}, at least {least}")
    out = torch.zeros((epochs + 1,) + tuple(theta0.shape), dtype=theta0.dtype)
    out[0] = theta0
    for e in range(epochs):
        indices = torch.randint(n, (inner,), generator=generator)
        full = torch.zeros_like(theta0)
        for i in reversed(range(n)):
            full += grad_i(out[e].clone(), i)
        full /= n
        theta = out[e].clone()
        for i in indices:
            correction = full - grad_i(out[e], i)
            theta.sub_(correction + grad_i(theta, i), alpha=lr)
        out[e + 1] = theta
    return out
