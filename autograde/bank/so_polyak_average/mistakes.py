"""Average of the iterates: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math

import torch

from autograde.bank.weighted_means import mean_of


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
