"""Local SGD: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import torch

from autograde.bank.local_steps import in_sequence, stale_walk, unit_walk, walk
from autograde.bank.weighted_means import mean_of


def last_mean(server, paths):
    return mean_of([path[-1] for path in paths])


def iterate(gradients, theta0, lr, rounds, local_steps, walk=walk, merge=last_mean):
    """Server iterates (rounds + 1, d); merge(server, paths) makes the next one of the workers' paths."""
    servers = [theta0.double()]
    for index in range(rounds):
        paths = [walk(gradient, servers[-1], lr, local_steps, index * local_steps) for gradient in gradients]
        servers.append(merge(servers[-1], paths))
    return torch.stack(servers)


def local_sgd_mistakes(gradients, theta0, lr, rounds, local_steps):
    """Sentence -> what that mistake returns."""
    workers, start, total = len(gradients), theta0.double(), rounds * local_steps
    right = iterate(gradients, theta0, lr, rounds, local_steps)

    def run(rate=lr, steps=local_steps, times=rounds, **changes):
        return lambda: iterate(gradients, theta0, rate, times, steps, **changes)

    def merged(merge):
        return run(merge=merge)

    def own_way():
        paths = [walk(gradient, start, lr, total) for gradient in gradients]
        return torch.stack([mean_of([path[r * local_steps] for path in paths]) for r in range(rounds + 1)])

    def synchronous(every=local_steps):
        path = [start]
        for index in range(total):
            step = mean_of([gradient(path[-1], index) for gradient in gradients])
            path.append(path[-1] - lr * step)
        return torch.stack(path[::every])

    def passed_on(merge):
        def compute():
            servers = [start]
            for index in range(rounds):
                servers.append(
                    merge(servers[-1], in_sequence(gradients, servers[-1], lr, local_steps, index * local_steps))
                )
            return torch.stack(servers)

        return compute

    def every_step():
        rows = [start]
        for index in range(rounds):
            paths = [walk(g, rows[-1], lr, local_steps, index * local_steps) for g in gradients]
            rows += [mean_of([path[step] for path in paths]) for step in range(1, local_steps + 1)]
        return torch.stack(rows)

    def frozen():
        rows = [start]
        for index in range(rounds):
            steps = [sum(g(start, index * local_steps + e) for e in range(local_steps)) for g in gradients]
            rows.append(rows[-1] - lr * mean_of(steps))
        return torch.stack(rows)

    def from_start():
        rows = [start]
        for index in range(rounds):
            rows.append(mean_of([walk(g, start, lr, local_steps, index * local_steps)[-1] for g in gradients]))
        return torch.stack(rows)

    def every_model():
        rows = [torch.stack([start] * workers)]
        for index in range(rounds):
            server = rows[-1].mean(dim=0)
            rows.append(torch.stack([walk(g, server, lr, local_steps, index * local_steps)[-1] for g in gradients]))
        return torch.stack(rows)

    return {
        "The step goes uphill, theta + lr * gradient: descent subtracts": run(-lr),
        "The gradients are averaged at every step: workers step on their own and average their models once a round": (
            synchronous
        ),
        "The workers never get the average back: every round starts at the server's iterate for all of them": own_way,
        "The workers' models are added up, not averaged: divide by the number of workers": merged(
            lambda server, paths: sum(path[-1] for path in paths)
        ),
        "The steps of all workers are added up, or lr is multiplied by their number: the server moves by the mean step"
        if local_steps == 1
        else "The changes of all workers are added up: the server moves by their mean": merged(
            lambda server, paths: server + sum(path[-1] - server for path in paths)
        ),
        "Each worker starts where the one before it ended: all of them start the round at the server's iterate": (
            passed_on(lambda server, paths: paths[-1][-1])
        ),
        "Each worker starts where the one before ended, and the ends are averaged: all start at the server's iterate": (
            passed_on(last_mean)
        ),
        "The gradient is taken at the server for all local steps: each step needs it at the worker's own theta": run(
            walk=stale_walk
        ),
        "The gradient is taken at theta0 throughout: each step needs it at the worker's own theta": frozen,
        "Every round starts again from theta0: it starts where the last one ended": from_start,
        "All rows show theta0: no local step reaches the server": lambda: right[0].expand_as(right),
        "One local step too few: a round has local_steps of them": run(steps=local_steps - 1),
        "One local step too many: a round has local_steps of them": run(steps=local_steps + 1),
        "A round has one local step: it has local_steps of them before the average": run(steps=1),
        "rounds and local_steps are swapped": run(times=local_steps, steps=rounds),
        "theta0 is missing: row 0 of the result is theta0": lambda: right[1:],
        "The last row is missing: the result has rounds + 1 rows": lambda: right[:-1],
        "Only the last row came back: return all rounds + 1 server iterates": lambda: right[-1],
        "Only the last row came back, as a matrix: return all rounds + 1 server iterates": lambda: right[-1:],
        "There is a row for every local step: return the server after each round, rounds + 1 rows": every_step,
        "The gradients are averaged at every step, with a row for each: average the models, once a round": lambda: (
            synchronous(1)
        ),
        "The models of all workers came back, (rounds + 1, K, d): average them": every_model,
        "The rows are workers' models of the last round: return the server after each round": lambda: every_model()[-1],
        "All rows show the last iterate: append a copy, an update in place changes the earlier ones too": lambda: right[
            -1
        ].expand_as(right),
        "All rows but the first show the last iterate: append a copy, not the tensor that is updated in place": (
            lambda: torch.cat([right[:1], right[-1].expand_as(right[1:])])
        ),
        "Only the first worker moves the server: average the models of all": merged(lambda server, paths: paths[0][-1]),
        "Only the last worker moves the server: average the models of all": merged(lambda server, paths: paths[-1][-1]),
        "The server's own iterate is averaged in: the mean is over the workers' models alone": merged(
            lambda server, paths: mean_of([server, *(path[-1] for path in paths)])
        ),
        "The last worker is left out of the average": merged(
            lambda server, paths: mean_of([path[-1] for path in paths[:-1]])
        ),
        "The median of the models is taken: average them": merged(
            lambda server, paths: torch.stack([path[-1] for path in paths]).median(dim=0).values
        ),
        "The server goes half of the way to the mean of the workers' models: that mean is its next iterate": merged(
            lambda server, paths: (server + mean_of([path[-1] for path in paths])) / 2
        ),
        "The mean change is divided by local_steps: the server takes the whole of it": merged(
            lambda server, paths: server + mean_of([path[-1] - server for path in paths]) / local_steps
        ),
        "All local iterates are averaged: only the last of each worker counts": merged(
            lambda server, paths: mean_of([theta for path in paths for theta in path[1:]])
        ),
        "All local iterates are averaged, the start included: only the last of each worker counts": merged(
            lambda server, paths: mean_of([theta for path in paths for theta in path])
        ),
        "The local iterates before the last one of each worker are averaged: take the model after all local steps": (
            merged(lambda server, paths: mean_of([theta for path in paths for theta in path[:-1]]))
        ),
        "Only the change of the last local step is averaged: the server moves by the change over the whole round": (
            merged(lambda server, paths: server + mean_of([path[-1] - path[-2] for path in paths]))
        ),
        "The mean change of a round came back instead of the new server: add it to the server": merged(
            lambda server, paths: mean_of([path[-1] for path in paths]) - server
        ),
        "The mean change is subtracted from the server: it points downhill already, add it": merged(
            lambda server, paths: 2 * server - mean_of([path[-1] for path in paths])
        ),
        "The mean change is multiplied by lr once more: it contains lr already": merged(
            lambda server, paths: server + lr * mean_of([path[-1] - server for path in paths])
        ),
        "The average is divided by the number of workers twice": merged(
            lambda server, paths: mean_of([path[-1] for path in paths]) / workers
        ),
        "lr is divided by local_steps: every local step uses lr itself": run(lr / local_steps),
        "lr is multiplied by local_steps: every local step uses lr itself": run(lr * local_steps),
        "lr is divided by the number of workers: every local step uses lr itself": run(lr / workers),
        "lr is multiplied by the number of workers: every local step uses lr itself": run(lr * workers),
        "lr is left out: a local step is lr * gradient": run(1.0),
        "lr is squared: a local step is lr * gradient": run(lr**2),
        "The gradient is normalised to length one: a local step is lr * gradient": run(walk=unit_walk),
        "The rows are running means of the server's iterates: row r is the iterate after r rounds": lambda: (
            right.cumsum(dim=0) / torch.arange(1, rounds + 2)[:, None]
        ),
        "The rows are in reverse order: row 0 is theta0": lambda: right.flip(0),
        "The matrix is transposed: one row a round, shape (rounds + 1, d)": lambda: right.T,
    }
