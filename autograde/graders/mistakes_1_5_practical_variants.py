"""What the exercises of assignment 1.5 should return, and what typical mistakes return instead.

For each exercise a reference function and a table: sentence for the learner -> the value that this mistake gives on the
same input (or a function that computes it). The first sentence that matches is shown, so the likelier comes first.
Workers and clients are given as functions (theta, i) -> gradient, i counting the calls of that worker from 0.
"""

from __future__ import annotations

import math

import torch

# so-polyak-average


def readings(thetas, start, value):
    """What `value` shows after each update, one row an update; a row of NaN stands for None.

    `value` maps the non-empty list of points that are averaged so far to the row.
    """
    kept, rows = [], []
    for index, theta in enumerate(thetas):
        if index >= start:
            kept.append(theta.double())
        rows.append(value(kept) if kept else torch.full_like(theta.double(), math.nan))
    return torch.stack(rows)


def mean_of(points):
    return torch.stack(points).mean(dim=0)


def polyak_readings(thetas, start):
    return readings(thetas, start, mean_of)


def exponential(decay, first=True, corrected=False):
    """An exponential moving average as a function of the points; it begins at the first point or at zero."""

    def value(points):
        average = points[0] if first else torch.zeros_like(points[0])
        for point in points[1:] if first else points:
            average = decay * average + (1 - decay) * point
        return average / (1 - decay ** len(points)) if corrected else average

    return value


def folded(step):
    """The first point, changed by step(average, point, index) for each later one, index from 1."""

    def value(points):
        average = points[0]
        for index, point in enumerate(points[1:], start=1):
            average = step(average, point, index)
        return average

    return value


def polyak_mistakes(thetas, start):
    """Sentence -> what that mistake shows after each update."""
    thetas = [theta.double() for theta in thetas]
    right = polyak_readings(thetas, start)
    count = torch.arange(1, len(thetas) + 1, dtype=torch.float64).reshape(-1, *[1] * thetas[0].dim())
    before = count <= start

    def show(value, first=start):
        return lambda: readings(thetas, first, value)

    def in_place_of_none(rows):
        return lambda: torch.where(before, rows, right)

    decays = (0.9, 0.99, 0.999, 0.95, 0.5)
    return {
        "The last point came back: `value` is the mean of all points that were not skipped": show(lambda p: p[-1]),
        "The sum came back, not the mean: divide by the number of points averaged": show(lambda p: sum(p)),
        "start is ignored: the first `start` points must not enter the mean": show(mean_of, 0),
        "The skipped points are counted in the division: divide by the number of points averaged": show(
            lambda p: sum(p) / (len(p) + start)
        ),
        "The skipped points enter the sum: leave out the first `start` of them": lambda: torch.where(
            before, math.nan, torch.stack(thetas).cumsum(dim=0) / (count - start)
        ),
        "Off by one: one point too many is skipped, the first `start` updates are left out, the next one counts": show(
            mean_of, start + 1
        ),
        "Off by one: one point too few is skipped, the first `start` updates are left out": show(
            mean_of, max(start - 1, 0)
        ),
        "While points are skipped `value` shows the running mean: it is None before anything was averaged": (
            in_place_of_none(readings(thetas, 0, mean_of))
        ),
        "While points are skipped `value` shows the last point: it is None before anything was averaged": (
            in_place_of_none(torch.stack(thetas))
        ),
        "While points are skipped `value` is zero: it is None before anything was averaged": in_place_of_none(
            torch.zeros_like(right)
        ),
        "The mean of the points before `start` came back: those are the ones to skip": lambda: torch.stack(
            [torch.stack(thetas[: min(t + 1, start)]).mean(dim=0) for t in range(len(thetas))]
        ),
        "The division is by one too many (n + 1): n points were added": show(lambda p: sum(p) / (len(p) + 1)),
        "The division is by one too few (n - 1): n points were added": show(
            lambda p: sum(p) / (len(p) - 1) if len(p) > 1 else p[0]
        ),
        "Old and new are averaged half and half: the n-th point has weight 1/n, as every point before it": show(
            folded(lambda average, point, index: (average + point) / 2)
        ),
        "The count lags behind, so that the first point is lost: the n-th moves the mean by (theta - mean)/n": show(
            folded(lambda average, point, index: average + (point - average) / index)
        ),
        "The count runs ahead by one: the n-th point moves the mean by (theta - mean)/n": show(
            folded(lambda average, point, index: average + (point - average) / (index + 2))
        ),
        "The count includes the skipped updates: the n-th averaged point moves the mean by (theta - mean)/n": show(
            folded(lambda average, point, index: average + (point - average) / (index + 1 + start))
        ),
        "The step of the running mean has the wrong sign: move from the mean towards the point": show(
            folded(lambda average, point, index: average - (point - average) / (index + 1))
        ),
        "The old mean is added without its weight (n - 1)/n: the running mean is mean + (theta - mean)/n": show(
            folded(lambda average, point, index: average + point / (index + 1))
        ),
        "The weights of old and new are swapped: the n-th point has weight 1/n, the mean so far (n - 1)/n": show(
            folded(lambda average, point, index: average / (index + 1) + point * index / (index + 1))
        ),
        "Later points weigh more (weight n): all points weigh the same": show(
            lambda p: sum(n * x for n, x in enumerate(p, 1)) / (len(p) * (len(p) + 1) / 2)
        ),
        "The median came back: all points are averaged with equal weight": show(
            lambda p: torch.stack(p).median(dim=0).values
        ),
        "The mean never moves from the first averaged point: take in every later one": show(lambda p: p[0]),
        "Only the last two points are averaged: all points since the skipped ones count": show(
            lambda p: mean_of(p[-2:])
        ),
        "Only the last `start` points are averaged: `start` says how many to skip at the beginning": show(
            lambda p: mean_of(p[-start:]) if start else mean_of(p), 0
        ),
        **{
            f"An exponential moving average (decay {decay:g}) came back: all points weigh the same": show(
                exponential(decay)
            )
            for decay in decays
        },
        **{
            f"An exponential moving average (decay {decay:g}) from zero came back: all points weigh the same": show(
                exponential(decay, first=False)
            )
            for decay in decays
        },
        **{
            f"A bias-corrected exponential average (decay {decay:g}) came back: all points weigh the same": show(
                exponential(decay, first=False, corrected=True)
            )
            for decay in decays
        },
    }


