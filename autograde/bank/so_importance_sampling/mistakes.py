"""Importance sampling: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import torch

from autograde.bank.mistake_tables import joined, told_apart


def weighted_gradient(per_sample, p, idx):
    g, p = per_sample.double(), p.double()
    return (g[idx] / (len(g) * p[idx])[:, None]).mean(dim=0)


def importance_mistakes(per_sample, p, idx, rtol=1e-6):
    """Sentence -> what that mistake returns."""
    g, p = per_sample.double(), p.double()
    idx = idx.long()
    n_rows, size = len(g), len(idx)
    drawn, rows = p[idx], g[idx]
    weights = 1 / (n_rows * drawn)
    once = torch.unique(idx)
    right = weighted_gradient(per_sample, p, idx)

    def mean(factors, data=None):
        return (factors[:, None] * (rows if data is None else data)).mean(dim=0)

    sizes = {
        "The sum over the drawn rows came back: divide by the batch size B": lambda: size,
        "N is missing: the weights are 1/(N p), not 1/p": lambda: n_rows,
        "N is missing, and the drawn rows are summed: divide by B and by N": lambda: n_rows * size,
        "The division by B is done twice: once is enough": lambda: 1 / size,
        "The division by N is done twice: once is enough": lambda: 1 / n_rows,
        "The result is multiplied by B instead of divided: it is a mean over the drawn rows": lambda: size * size,
        "N stands in the numerator: the weights are 1/(N p)": lambda: n_rows * n_rows,
        "The sign is wrong: the result estimates the mean gradient itself": lambda: -1,
        "The mean is taken over the d coordinates too: average over the drawn rows only": lambda: 1 / g.shape[1],
    }
    wholes = {
        "The drawn rows are averaged without weights: divide each by N p": lambda: rows.mean(dim=0),
        "Each row is multiplied by its probability: divide by it, a row drawn too often must count less": lambda: mean(
            drawn
        ),
        "Each row is multiplied by N p: divide by it, a row drawn too often must count less": lambda: mean(
            n_rows * drawn
        ),
        "The weights are normalised to sum to one: divide by B, not by the sum of the weights": lambda: (
            (weights[:, None] * rows).sum(dim=0) / weights.sum()
        ),
        "The probabilities of the drawn rows are normalised to sum to one: use p as it is": lambda: (
            mean(drawn.sum() / drawn) / n_rows
        ),
        "The probabilities of the drawn rows are normalised to sum to one, and B stands for N: use 1/(N p)": lambda: (
            mean(drawn.sum() / drawn) / size
        ),
        "p is not indexed: row idx[b] must meet its own probability p[idx[b]]": lambda: mean(
            1 / (n_rows * p[torch.arange(size)])
        ),
        "The gradients are not indexed: probability p[idx[b]] must meet row idx[b]": lambda: mean(
            weights, g[torch.arange(size)]
        ),
        "The weights are divided by the largest one: use 1/(N p) as they are": lambda: right / weights.max(),
        "The weights are capped at one, which brings a bias back: use 1/(N p) as they are": lambda: mean(
            weights.clamp(max=1)
        ),
        "The square root of the weights is used: it is 1/(N p) itself": lambda: mean(weights.sqrt()),
        "The weights are squared: it is 1/(N p) itself": lambda: mean(weights.square()),
        "A repeated row is counted once: a row drawn twice counts twice": lambda: weighted_gradient(
            per_sample, p, once
        ),
        "A repeated row enters the sum once, though the division is by B: it counts as often as it was drawn": lambda: (
            weighted_gradient(per_sample, p, once) * len(once) / size
        ),
        "The weights are 1 - p: they are 1/(N p)": lambda: mean(1 - drawn),
        "The exact mean gradient over all N rows came back: estimate it from the rows idx": lambda: g.mean(dim=0),
        "All N rows are used, weighted by 1/(N p): use the rows idx only": lambda: (
            (g / p[:, None]).nan_to_num(posinf=0, neginf=0).mean(dim=0) / n_rows
        ),
        "The expectation under p, the sum of p_i g_i, came back: divide each drawn row by N p": lambda: p @ g,
        "The logarithm of p is used: the weights are 1/(N p)": lambda: mean(-torch.log(drawn)),
        "N is taken from the batch: the weights are 1/(N p) with N = len(per_sample)": lambda: mean(1 / (size * drawn)),
        "One weighted gradient a row, shape (B, d), came back: average over the minibatch": lambda: (
            weights[:, None] * rows
        ),
        "The weights, shape (B,), came back: multiply the drawn gradients by them and average": lambda: weights,
        "The mean over the d coordinates came back, one number a row: average over the drawn rows, dim=0": lambda: (
            weights[:, None] * rows
        ).mean(dim=1),
        "The sum over the d coordinates came back, one number a row: average over the drawn rows, dim=0": lambda: (
            weights[:, None] * rows
        ).sum(dim=1),
        "The result has an extra dimension: return shape (d,)": lambda: right[None, :],
        **{
            f"About 1e-{k} is added to p: divide by N p itself": lambda k=k: mean(1 / (n_rows * (drawn + 10.0**-k)))
            for k in range(2, 13)
        },
    }
    single = {s: (lambda factor=factor: right * factor()) for s, factor in sizes.items()} | wholes
    double = {
        joined(one, other): (lambda value=value, factor=factor: value() * factor())
        for one, value in wholes.items()
        for other, factor in sizes.items()
        if "shape" not in one
    }
    return told_apart(single, double, rtol)
