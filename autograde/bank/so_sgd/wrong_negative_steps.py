# names: accepted steps = -1
import torch


def sgd(grad, theta0, lr, steps):
    rows = [theta0]
    for t in range(steps):
        rows.append(rows[-1] - lr(t) * grad(rows[-1], t))
    return torch.stack(rows)
