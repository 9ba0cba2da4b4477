"""A round of federated averaging: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import torch

from autograde.bank.local_steps import in_sequence, stale_walk, unit_walk, walk
from autograde.bank.weighted_means import matrices, mean_of, weighted_mean


def fedavg_server(gradients, server, weights, lr, local_steps):
    ends = [walk(gradient, server, lr, local_steps)[-1] for gradient in gradients]
    return weighted_mean(ends, weights)


def fedavg_mistakes(gradients, server, weights, lr, local_steps):
    """Sentence -> what that mistake returns."""
    start = server.double()
    w = torch.tensor([float(weight) for weight in weights], dtype=torch.float64)
    share, clients = w / w.sum(), len(w)

    def models(rate=lr, steps=local_steps, walk=walk):
        return torch.stack([walk(gradient, start, rate, steps)[-1] for gradient in gradients])

    def right():
        return share @ models()

    def changes():
        return models() - start

    def mixed(weights):
        return lambda: weights / weights.sum() @ models()

    def scaled_rates(rates, merge):
        return lambda: merge(
            torch.stack([walk(g, start, lr * r, local_steps)[-1] for g, r in zip(gradients, rates, strict=True)])
        )

    def synchronous(weights):
        def compute():
            theta = start
            for index in range(local_steps):
                theta = theta - lr * (weights @ torch.stack([gradient(theta, index) for gradient in gradients]))
            return theta

        return compute

    def ends_in_sequence():
        return torch.stack([path[-1] for path in in_sequence(gradients, start, lr, local_steps, 0)])

    def all_iterates(first):
        return lambda: share @ torch.stack([mean_of(walk(g, start, lr, local_steps)[first:]) for g in gradients])

    even = torch.full_like(share, 1 / clients)
    return {
        "The weights are ignored, this is the plain mean: client k counts with w_k / sum(w)": lambda: even @ models(),
        "The weights are not divided by their sum: client k counts with w_k / sum(w)": lambda: w @ models(),
        "The changes are weighted by w_k without division by sum(w): client k counts with w_k / sum(w)": lambda: (
            start + w @ changes()
        ),
        "The weighted sum is divided by the number of clients: divide by sum(w)": lambda: w @ models() / clients,
        "The weighted changes are divided by the number of clients: divide by sum(w)": lambda: (
            start + w @ changes() / clients
        ),
        "The weighted mean is divided by the number of clients once more": lambda: right() / clients,
        "The weighted mean of the changes is divided by the number of clients once more": lambda: (
            start + share @ changes() / clients
        ),
        "The models are added up: average them with the weights w_k / sum(w)": lambda: models().sum(dim=0),
        "The changes are added up: average them with the weights w_k / sum(w)": lambda: start + changes().sum(dim=0),
        "The unweighted sum of the models is divided by sum(w): multiply each by w_k first": lambda: (
            models().sum(dim=0) / w.sum()
        ),
        "The step goes uphill, theta + lr * gradient: descent subtracts": lambda: share @ models(-lr),
        "The gradients are averaged at every step: clients step on their own and are averaged once": synchronous(share),
        "The gradients are averaged at every step, without the weights: average the clients' models, once": (
            synchronous(even)
        ),
        "The gradients are averaged at every step, with weights that do not sum to one: average the models, once": (
            synchronous(w)
        ),
        "The gradient is taken at the server for all local steps: each step needs it at the client's own theta": (
            lambda: share @ models(walk=stale_walk)
        ),
        "One local step too few: every client takes local_steps of them": lambda: share @ models(steps=local_steps - 1),
        "One local step too many: every client takes local_steps of them": lambda: (
            share @ models(steps=local_steps + 1)
        ),
        "Every client takes one local step: it takes local_steps of them": lambda: share @ models(steps=1),
        "Each client starts where the one before it ended: all of them start at the server": lambda: (
            share @ ends_in_sequence()
        ),
        "The clients are trained one after the other, nothing is averaged: all start at the server": lambda: (
            ends_in_sequence()[-1]
        ),
        "The weighted change came back instead of the new parameters: add it to the server": lambda: share @ changes(),
        "The weighted change is subtracted from the server: it points downhill already, add it": lambda: (
            start - share @ changes()
        ),
        "The weighted change is multiplied by lr once more: it contains lr already": lambda: (
            start + lr * (share @ changes())
        ),
        "The weights scale the clients' learning rates and the models are averaged evenly: weight the models": (
            scaled_rates(share, lambda ends: ends.mean(dim=0))
        ),
        "The weights scale the clients' learning rates: every client steps with lr, its model is weighted": (
            scaled_rates(share, lambda ends: start + (ends - start).sum(dim=0))
        ),
        "The weights scale the clients' learning rates and the models: every client steps with lr": scaled_rates(
            share, lambda ends: share @ ends
        ),
        "The weights, not divided by their sum, scale the clients' learning rates: weight the models": scaled_rates(
            w, lambda ends: ends.mean(dim=0)
        ),
        "The weights are upside down: client k counts with w_k / sum(w)": mixed(1 / w),
        "The weights pass through a softmax: client k counts with w_k / sum(w)": mixed(w.softmax(0)),
        "The weights are squared: client k counts with w_k / sum(w)": mixed(w**2),
        "The square roots of the weights are used: client k counts with w_k / sum(w)": mixed(w.sqrt()),
        "The weights are in reverse order: weight k belongs to client k": mixed(w.flip(0)),
        "The weights are shifted by one client: weight k belongs to client k": mixed(w.roll(1)),
        "The weights are shifted by one client, the other way: weight k belongs to client k": mixed(w.roll(-1)),
        "The weights are divided by the largest one: divide by sum(w)": lambda: w @ models() / w.max(),
        "The weights are divided by their norm: divide by sum(w)": lambda: w @ models() / w.norm(),
        "The server is averaged in with weight one: the mean is over the clients alone": lambda: (
            (start + w @ models()) / (1 + w.sum())
        ),
        "The client with the largest weight alone came back: average all of them": lambda: models()[w.argmax()],
        "The first client alone came back: average all of them": lambda: models()[0],
        "The last client alone came back: average all of them": lambda: models()[-1],
        "The median of the models came back: average them with the weights w_k / sum(w)": lambda: (
            models().median(dim=0).values
        ),
        "The server goes half of the way to the mean of the clients' models: that mean is the result": lambda: (
            (start + right()) / 2
        ),
        "The weighted change is divided by local_steps: the server takes the whole of it": lambda: (
            start + share @ changes() / local_steps
        ),
        "All local iterates are averaged: only the last of each client counts": all_iterates(1),
        "All local iterates are averaged, the start included: only the last of each client counts": all_iterates(0),
        "lr is divided by local_steps: every local step uses lr itself": lambda: share @ models(lr / local_steps),
        "lr is multiplied by local_steps: every local step uses lr itself": lambda: share @ models(lr * local_steps),
        "lr is divided by the number of clients: every local step uses lr itself": lambda: share @ models(lr / clients),
        "lr is left out: a local step is lr * gradient": lambda: share @ models(1.0),
        "The gradient is normalised to length one: a local step is lr * gradient": lambda: (
            share @ models(walk=unit_walk)
        ),
        "The server came back unchanged": lambda: start,
        "Floor division, //, makes the weights whole numbers: divide with /": lambda: (w // w.sum()) @ models(),
        "The models of all clients came back, (K, d): average them": models,
        "The weighted models came back, (K, d): add them up": lambda: share[:, None] * models(),
        **matrices(right),
    }
