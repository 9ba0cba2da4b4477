import torch


def sgd(grad, theta0, lr, steps):
    if steps < 0:
        raise ValueError("negative steps")
    if steps == 0:
        return theta0.reshape(1, -1)
    before = sgd(grad, theta0, lr, steps - 1)
    t = steps - 1
    last = before[-1]
    return torch.vstack([before, last - lr(t) * grad(last, t)])