def aliased_readings(thetas):
    """Sentence -> what is shown when one tensor is handed to every update and changed in between."""
    copies = "update keeps a reference to theta, which the caller changes in place: keep a copy, `theta.clone()`"
    rows = [mean_of([thetas[min(t, 1)], *thetas[1 : t + 1]]) for t in range(len(thetas))]
    return {
        copies: torch.stack(thetas),
        f"{copies} (the first point was lost)": torch.stack(rows),
    }


# so-average-distributed, so-accumulate


def matrices(right):
    """Sentences for a vector, computed by `right`, that came back as a matrix."""

    def row():
        return right()[None, :] if len(right()) > 1 else None

    def column():
        return right()[:, None] if len(right()) > 1 else None

    def single():
        return right()[:, None] if len(right()) == 1 else None

    return {
        "The result is a row (1, d): return shape (d,)": row,
        "The result is a column (d, 1): return shape (d,)": column,
        "The result is a matrix (1, 1): return shape (d,)": single,
    }


def weighted_mean(parts, counts):
    counts = torch.tensor([float(count) for count in counts], dtype=torch.float64)
    return counts @ torch.stack([part.double() for part in parts]) / counts.sum()


WORKERS = {"part": "worker", "parts": "workers", "count": "batch size", "element": "row", "elements": "rows"}
MICRO = {
    "part": "micro-batch",
    "parts": "micro-batches",
    "count": "token count",
    "element": "token",
    "elements": "tokens",
}


