import torch


def local_sgd(grads, theta0, lr, rounds, local_steps):
    """The server adds the mean of the workers' changes, in float32."""
    for name, value, least in [("rounds", rounds, 0), ("local_steps", local_steps, 1), ("lr", lr, 0)]:
        if value < least:
            raise ValueError(f"{name} = {value}, at least {least} is needed")
    if len(grads) < 1:
        raise ValueError("grads has no entries")
    server = theta0.float()
    rows = [server.clone()]
    for _ in range(rounds):
        change = torch.zeros_like(server)
        for grad in grads:
            for_worker = torch.zeros_like(server)
            for _ in range(local_steps):
                for_worker = for_worker - lr * grad(server + for_worker)
            change += for_worker
        server = server + change / len(grads)
        rows.append(server.clone())
    return torch.stack(rows)
