"""Fitting the critical batch size: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import statistics

import torch


def weighted_line(x, y, weights):
    """Intercept and slope of the line that minimises sum w (y - a - b x)^2."""
    weights = weights / weights.sum()
    x_mean, y_mean = weights @ x, weights @ y
    slope = (weights * (x - x_mean)) @ (y - y_mean) / ((weights * (x - x_mean)) @ (x - x_mean))
    return torch.stack([y_mean - slope * x_mean, slope])


def line(x, y):
    return weighted_line(x, y, torch.ones_like(x))


def fitted(batches, steps):
    """(2,) tensor s_min, e_min."""
    return line(1 / batches.double(), steps.double())


def relative_line(x, y, logs):
    """The line with the least squared errors of log y, or of prediction / y: Gauss-Newton from the weighted line."""
    if not logs:
        return weighted_line(x, y, y**-2)
    guess = weighted_line(x, y, y**-2)
    for _ in range(30):
        predicted = guess[0] + guess[1] * x
        design = torch.stack([1 / predicted, x / predicted], dim=1)
        guess = guess + torch.linalg.lstsq(design, (y / predicted).log()[:, None]).solution[:, 0]
    return guess


def grouped(batches, steps, pick):
    """One point for each batch size, `pick` of the steps measured there."""
    kinds = batches.unique()
    return kinds, torch.stack([pick(steps[batches == kind]) for kind in kinds])


def fit_mistakes(batches, steps):
    """Sentence -> the pair (2,) that this mistake gives."""
    batches, steps = batches.double(), steps.double()
    x, n = 1 / batches, len(batches)
    right = line(x, steps)
    s_min, e_min = right[0], right[1]
    examples, ones = batches * steps, torch.ones_like(x)
    order = batches.argsort(stable=True)
    ends = [int(order[0]), int(order[-1])]
    kinds = batches.unique()

    def pair(first, second):
        return torch.stack([torch.as_tensor(first, dtype=torch.float64), torch.as_tensor(second, dtype=torch.float64)])

    def through(i, j):
        slope = (steps[i] - steps[j]) / (x[i] - x[j])
        return pair(steps[i] - slope * x[i], slope)

    def with_slope(slope):
        return pair(steps.mean() - slope * x.mean(), slope)

    def pairwise():
        i, j = torch.triu_indices(n, n, offset=1)
        keep = x[i] != x[j]
        slopes = ((steps[i] - steps[j])[keep] / (x[i] - x[j])[keep]).tolist()
        slope = statistics.median(slopes)
        return pair(statistics.median((steps - slope * x).tolist()), slope)

    weighted = {
        "E = B S is fitted as a line in B, which weights each run by B^2: fit S as a line in 1/B": batches**2,
        "The runs are weighted by their batch size: ordinary least squares gives each the same weight": batches,
        "The squared errors are weighted by 1/B: ordinary least squares gives each run the same weight": x,
        "The squared errors are weighted by 1/B^2: ordinary least squares gives each run the same weight": x**2,
        "The squared errors are weighted by 1/S: ordinary least squares gives each run the same weight": 1 / steps,
        "The squared errors are weighted by S: ordinary least squares gives each run the same weight": steps,
        "The squared errors are weighted by sqrt(B): ordinary least squares gives each run the same weight": (
            batches.sqrt()
        ),
        "The squared errors are weighted by S^2: ordinary least squares gives each run the same weight": steps**2,
    }
    mistakes = {
        "The pair is in the wrong order: s_min (the intercept) first, then e_min (the slope)": lambda: pair(
            e_min, s_min
        ),
        **{
            sentence: (lambda weights=weights: weighted_line(x, steps, weights))
            for sentence, weights in weighted.items()
        },
        "Relative errors are minimised: ordinary least squares takes the errors of S as they are": lambda: (
            relative_line(x, steps, False)
        ),
        "The errors of log S are minimised: ordinary least squares takes the errors of S as they are": (
            lambda: relative_line(x, steps, True)
        ),
        "log S is fitted as a line in log B, a power law without a floor: fit S as a line in 1/B": lambda: line(
            batches.log(), steps.log()
        ),
        "A power law is fitted in logarithms, exp of intercept and slope: fit S as a line in 1/B": lambda: line(
            batches.log(), steps.log()
        ).exp(),
        "A power law is fitted in logarithms: fit S as a line in 1/B": lambda: pair(
            line(batches.log(), steps.log())[0].exp(), line(batches.log(), steps.log())[1]
        ),
        "1/S is fitted as a line in B: fit S as a line in 1/B": lambda: 1 / line(batches, 1 / steps),
        "A parabola in 1/B is fitted: the hyperbola is a straight line in 1/B": lambda: torch.linalg.lstsq(
            torch.stack([ones, x, x**2], dim=1), steps[:, None], driver="gelsd"
        ).solution[:2, 0],
        "S is fitted as a line in B: the variable of the line is 1/B": lambda: line(batches, steps),
        "S is fitted as a line in log B: the variable of the line is 1/B": lambda: line(batches.log(), steps),
        "E = B S is fitted as a line in B with intercept and slope in the wrong places": lambda: line(
            batches, examples
        ),
        "E = B S is fitted as a line in 1/B: the hyperbola is a line for S": lambda: line(x, examples),
        "The critical batch size came back in place of e_min: return (s_min, e_min)": lambda: pair(
            s_min, e_min / s_min
        ),
        "The critical batch size came back in place of s_min: return (s_min, e_min)": lambda: pair(
            e_min / s_min, e_min
        ),
        "The intercept is left out of the fit: S = s_min + e_min / B has two unknowns": lambda: pair(
            0.0, x @ steps / (x @ x)
        ),
        "The slope is fitted through the origin, without the intercept: the two are fitted together": lambda: (
            with_slope(x @ steps / (x @ x))
        ),
        "s_min is the smallest number of steps: it is the intercept, at an infinite batch": lambda: pair(
            steps.min(), e_min
        ),
        "s_min is the smallest number of steps and the slope is fitted to the rest: fit both together": lambda: pair(
            steps.min(), x @ (steps - steps.min()) / (x @ x)
        ),
        "The smallest numbers of steps and of examples came back: both are extrapolated by the line": lambda: pair(
            steps.min(), examples.min()
        ),
        "e_min is the smallest number of examples: it is the slope, at a vanishing batch": lambda: pair(
            s_min, examples.min()
        ),
        "The measured ends came back, S at the largest batch and E at the smallest: fit a line": lambda: pair(
            steps[ends[1]], examples[ends[0]]
        ),
        "Only the smallest and the largest batch are used: the line is fitted to all runs": lambda: through(*ends),
        "Only the first and the last run are used: the line is fitted to all of them": lambda: through(0, n - 1),
        "Only the first two runs are used: the line is fitted to all of them": lambda: through(0, 1),
        "Only the last two runs are used: the line is fitted to all of them": lambda: through(n - 2, n - 1),
        "The covariance is divided by n - 1 and the variance by n: use the same divisor for both": lambda: with_slope(
            e_min * n / (n - 1)
        ),
        "The covariance is divided by n and the variance by n - 1: use the same divisor for both": lambda: with_slope(
            e_min * (n - 1) / n
        ),
        "The slope is divided by n once too often: it is the ratio of two sums": lambda: with_slope(e_min / n),
        "The slope divides by the standard deviation of 1/B: divide by its variance": lambda: with_slope(
            e_min * x.std(correction=0)
        ),
        "The correlation came back for the slope: divide the covariance by the variance of 1/B alone": (
            lambda: with_slope(e_min * x.std() / steps.std())
        ),
        "1 over the mean batch stands where the mean of 1/B belongs: average 1/B": lambda: pair(
            steps.mean() - e_min / batches.mean(), e_min
        ),
        "The intercept misses the slope's part: it is mean(S) - e_min mean(1/B)": lambda: pair(steps.mean(), e_min),
        "The slope's part is added in the intercept: it is mean(S) - e_min mean(1/B)": lambda: pair(
            steps.mean() + e_min * x.mean(), e_min
        ),
        "The slope is not centred: subtract the means of 1/B and of S": lambda: with_slope(x @ steps / (x @ x) / n),
        "The sign of the slope is wrong: S grows with 1/B": lambda: pair(s_min, -e_min),
        "The regression runs the other way, 1/B on S: the errors are in S": lambda: with_slope(
            (steps - steps.mean()).square().sum() / ((x - x.mean()) @ (steps - steps.mean()))
        ),
        "Runs of the same batch size are averaged first: each run is one point of the fit": lambda: line(
            *(lambda kinds, means: (1 / kinds, means))(*grouped(batches, steps, torch.mean))
        ),
        "Of several runs of the same batch size only the last is kept (as in a dict): each run is one point": (
            lambda: line(*(lambda kinds, last: (1 / kinds, last))(*grouped(batches, steps, lambda s: s[-1])))
        ),
        "Of several runs of the same batch size the median is taken first: each run is one point of the fit": (
            lambda: line(*(lambda kinds, middle: (1 / kinds, middle))(*grouped(batches, steps, torch.median)))
        ),
        "Of several runs of the same batch size only the first is kept: each run is one point": lambda: line(
            *(lambda kinds, first: (1 / kinds, first))(*grouped(batches, steps, lambda s: s[0]))
        ),
        "Of several runs of the same batch size only the fastest is kept: each run is one point": lambda: line(
            *(lambda kinds, best: (1 / kinds, best))(*grouped(batches, steps, torch.min))
        ),
        "The batches are sorted without their steps: keep the pairs together": lambda: line(1 / batches[order], steps),
        "The batches and the steps are sorted each on its own: keep the pairs together": lambda: line(
            1 / batches[order], steps.sort(descending=True).values
        ),
        "The batches and the steps are sorted the same way each on its own: keep the pairs together": lambda: line(
            1 / batches[order], steps.sort().values
        ),
        "The median of the slopes between pairs of runs is used: ordinary least squares is asked for": pairwise,
        "A negative estimate is set to zero: return the least-squares value as it is": lambda: right.clamp(min=0),
        "s_min is kept at 1 or more: return the least-squares value as it is": lambda: right.clamp(min=1.0),
        "A negative estimate lost its sign: return the least-squares value as it is": lambda: right.abs(),
        "The estimates are rounded to whole numbers: return the floats as they are": lambda: right.round(),
        "The last run is left out of the fit": lambda: line(x[:-1], steps[:-1]),
        "The first run is left out of the fit": lambda: line(x[1:], steps[1:]),
        "The two estimates of each pair of neighbouring batch sizes are averaged: fit one line to all runs": lambda: (
            torch.stack([through(i, i + 1) for i in range(n - 1)]).mean(dim=0)
        ),
        "The slope is in units of 1/(log2 B): the variable of the line is 1/B": lambda: line(1 / batches.log2(), steps),
        "The variable of the line is 1/B, not 1/sqrt(B)": lambda: line(x.sqrt(), steps),
        "The variable of the line is 1/B, not 1/B^2": lambda: line(x**2, steps),
        **{
            f"A ridge term of {ridge:g} is added: ordinary least squares has none": (
                lambda ridge=ridge: torch.linalg.solve(
                    torch.stack([ones, x]) @ torch.stack([ones, x], dim=1) + ridge * torch.eye(2, dtype=torch.float64),
                    torch.stack([ones, x]) @ steps,
                )
            )
            for ridge in (1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8)
        },
    }
    swapped = {
        f"{sentence}; also, the order is s_min first, then e_min": lambda value=value: value().flip(0)
        for sentence, value in mistakes.items()
        if "wrong order" not in sentence and "wrong places" not in sentence
    }
    return mistakes | swapped if len(kinds) > 1 else {}