def weighted_mistakes(parts, counts, words):
    """Sentence -> what that mistake returns; `words` name a part, what it counts and an element of it."""
    g = torch.stack([part.double() for part in parts])
    n = torch.tensor([float(count) for count in counts], dtype=torch.float64)
    size, total = len(n), n.sum()
    share = n / total
    right = share @ g
    part, many, count = words["part"], words["parts"], words["count"]
    element, elements = words["element"], words["elements"]

    def normalised(weights):
        return lambda: weights / weights.sum() @ g

    def folded_by(step):
        def compute():
            average = g[0]
            for index in range(1, size):
                average = step(average, index)
            return average

        return compute

    return {
        f"The plain mean over the {many} came back: weight each gradient by its {count}": lambda: g.mean(dim=0),
        f"The gradients are added up without weights: weight each by its {count} and divide by the total": (
            lambda: g.sum(dim=0)
        ),
        f"The division by the total number of {elements} is missing": lambda: n @ g,
        f"The weighted sum is divided by the number of {many}: divide by the total number of {elements}": lambda: (
            n @ g / size
        ),
        f"The plain mean over the {many} is divided by their number once more: weight each gradient by its {count}": (
            lambda: g.mean(dim=0) / size
        ),
        f"Every gradient is multiplied by the {count} of the first {part}: gradient k goes with {count} k": lambda: (
            n[0] * g.sum(dim=0) / total
        ),
        f"The gradients are not multiplied by their {count} before the division by the total": lambda: (
            g.sum(dim=0) / total
        ),
        f"The weighted mean is divided by the number of {many} once more": lambda: right / size,
        f"The weighted mean is multiplied by the number of {many}: the weights sum to one": lambda: right * size,
        f"The weighted mean is divided by the total number of {elements} twice": lambda: right / total,
        f"The weights are upside down: a {part} with more {elements} counts more, not less": normalised(1 / n),
        f"Each gradient is divided by its {count}: it is a mean already, multiply to get the sum over its {elements}": (
            lambda: (1 / n) @ g
        ),
        f"Each gradient is divided by its {count}, and the mean over the {many} is taken: multiply instead": lambda: (
            (1 / n) @ g / size
        ),
        f"One minus the share is used as weight: the weight of a {part} is its share of the {elements}": lambda: (
            (1 - share) @ g
        ),
        f"One minus the share, normalised, is used as weight: it is the share of the {elements} itself": normalised(
            1 - share
        ),
        f"The square root of the {count} is used as weight: the weight is the {count} itself": normalised(n.sqrt()),
        f"The {count} enters squared: the weight is the {count} itself": normalised(n**2),
        f"The {count} is multiplied in twice: once turns the mean into the sum over its {elements}": lambda: (
            n**2 @ g / total
        ),
        f"The {count} passes through a softmax: the weight is its share of the total": normalised(n.softmax(0)),
        f"The weights are divided by the largest {count}: divide by the total": lambda: n @ g / n.max(),
        f"The weights are divided by the smallest {count}: divide by the total": lambda: n @ g / n.min(),
        f"The weights are divided by the {count} of the first {part}: divide by the total": lambda: n @ g / n[0],
        f"The weights are divided by the {count} of the last {part}: divide by the total": lambda: n @ g / n[-1],
        f"The division is by the number of {many} times the largest {count}, as if all were filled up: use the sum": (
            lambda: n @ g / (size * n.max())
        ),
        f"The total is one too small: divide by the number of {elements} itself": lambda: n @ g / (total - 1),
        f"The weights are in reverse order: gradient k goes with {count} k": normalised(n.flip(0)),
        f"The weights are shifted by one {part}: gradient k goes with {count} k": normalised(n.roll(1)),
        f"The weights are shifted by one {part}, the other way: gradient k goes with {count} k": normalised(n.roll(-1)),
        f"The gradient of the largest {part} alone came back: all of them count": lambda: g[n.argmax()],
        f"The gradient of the first {part} alone came back: all of them count": lambda: g[0],
        f"The gradient of the last {part} alone came back: all of them count": lambda: g[-1],
        f"The last {part} is left out: all of them count": lambda: n[:-1] @ g[:-1] / n[:-1].sum(),
        f"The last {part} is left out, though not in the total: all of them count": lambda: n[:-1] @ g[:-1] / total,
        f"The first {part} is left out: all of them count": lambda: n[1:] @ g[1:] / n[1:].sum(),
        f"Each new gradient is averaged half and half with the mean so far: every {element} weighs the same": (
            folded_by(lambda average, k: (average + g[k]) / 2)
        ),
        f"The mean so far is weighted by one {part} only: it stands for all {elements} seen before": folded_by(
            lambda average, k: (n[k - 1] * average + n[k] * g[k]) / (n[k - 1] + n[k])
        ),
        f"The median over the {many} came back: weight each gradient by its {count} and average": lambda: (
            g.median(dim=0).values
        ),
        "The result has the wrong sign: the mean gradient is asked for, not the step": lambda: -right,
        "Floor division, //, makes every weight zero: divide with /": lambda: torch.zeros_like(right),
        "The gradient is normalised to length one: return it as it is": lambda: right / right.norm(),
        f"One row a {part} came back: add the weighted rows up": lambda: share[:, None] * g,
        f"One row a {part} came back, not divided by the total: add the rows up and divide": lambda: n[:, None] * g,
        "The mean over the coordinates came back, one number: the gradient has shape (d,)": lambda: right.mean(),
        f"One number a {part} came back: average over the {many}, dim=0": lambda: g.mean(dim=1),
        **matrices(lambda: right),
    }


