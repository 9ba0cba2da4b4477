# names: delegates to PyTorch
import torch


def sgd(grad, theta0, lr, steps):
    if steps < 0:
        raise ValueError("steps must not be negative")
    theta = theta0.clone().requires_grad_(True)
    optimizer = torch.optim.SGD([theta], lr=0.1)
    rows = [theta0.clone()]
    for t in range(steps):
        optimizer.param_groups[0]["lr"] = lr(t)
        theta.grad = grad(theta.detach(), t)
        optimizer.step()
        rows.append(theta.detach().clone())
    return torch.stack(rows)
