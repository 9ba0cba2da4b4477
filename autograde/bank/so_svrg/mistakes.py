"""SVRG: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import itertools

import torch


def difference(new, old, mean):
    return new - old + mean


def svrg_epoch(samples, start, snapshot, mean, lr, draws, direction=difference, moving=False, others=None, decay=None):
    """Iterates (len(draws) + 1, d) of one epoch; the correction is taken at `snapshot`, or at theta if `moving`.

    decay: k -> factor of the learning rate at inner step k.
    """
    rows, full_lr = [start], lr
    for k, i in enumerate(draws):
        lr = full_lr * decay(k) if decay else full_lr
        theta = rows[-1]
        j = i if others is None else others[k]
        old = samples.gradient(theta if moving else snapshot, j)
        rows.append(theta - lr * direction(samples.gradient(theta, i), old, mean))
    return torch.stack(rows)


def svrg_snapshots(samples, theta0, lr, draws, *, stale="", summed=False, restart=False, pick=None, every=False, **how):
    """Snapshots (epochs + 1, d) with the indices `draws` (epochs x inner).

    stale: which of "mean", "snapshot" stay at theta0; pick: iterates of an epoch -> next snapshot (default the last);
    restart: every epoch starts at theta0; every: the mean gradient is taken at theta in every step; `how` as in
    `svrg_epoch`. With `others`, indices of the second gradient of each pair, epochs x inner too.
    """
    start = theta0.double()
    others = how.pop("others", None)
    rows = [start]
    for e, indices in enumerate(draws):
        here = rows[-1]
        full = samples.all_gradients(start if "mean" in stale else here)
        mean = full.sum(dim=0) if summed else full.mean(dim=0)
        origin = start if "snapshot" in stale else here
        if every:
            path = [here]
            for i in indices:
                theta = path[-1]
                step = samples.gradient(theta, i) - samples.gradient(origin, i) + samples.all_gradients(theta).mean(0)
                path.append(theta - lr * step)
            iterates = torch.stack(path)
        else:
            second = others[e] if others else None
            begin = start if restart else here
            iterates = svrg_epoch(samples, begin, origin, mean, lr, indices, others=second, **how)
        rows.append(pick(iterates, e) if pick else iterates[-1])
    return torch.stack(rows)


def replay_svrg(samples, theta0, lr, epochs, inner):
    """(snapshots, draws) of SVRG with the indices that were asked for at its iterates; None where it left them.

    The first step of an epoch is the full gradient at the snapshot whatever its index, so `draws` has inner - 1
    indices an epoch, and calls may come in any order.
    """
    rows, draws = [theta0.double()], []
    for _ in range(epochs):
        snapshot = rows[-1]
        mean = samples.all_gradients(snapshot).mean(dim=0)
        theta, drawn = snapshot - lr * mean, []
        for _ in range(inner - 1):
            i = samples.index_at(theta)
            if i is None:
                return None
            theta = theta - lr * (samples.gradient(theta, i) - samples.gradient(snapshot, i) + mean)
            drawn.append(i)
        rows.append(theta)
        draws.append(drawn)
    return torch.stack(rows), draws


def svrg_patterns(indices, n, epochs, inner):
    """Ways to read the indices of the calls as rounds of full gradients and inner steps: (pattern, draws, others).

    Patterns: "pairs" n calls and two a step, "single" n calls and one a step, "once pairs" and "once single" n calls
    only at the very beginning, "none pairs" and "none single" no full gradients, "every" n calls and two at each step.
    """
    everyone = list(range(n))
    found = []

    def full(block):
        return sorted(block) == everyone

    for count, m in itertools.product(
        (epochs, epochs - 1, epochs + 1), dict.fromkeys((inner, inner - 1, inner + 1, n))
    ):
        if count < 1 or m < 1:
            continue
        for pattern in ("pairs", "single", "once pairs", "once single", "none pairs", "none single", "every"):
            width = 2 if pattern.endswith("pairs") else 1
            head = n if pattern in ("pairs", "single") else 0
            first = n if pattern.startswith("once") else 0
            body = m * (n + 2) if pattern == "every" else head + m * width
            if len(indices) != first + count * body or not (not first or full(indices[:n])):
                continue
            draws, others, fits = [], [], True
            for e in range(count):
                block = indices[first + e * body : first + (e + 1) * body]
                if pattern == "every":
                    steps = [block[k * (n + 2) : (k + 1) * (n + 2)] for k in range(m)]
                    fits &= all(full(step[:n]) for step in steps)
                    draws.append([step[n] for step in steps])
                    others.append([step[n + 1] for step in steps])
                    continue
                fits &= not head or full(block[:head])
                inside = block[head:]
                draws.append(inside[::width])
                others.append(inside[1::2] if width == 2 else inside)
            if fits:
                found.append((pattern, draws, others))
    return found


def svrg_mistakes(samples, theta0, lr, epochs, inner, got):
    """Sentence -> what that mistake returns, for every way to read the calls; `got` (K, d) is what came back."""
    table = {}
    for pattern, draws, others in svrg_patterns(samples.indices, samples.n, epochs, inner):
        table = svrg_table(samples, theta0, lr, epochs, inner, got, pattern, draws, others) | table
    return table


def svrg_table(samples, theta0, lr, epochs, inner, got, pattern, draws, others):
    start, size = theta0.double(), len(draws[0])

    def run(**how):
        return lambda: svrg_snapshots(samples, theta0, lr, draws, **how)

    def path():
        rows = [start[None]]
        here = start
        for indices in draws:
            mean = samples.all_gradients(here).mean(dim=0)
            iterates = svrg_epoch(samples, here, here, mean, lr, indices)
            rows.append(iterates[1:])
            here = iterates[-1]
        return torch.cat(rows)

    def nearest(iterates, e):
        """The iterate of epoch e that came back as the next snapshot, if any."""
        return min(iterates, key=lambda row: (row - got[e + 1]).abs().max().item())

    if draws != others:
        return {
            "Two different indices in one step: grad_i(theta, i) and grad_i(snapshot, i) need the same i": run(
                others=others
            ),
            "Two different indices in one step, in the wrong order: both gradients need the same i": lambda: (
                svrg_snapshots(samples, theta0, lr, others, others=draws)
            ),
        }
    right = run()
    if len(draws) != epochs:
        more = "many" if len(draws) > epochs else "few"
        return {f"One epoch too {more}: there are epochs + 1 snapshots, theta0 among them": right}
    if size != inner:
        table = {
            f"An epoch has {'too many' if size > inner else 'too few'} inner steps: it has exactly `inner`": right,
        }
        if size == samples.n:
            table["An epoch has n steps, one for each sample: it has `inner` steps, with indices drawn afresh"] = right
        return dict(reversed(table.items()))
    plain = {
        "This is plain SGD: the correction - grad_i(snapshot, i) + mu is missing": run(
            direction=lambda new, old, mean: new
        ),
    }
    if pattern == "every":
        return {
            "The full gradient is computed anew at every inner step: mu belongs to the snapshot, once an epoch": run(
                every=True
            ),
            "The full gradient at theta is followed: mu belongs to the snapshot": run(every=True, moving=True),
        } | plain
    return {
        "The correction has the wrong sign: the direction is grad_i(theta, i) - grad_i(snapshot, i) + mu": run(
            direction=lambda new, old, mean: old - new + mean
        ),
        "mu has the wrong sign: the direction is grad_i(theta, i) - grad_i(snapshot, i) + mu": run(
            direction=lambda new, old, mean: new - old - mean
        ),
        "Both corrections have the wrong sign: the direction is grad_i(theta, i) - grad_i(snapshot, i) + mu": run(
            direction=lambda new, old, mean: new + old - mean
        ),
        "Nothing is subtracted: the direction is grad_i(theta, i) - grad_i(snapshot, i) + mu": run(
            direction=lambda new, old, mean: new + old + mean
        ),
        "mu is missing: the direction is grad_i(theta, i) - grad_i(snapshot, i) + mu": run(
            direction=lambda new, old, mean: new - old
        ),
        "grad_i(snapshot, i) is missing: the direction is grad_i(theta, i) - grad_i(snapshot, i) + mu": run(
            direction=lambda new, old, mean: new + mean
        ),
        "The correction is averaged in with weight 1/n: it enters the direction with weight one": run(
            direction=lambda new, old, mean: (new - old) / samples.n + mean
        ),
        "The step goes uphill: subtract lr times the direction": run(
            direction=lambda new, old, mean: -(new - old + mean)
        ),
        "The learning rate is left out: theta moves by lr times the direction": run(
            direction=lambda new, old, mean: (new - old + mean) / lr
        ),
        "The learning rate decays with the inner steps: it is the same at every step": run(decay=lambda k: 1 / (k + 1)),
        "The learning rate decays with the root of the inner steps: it is the same at every step": run(
            decay=lambda k: (k + 1) ** -0.5
        ),
        "mu is the sum of the n gradients: divide by n": run(summed=True),
        "mu is one number, the mean over the coordinates too: take it over the samples, dim=0": run(
            direction=lambda new, old, mean: new - old + mean.mean()
        ),
        "mu is divided by `inner`: it is the mean over the n samples": run(
            direction=lambda new, old, mean: new - old + mean * samples.n / inner
        ),
        "The snapshot moves along with theta (two names for one tensor, or an update in place): copy it": run(
            moving=True
        ),
        "mu stays that of theta0: compute the full gradient anew at every snapshot": run(stale="mean"),
        "grad_i is always corrected at theta0: use the snapshot of the present epoch": run(stale="snapshot"),
        "The snapshot is never renewed: the last iterate of an epoch is the snapshot of the next": run(
            stale="mean snapshot"
        ),
        "Every epoch starts again from theta0: start at the snapshot": run(restart=True),
        "Every epoch starts again from theta0, and mu and the correction stay there: go on from the last iterate": run(
            restart=True, stale="mean snapshot"
        ),
        "The next snapshot is the mean of the inner iterates: take the last one": run(
            pick=lambda iterates, e: iterates[1:].mean(dim=0)
        ),
        "The next snapshot is the mean of the iterates, the old snapshot included: take the last one": run(
            pick=lambda iterates, e: iterates.mean(dim=0)
        ),
        "The next snapshot is the mean of the iterates before the last: take the last one": run(
            pick=lambda iterates, e: iterates[:-1].mean(dim=0)
        ),
        "The next snapshot is the iterate before the last: take the last one": run(
            pick=lambda iterates, e: iterates[-2]
        ),
        "All rows are theta0: theta never becomes the next snapshot": lambda: start.expand(epochs + 1, -1).clone(),
        "All rows are the last snapshot: the list holds one tensor that is updated in place; append a copy": lambda: (
            right()[-1].expand(epochs + 1, -1).clone()
        ),
        "All rows but the first are the last snapshot: one tensor is updated in place; append a copy": lambda: (
            torch.cat([start[None], right()[-1].expand(epochs, -1)])
        ),
        "theta0 is missing: it is the first of epochs + 1 snapshots": lambda: right()[1:],
        "The last snapshot is missing: epochs + 1 rows, theta0 among them": lambda: right()[:-1],
        "Only the last snapshot came back: return all of them, shape (epochs + 1, d)": lambda: right()[-1],
        "All inner iterates came back: return the snapshots alone": path,
        "All inner iterates came back, without theta0: return the snapshots alone": lambda: path()[1:],
        "The next snapshot is some earlier inner iterate: take the last one": run(pick=nearest),
        **plain,
    }
