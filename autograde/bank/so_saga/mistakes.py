"""SAGA: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import itertools

import torch


def replay_saga(samples, theta0, lr, steps):
    """(theta, draws) of SAGA with the indices that were asked for at its iterates; None where it left them.

    The first step is the mean of the table whatever its index, so `draws` has steps - 1 indices.
    """
    theta = theta0.double()
    table = samples.all_gradients(theta)
    draws = []
    for k in range(steps):
        if k == 0:
            theta = theta - lr * table.mean(dim=0)
            continue
        i = samples.index_at(theta)
        if i is None:
            return None
        new = samples.gradient(theta, i)
        theta, table = theta - lr * (new - table[i] + table.mean(dim=0)), replaced(table, i, new)
        draws.append(i)
    return theta, draws


def replaced(table, i, row):
    table = table.clone()
    table[i] = row
    return table


def saga_patterns(indices, n, steps):
    """Ways to read the indices of the calls: (pattern, draws), "table" with n calls at the beginning, "none" without.

    In "table twice" and "none twice" each step calls twice with the same index.
    """
    found = []
    for width, head, count in itertools.product((1, 2), (n, 0), (steps, steps - 1, steps + 1)):
        body = indices[head:]
        if count < 1 or len(body) != width * count or (head and sorted(indices[:n]) != list(range(n))):
            continue
        if width == 2 and body[::2] != body[1::2]:
            continue
        found.append((("table" if head else "none") + (" twice" if width == 2 else ""), body[::width]))
    return found


def saga_run(samples, theta0, lr, draws, step, zeros=False, after=False):
    """(iterates, table) where `step(new, old, mean of the old table, mean of the new one)` is the direction.

    zeros: the table starts empty; after: the row is taken at the new theta.
    """
    theta = theta0.double()
    table = samples.all_gradients(theta)
    if zeros:
        table = torch.zeros_like(table)
    first = table.mean(dim=0)
    rows = [theta]
    for i in draws:
        new = samples.gradient(theta, i)
        later = replaced(table, i, new)
        theta = theta - lr * step(new, table[i], table.mean(dim=0), later.mean(dim=0), first)
        if after:
            later = replaced(table, i, samples.gradient(theta, i))
        table = later
        rows.append(theta)
    return torch.stack(rows), table


def saga_mistakes(samples, theta0, lr, steps):
    """Sentence -> what that mistake gives for the last theta, for every way to read the calls."""
    path = [theta0.double()]
    for _ in range(steps):
        path.append(path[-1] - lr * samples.all_gradients(path[-1]).mean(dim=0))
    table = {
        "This is gradient descent: a step renews one row of the table, and the others keep what they hold": (path[-1])
    }
    for pattern, draws in saga_patterns(samples.indices, samples.n, steps):
        table |= saga_table(samples, theta0, lr, steps, pattern, draws)
    return table


def saga_table(samples, theta0, lr, steps, pattern, draws):
    n = samples.n

    def run(step, **how):
        return lambda: saga_run(samples, theta0, lr, draws, step, **how)[0][-1]

    def saga_step(new, old, mean, later, first):
        return new - old + mean

    def stale_table(step):
        def compute():
            theta = theta0.double()
            rows = samples.all_gradients(theta)
            for i in draws:
                theta = theta - lr * step(samples.gradient(theta, i), rows[i], rows.mean(dim=0))
            return theta

        return compute

    def running_mean(share, entries):
        """The mean of the table is carried along with a wrong share of each change."""

        def compute():
            theta = theta0.double()
            rows = samples.all_gradients(theta)
            mean = rows.mean(dim=0)
            for i in draws:
                new = samples.gradient(theta, i)
                change = new - rows[i]
                theta = theta - lr * (change + mean)
                mean = mean + share * change
                if entries:
                    rows = replaced(rows, i, new)
            return theta

        return compute

    if len(draws) != steps:
        more = "many" if len(draws) > steps else "few"
        return {f"One step too {more}: theta moves `steps` times": run(saga_step)}
    if pattern.startswith("none"):
        return {
            "The table starts with zeros: fill it with the gradients at theta0 first": run(saga_step, zeros=True),
            "The table starts with zeros, and it is updated before the step (SAG): fill it at theta0, and use the old "
            "row": run(lambda new, old, mean, later, first: later, zeros=True),
            "This is plain SGD: the table is missing": run(lambda new, old, mean, later, first: new),
        }
    return {
        "This is SAG, which is biased: the change new - old enters with weight 1/n, or the row was overwritten before "
        "it was subtracted; step first, then update the table": run(lambda new, old, mean, later, first: later),
        "The mean of the table is taken after the row was updated: use the mean of the old table": run(
            lambda new, old, mean, later, first: new - old + later
        ),
        "The table is never updated: after each step row i becomes the new gradient": stale_table(
            lambda new, old, mean: new - old + mean
        ),
        "The mean of the first table is used at every step: it changes with the table": run(
            lambda new, old, mean, later, first: new - old + first
        ),
        "The running mean is updated by the whole change: a row is one of n, so add change/n": running_mean(1.0, True),
        "The running mean is updated but the rows are not: row i becomes the new gradient": running_mean(
            1.0 / n, False
        ),
        "The running mean is updated with the wrong sign: add (new - old)/n": running_mean(-1.0 / n, True),
        "The correction has the wrong sign: the direction is new - old + mean of the table": run(
            lambda new, old, mean, later, first: old - new + mean
        ),
        "The mean of the table has the wrong sign: the direction is new - old + mean": run(
            lambda new, old, mean, later, first: new - old - mean
        ),
        "Both corrections have the wrong sign: the direction is new - old + mean of the table": run(
            lambda new, old, mean, later, first: new + old - mean
        ),
        "The mean of the table is missing: the direction is new - old + mean": run(
            lambda new, old, mean, later, first: new - old
        ),
        "The old row is not subtracted: the direction is new - old + mean": run(
            lambda new, old, mean, later, first: new + mean
        ),
        "The sum of the table is used: divide by n": run(lambda new, old, mean, later, first: new - old + n * mean),
        "The mean of the table is one number, taken over the coordinates too: take it over the samples, dim=0": run(
            lambda new, old, mean, later, first: new - old + mean.mean()
        ),
        "The mean of the table alone is followed: the direction is new - old + mean": run(
            lambda new, old, mean, later, first: mean
        ),
        "This is plain SGD: the direction is new - old + mean of the table": run(
            lambda new, old, mean, later, first: new
        ),
        "The step goes uphill: subtract lr times the direction": run(
            lambda new, old, mean, later, first: -(new - old + mean)
        ),
        "The learning rate is left out: theta moves by lr times the direction": run(
            lambda new, old, mean, later, first: (new - old + mean) / lr
        ),
        "Row i is filled with the gradient at the new theta: it is the gradient the step has used": run(
            saga_step, after=True
        ),
        "theta before the last step came back: return the last one": lambda: saga_run(
            samples, theta0, lr, draws, saga_step
        )[0][-2],
        "The whole trajectory came back: return the last theta, shape (d,)": lambda: saga_run(
            samples, theta0, lr, draws, saga_step
        )[0],
        "The table stands first: return (theta, table)": lambda: saga_run(samples, theta0, lr, draws, saga_step)[1],
        "theta0 came back: theta is never updated": lambda: theta0.double(),
        "The mean of the iterates came back: return the last one": lambda: saga_run(
            samples, theta0, lr, draws, saga_step
        )[0].mean(dim=0),
    }


def table_mistakes(samples, theta0, last_theta, steps):
    """(expected, mistakes) for the table of SAGA, from what the answer itself asked for: row i is its last gradient."""
    n = samples.n
    start = samples.all_gradients(theta0.double())
    expected, before = start.clone(), start.clone()
    seen = [[] for _ in range(n)]
    for point, index in samples.calls:
        expected[index], before[index] = samples.gradient(point, index), expected[index].clone()
        seen[index].append(expected[index].clone())
    return expected, {
        "The table still holds the gradients at theta0: row i becomes the new gradient after each step": start,
        "The last step is missing in the table: row i becomes the new gradient after every step": lambda: last_missing(
            samples, start
        ),
        "The table holds the gradients before the last ones: row i becomes the new gradient": before,
        "All rows were computed anew at the last theta: a row keeps the gradient of its last visit": lambda: (
            samples.all_gradients(last_theta)
        ),
        "The table is transposed: one row a sample, shape (n, d)": expected.T,
        "The mean of the table came back: return all its rows, shape (n, d)": expected.mean(dim=0),
        "The rows hold the sum of the gradients of their visits: the new one replaces the old": lambda: torch.stack(
            [torch.stack(rows).sum(dim=0) for rows in seen]
        ),
        "The rows hold the mean of the gradients of their visits: the new one replaces the old": lambda: torch.stack(
            [torch.stack(rows).mean(dim=0) for rows in seen]
        ),
        "theta stands last: return (theta, table)": last_theta,
        "The rows that were not drawn are zero: the table starts with the gradients at theta0": lambda: torch.stack(
            [
                expected[i] if len(seen[i]) > (1 if len(samples.calls) > steps else 0) else 0 * expected[i]
                for i in range(n)
            ]
        ),
        "The table holds points instead of gradients": lambda: torch.stack(
            [[point for point, index in samples.calls if index == i][-1] for i in range(n)]
        ),
    }


def last_missing(samples, start):
    table = start.clone()
    for point, index in samples.calls[:-1]:
        table[index] = samples.gradient(point, index)
    return table
