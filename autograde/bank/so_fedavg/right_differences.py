def fedavg_round(server, clients, weights, lr, local_steps):
    """Clients send differences, the server adds their weighted mean."""
    if len(weights) != len(clients):
        raise ValueError(f"{len(weights)} weights for {len(clients)} clients")
    if not clients:
        raise ValueError("no clients")
    if local_steps <= 0:
        raise ValueError(f"local_steps = {local_steps}")
    if lr < 0:
        raise ValueError(f"lr = {lr}")
    total = float(sum(weights))
    update = 0.0
    for client, weight in zip(clients, weights):
        theta = server
        for _ in range(local_steps):
            theta = theta - lr * client(theta)
        update = update + float(weight) * (theta - server)
    return server + update / total