# so-local-sgd, so-fedavg


def walk(gradient, theta, lr, steps, first=0):
    """Iterates theta_0 .. theta_steps of one worker; `first` is the number of its calls so far."""
    path = [theta.double()]
    for index in range(steps):
        path.append(path[-1] - lr * gradient(path[-1], first + index))
    return path


def stale_walk(gradient, theta, lr, steps, first=0):
    """As `walk`, with every gradient taken at the start."""
    path = [theta.double()]
    for index in range(steps):
        path.append(path[-1] - lr * gradient(path[0], first + index))
    return path


def unit_walk(gradient, theta, lr, steps, first=0):
    """As `walk`, with gradients of length one."""
    path = [theta.double()]
    for index in range(steps):
        step = gradient(path[-1], first + index)
        path.append(path[-1] - lr * step / step.norm())
    return path


def last_mean(server, paths):
    return mean_of([path[-1] for path in paths])


def iterate(gradients, theta0, lr, rounds, local_steps, walk=walk, merge=last_mean):
    """Server iterates (rounds + 1, d); merge(server, paths) makes the next one of the workers' paths."""
    servers = [theta0.double()]
    for index in range(rounds):
        paths = [walk(gradient, servers[-1], lr, local_steps, index * local_steps) for gradient in gradients]
        servers.append(merge(servers[-1], paths))
    return torch.stack(servers)


def in_sequence(gradients, server, lr, steps, first):
    """The paths of workers each of which starts where the one before ended."""
    paths, theta = [], server
    for gradient in gradients:
        paths.append(walk(gradient, theta, lr, steps, first))
        theta = paths[-1][-1]
    return paths


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


# so-fedavg-fixed-point


def solved(pulls, optima):
    """The theta with sum_k M_k (theta - theta_k) = 0, M of shape (K, d, d)."""
    return torch.linalg.solve(pulls.sum(dim=0), (pulls @ optima[..., None]).sum(dim=0).squeeze(-1))


def clients_of(hessians, optima, weights):
    A = torch.stack([hessian.double() for hessian in hessians])
    centres = torch.stack([optimum.double() for optimum in optima])
    w = torch.tensor([float(weight) for weight in weights], dtype=torch.float64)
    return A, centres, w / w.sum(), w


def fixed_point(hessians, optima, weights, lr, local_steps):
    A, centres, share, _ = clients_of(hessians, optima, weights)
    identity = torch.eye(A.shape[-1], dtype=torch.float64)
    pulls = identity - torch.linalg.matrix_power(identity - lr * A, local_steps)
    return solved(share[:, None, None] * pulls, centres)


