import torch


def local_sgd(grads, theta0, lr, rounds, local_steps):
    if not grads:
        raise ValueError("grads")
    if rounds < 0:
        raise ValueError("rounds")
    if local_steps < 1:
        raise ValueError("local_steps")
    if lr < 0:
        raise ValueError("lr")
    K = len(grads)
    thetas = theta0.unsqueeze(0).repeat(K, 1)
    out = [theta0]
    for r in range(rounds):
        for e in range(local_steps):
            G = torch.stack([g(t) for g, t in zip(grads, thetas)])
            thetas = thetas - lr * G
        out.append(thetas.mean(0))
        thetas = out[-1].expand(K, -1)
    return torch.stack(out, 0)
