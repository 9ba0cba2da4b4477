"""Means weighted by counts: inputs, the reference, what typical mistakes return, and the comparison."""

from __future__ import annotations

import torch

from autograde.bank.comparisons import expect_vector
from autograde.bank.inputs import away_from_zero, extremes_inside, normal, uniform
from autograde.judge.expect import Mistake


def draw_gradients(generator, count, dim):
    return [away_from_zero(0.7 + normal(generator, dim)) for _ in range(count)]


def draw_sizes(generator, count, low=7, high=40):
    """Different whole numbers, none of them as small as the number of workers."""
    return extremes_inside((low + torch.randperm(high - low, generator=generator)[:count]).tolist())


def draw_weights(generator, count):
    """Weights that differ, sum neither to one nor to their number, and are in random order."""
    order = torch.randperm(count, generator=generator)
    return extremes_inside([0.6 + 0.9 * int(place) + uniform(generator, 0.1, 0.5) for place in order])


def mean_of(points):
    return torch.stack(points).mean(dim=0)


def weighted_mean(parts, counts):
    counts = torch.tensor([float(count) for count in counts], dtype=torch.float64)
    return counts @ torch.stack([part.double() for part in parts]) / counts.sum()


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


def check_weighted(function, parts, counts, words, name, **tolerance):
    """With equal counts, or one, many mistakes give the same: the table would name one of them by chance."""
    got = function(parts, counts)
    if isinstance(got, (list, tuple)):
        raise Mistake(f"`{name}` returned a {type(got).__name__}: return one tensor (d,)")
    mistakes = weighted_mistakes(parts, counts, words) if len(set(counts)) > 1 else {}
    expected = weighted_mean(parts, counts).to(parts[0].dtype)
    expect_vector(got, expected, name=name, mistakes=mistakes, **tolerance)