def fixed_point_mistakes(hessians, optima, weights, lr, local_steps):
    """Sentence -> what that mistake returns."""
    A, centres, share, w = clients_of(hessians, optima, weights)
    clients, dim = centres.shape
    identity = torch.eye(dim, dtype=torch.float64)
    power = torch.linalg.matrix_power
    steps = local_steps
    kept = power(identity - lr * A, steps)
    pulls = identity - kept
    right = solved(share[:, None, None] * pulls, centres)
    even = torch.full_like(share, 1 / clients)

    def with_pulls(matrices, p=share):
        return lambda: solved(p[:, None, None] * matrices, centres)

    def mix(p, matrices, vectors=None):
        """sum_k p_k M_k, or sum_k p_k M_k v_k."""
        if vectors is None:
            return torch.einsum("k,kij->ij", p, matrices)
        return torch.einsum("k,kij,kj->i", p, matrices, vectors)

    def rounds(count, start):
        """Where `count` rounds from `start` end: each multiplies the distance to the fixed point by the mean power."""
        return lambda: right + power(mix(share, kept), count) @ (start - right)

    def geometric(terms):
        return sum(power(identity - lr * A, j) for j in range(terms))

    def minimisers_of_rounds():
        return torch.einsum("k,kij,kj->i", share, torch.linalg.inv(pulls), centres)

    too_few = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
    return {
        "The weights are ignored: client k counts with w_k": with_pulls(pulls, even),
        "This is the minimiser of the weighted objective, the fixed point for one local step: use all local_steps": (
            with_pulls(A)
        ),
        "This is the minimiser of the unweighted objective, the fixed point for one local step and equal weights": (
            with_pulls(A, even)
        ),
        "The weighted mean of the optima came back: each is pulled at through its own I - (I - lr A)^E": lambda: (
            share @ centres
        ),
        "The plain mean of the optima came back: each is pulled at through w_k (I - (I - lr A)^E)": lambda: (
            centres.mean(dim=0)
        ),
        "(I - lr A)^E stands where I - (I - lr A)^E belongs": with_pulls(kept),
        "The power is E - 1: a client takes E = local_steps steps": with_pulls(
            identity - power(identity - lr * A, steps - 1)
        ),
        "The power is E + 1: a client takes E = local_steps steps": with_pulls(
            identity - power(identity - lr * A, steps + 1)
        ),
        "The power is taken entry by entry, **: use torch.linalg.matrix_power": with_pulls(
            identity - (identity - lr * A) ** steps
        ),
        "ones stand where the identity matrix belongs: 1 - lr * A subtracts from every entry": lambda: solved(
            share[:, None, None] * (1 - power(1 - lr * A, steps)), centres
        ),
        "1 - (...) subtracts from every entry: the outer I is the identity matrix": lambda: solved(
            share[:, None, None] * (1 - kept), centres
        ),
        "The weights are not divided by their sum, so that this is no fixed point of a weighted mean": lambda: (
            torch.linalg.solve(identity - mix(w, kept), mix(w, pulls, centres))
        ),
        "The weights are divided by their sum on the right side only: both sides need the same weights": lambda: (
            torch.linalg.solve(mix(w, pulls), mix(share, pulls, centres))
        ),
        "The weights are divided by their sum on the left side only: both sides need the same weights": lambda: (
            torch.linalg.solve(mix(share, pulls), mix(w, pulls, centres))
        ),
        "The weights are missing on the right side: both sides need w_k": lambda: torch.linalg.solve(
            mix(share, pulls), mix(torch.ones_like(share), pulls, centres)
        ),
        "The weights are missing on the left side: both sides need w_k": lambda: torch.linalg.solve(
            mix(torch.ones_like(share), pulls), mix(share, pulls, centres)
        ),
        "On the left the matrices are averaged evenly: both sides need w_k": lambda: torch.linalg.solve(
            mix(even, pulls), mix(share, pulls, centres)
        ),
        "On the right the vectors are averaged evenly: both sides need w_k": lambda: torch.linalg.solve(
            mix(share, pulls), mix(even, pulls, centres)
        ),
        "The weights and E are both left out of the matrices: use w_k (I - (I - lr A)^E) on both sides": lambda: (
            torch.linalg.solve(mix(share, A), mix(share, pulls, centres))
        ),
        "On the right (I - lr A)^E stands where I - (I - lr A)^E belongs": lambda: torch.linalg.solve(
            mix(share, pulls), mix(share, kept, centres)
        ),
        "The matrix is not inverted: this is one round from zero, solve for the point that a round leaves alone": (
            rounds(1, torch.zeros(dim, dtype=torch.float64))
        ),
        "The matrix is multiplied where a linear system is to be solved": lambda: (
            mix(share, pulls) @ mix(share, pulls, centres)
        ),
        "The system is solved entry by entry with the diagonal: use torch.linalg.solve": lambda: (
            mix(share, pulls, centres) / mix(share, pulls).diagonal()
        ),
        "Only the diagonals of the Hessians are used": lambda: fixed_point(
            torch.diag_embed(A.diagonal(dim1=1, dim2=2)), centres, share, lr, steps
        ),
        "lr is left out of (I - lr A)": with_pulls(identity - power(identity - A, steps)),
        "The sign is wrong: a step multiplies by I - lr A, not by I + lr A": with_pulls(
            identity - power(identity + lr * A, steps)
        ),
        "The Hessian itself is raised to the power: it is the whole of I - lr A": with_pulls(power(A, steps)),
        "I - lr A^E is used: the whole of I - lr A is raised to the power": with_pulls(identity - lr * power(A, steps)),
        "I - (lr A)^E is used: the whole of I - lr A is raised to the power": with_pulls(
            identity - power(lr * A, steps)
        ),
        "I - E lr A is used: the whole of I - lr A is raised to the power": with_pulls(identity - steps * lr * A),
        "exp(-lr E A) is the gradient flow: E steps of size lr give (I - lr A)^E": with_pulls(
            identity - torch.linalg.matrix_exp(-lr * steps * A)
        ),
        "A is missing behind the sum of powers: I - (I - lr A)^E is lr A times the sum of (I - lr A)^j": with_pulls(
            geometric(steps)
        ),
        "lr A (I - lr A)^E is used: a round pulls with I - (I - lr A)^E": with_pulls(A @ kept),
        "lr A (I - lr A)^(E - 1), the last local step alone, is used: a round pulls with I - (I - lr A)^E": (
            lambda: solved(share[:, None, None] * (A @ power(identity - lr * A, steps - 1)), centres)
        ),
        "The weights are squared: client k counts with w_k": with_pulls(pulls, share**2),
        "The weights are upside down: client k counts with w_k": with_pulls(pulls, 1 / share),
        "The weights are in reverse order: weight k belongs to client k": with_pulls(pulls, share.flip(0)),
        "The weights pass through a softmax: client k counts with w_k": with_pulls(pulls, w.softmax(0)),
        "The weights stand inside the power: a client steps with lr itself, and w_k weighs what its round did": (
            lambda: solved(identity - power(identity - lr * share[:, None, None] * A, steps), centres)
        ),
        "The weights stand inside the power, not divided by their sum: a client steps with lr, w_k weighs its round": (
            lambda: solved(identity - power(identity - lr * w[:, None, None] * A, steps), centres)
        ),
        "The weights stand inside the power and outside: a client steps with lr itself": with_pulls(
            identity - power(identity - lr * share[:, None, None] * A, steps)
        ),
        "Each optimum is divided by its own matrix: add the matrices first, then solve once": minimisers_of_rounds,
        "The sign of the result is wrong": lambda: -right,
        "The first client's optimum came back: all clients pull": lambda: centres[0],
        "The distance to the global optimum came back: return the fixed point itself": lambda: (
            right - solved(share[:, None, None] * A, centres)
        ),
        **{
            f"Only {count} rounds from {name} were run: the fixed point is exact, solve the linear system": (
                rounds(count, start)
            )
            for count in too_few
            for name, start in [
                ("zero", torch.zeros(dim, dtype=torch.float64)),
                ("the weighted mean of the optima", share @ centres),
                ("the mean of the optima", centres.mean(dim=0)),
            ]
        },
        **matrices(lambda: right),
        "One row a client came back: a round has one fixed point, shape (d,)": lambda: centres,
    }
