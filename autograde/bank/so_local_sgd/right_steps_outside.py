import torch


def local_sgd(grads, theta0, lr, rounds, local_steps):
    """All workers step together, as they do on a cluster."""
    if not grads:
        raise ValueError("no grads given")
    if rounds < 0:
        raise ValueError("rounds is negative")
    if local_steps <= 0:
        raise ValueError("local_steps must be positive")
    if lr < 0:
        raise ValueError("negative lr")
    history = [theta0]
    workers = [theta0 for _ in grads]
    for step in range(1, rounds * local_steps + 1):
        workers = [theta - lr * grad(theta) for theta, grad in zip(workers, grads)]
        if step % local_steps == 0:
            average = sum(workers) / len(workers)
            workers = [average for _ in grads]
            history.append(average)
    return torch.vstack(history)
