"""Local SGD and federated averaging, simulated: every client steps on its own, and the server averages the models.

A client is a callable theta (R, d) -> gradients (R, d), such as a problem's `oracle(...)`: each run has a client of its
own. The learning rate is a number or a tensor (R,). `ValueError` names the argument when there is no client, a count is
not positive, lr or a weight is negative, or a shape is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from noisydescent.arguments import whole_number
from noisydescent.optimizers.building_blocks import begin, moved

# theta (R, d) -> gradients of one client (R, d)
Client = Callable[[Tensor], Tensor]


def client_models(server: Tensor, clients: Sequence[Client], lr: float | Tensor, local_steps: int) -> Tensor:
    """Every client's theta after `local_steps` steps theta <- theta - lr g_k(theta) from server (R, d): (K, R, d).

    Their distance from their mean is the client drift of the round.
    """
    local_steps = whole_number("local_steps", local_steps)
    if not clients:
        raise ValueError("clients is empty: give at least one callable theta -> gradient")
    theta0, rate = begin(server, lr)
    models = []
    for client in clients:
        theta = theta0
        for _ in range(local_steps):
            theta = moved(theta, rate, client(theta))
        models.append(theta)
    return torch.stack(models)


def fedavg(
    clients: Sequence[Client],
    theta0: Tensor,
    weights: Sequence[float] | Tensor | None,
    lr: float | Tensor,
    rounds: int,
    local_steps: int,
) -> Tensor:
    """Server iterates (rounds + 1, R, d), theta0 first: each is the weighted mean of the clients' models.

    `weights`, one for each client, usually its number of samples, need not sum to one; None weighs all alike.
    McMahan, Moore, Ramage, Hampson, Agüera y Arcas, *Communication-Efficient Learning of Deep Networks from
    Decentralized Data*, 2017, with every client in every round.
    """
    rounds = whole_number("rounds", rounds, 0)
    theta, _ = begin(theta0, lr)
    shares = _shares(weights, len(clients)).to(theta0.device, theta0.dtype)
    iterates = [theta]
    for _ in range(rounds):
        models = client_models(iterates[-1], clients, lr, local_steps)
        iterates.append(torch.einsum("k,krd->rd", shares, models))
    return torch.stack(iterates)


def local_sgd(clients: Sequence[Client], theta0: Tensor, lr: float | Tensor, rounds: int, local_steps: int) -> Tensor:
    """`fedavg` with equal weights: server iterates (rounds + 1, R, d).

    With one local step it is minibatch SGD over all clients.
    Stich, *Local SGD Converges Fast and Communicates Little*, 2019.
    """
    return fedavg(clients, theta0, None, lr, rounds, local_steps)


def _shares(weights: Sequence[float] | Tensor | None, clients: int) -> Tensor:
    if weights is None:
        return torch.full((clients,), 1.0 / max(1, clients), dtype=torch.float64)
    values = torch.as_tensor(weights, dtype=torch.float64)
    if values.shape != (clients,):
        raise ValueError(f"weights must hold one number for each of {clients} clients, got {tuple(values.shape)}")
    if not (values >= 0).all() or not 0 < float(values.sum()) < float("inf"):
        raise ValueError(f"weights must be finite, not negative and not all zero, got {values.tolist()}")
    return values / values.sum()
