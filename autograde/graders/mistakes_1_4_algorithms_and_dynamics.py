"""What the exercises of assignment 1.4 should return, and what typical mistakes return instead.

For each exercise a reference function and a table: sentence for the learner -> the value that this mistake gives on the
same input (or a function that computes it). The first sentence that matches is shown, so the likelier comes first.
"""

from __future__ import annotations

import math
import statistics

import torch

# so-scale-lr


def scaled_rate(base_lr, base_batch, batch, rule):
    ratio = batch / base_batch
    return base_lr * (ratio if rule == "linear" else math.sqrt(ratio))


def scale_mistakes(base_lr, base_batch, batch, rule):
    """Sentence -> what that mistake returns."""
    ratio, power = batch / base_batch, 1.0 if rule == "linear" else 0.5
    other = ("sqrt", 0.5) if rule == "linear" else ("linear", 1.0)
    return {
        f'The "{other[0]}" formula is used for rule "{rule}": the ratio of the sizes enters with power {power:g}': (
            lambda: base_lr * ratio ** other[1]
        ),
        "The ratio is upside down: it is batch / base_batch, so a larger batch gets a larger learning rate": lambda: (
            base_lr * ratio**-power
        ),
        f'The ratio is upside down, and the "{other[0]}" formula is used for rule "{rule}"': lambda: (
            base_lr * ratio ** -other[1]
        ),
        "The ratio is rounded down to a whole number, as // does: divide with /": lambda: (
            base_lr * (batch // base_batch) ** power
        ),
        "The inverse ratio is rounded down, as // does: multiply by batch / base_batch": lambda: (
            base_lr / (base_batch // batch) ** power
        ),
        "The ratio is rounded down but kept at 1 or more: divide with /, also when the batch shrinks": lambda: (
            base_lr * max(1, batch // base_batch) ** power
        ),
        "The ratio is rounded to a whole number: use batch / base_batch as it is": lambda: (
            base_lr * round(ratio) ** power
        ),
        "A smaller batch keeps base_lr: the rule scales down as well as up": lambda: base_lr * max(1.0, ratio) ** power,
        "A larger batch keeps base_lr: the rule scales up as well as down": lambda: base_lr * min(1.0, ratio) ** power,
        "The larger batch size is always divided by the smaller: the ratio is batch / base_batch": lambda: (
            base_lr * max(ratio, 1 / ratio) ** power
        ),
        "base_lr came back unchanged: multiply it by the ratio of the batch sizes, or by its root": lambda: base_lr,
        "The factor base_lr is missing: the ratio, or its root, multiplies it": lambda: ratio**power,
        "base_batch is ignored: scale by the ratio batch / base_batch": lambda: base_lr * batch**power,
        "base_batch is ignored, and the batch divides: scale by the ratio batch / base_batch": lambda: (
            base_lr / batch**power
        ),
        "The new batch is ignored: scale by the ratio batch / base_batch": lambda: base_lr / base_batch**power,
        "The root covers base_lr as well: only the ratio stands under it": lambda: math.sqrt(base_lr * ratio),
        "Only the root of base_lr is taken: the ratio of the batch sizes stands under the root": lambda: (
            math.sqrt(base_lr) * ratio
        ),
        "The root covers only batch: the whole ratio batch / base_batch stands under it": lambda: (
            base_lr * math.sqrt(batch) / base_batch
        ),
        "The root covers only base_batch: the whole ratio batch / base_batch stands under it": lambda: (
            base_lr * batch / math.sqrt(base_batch)
        ),
        "The roots of the batch sizes are whole numbers, as from isqrt: take the root of the float": lambda: (
            base_lr * math.isqrt(batch) / math.isqrt(base_batch)
        ),
        'The ratio is squared: rule "sqrt" takes its square root, rule "linear" the ratio itself': lambda: (
            base_lr * ratio**2
        ),
        "Half the ratio is used: the rules are the ratio and its square root": lambda: base_lr * ratio / 2,
        "The ratio is added to base_lr: multiply by it, or by its root": lambda: base_lr + ratio**power,
        "The ratio itself is added to base_lr: multiply by it, or by its root": lambda: base_lr + ratio,
        "The root is taken twice: it is the square root of the ratio": lambda: base_lr * ratio**0.25,
        "The cube root of the ratio is used: the rules are the ratio and its square root": lambda: (
            base_lr * ratio ** (1 / 3)
        ),
        "The logarithm of the ratio is used: the rules are the ratio and its square root": lambda: (
            base_lr * math.log(ratio)
        ),
        "The rate grows by one base_lr for each doubling: the rules are the ratio and its square root": lambda: (
            base_lr * (1 + math.log2(ratio))
        ),
        "The relative change of the batch is used: multiply by batch / base_batch": lambda: (
            base_lr * (ratio - 1) ** power
        ),
        "The ratio is added to 1: multiply by batch / base_batch": lambda: base_lr * (1 + ratio) ** power,
        "The difference of the batch sizes is used: the rules need their ratio": lambda: base_lr * (batch - base_batch),
        "The share batch / (batch + base_batch) is used: the ratio is batch / base_batch": lambda: (
            base_lr * (batch / (batch + base_batch)) ** power
        ),
        "The result is capped at 1: return the scaled rate as it is": lambda: min(1.0, base_lr * ratio**power),
        "The result is rounded to four digits: return the float as it is": lambda: round(base_lr * ratio**power, 4),
        "The result is rounded to three digits: return the float as it is": lambda: round(base_lr * ratio**power, 3),
    }


# so-steps-examples


def steps_needed(batch, s_min, e_min):
    return s_min + e_min / batch


def examples_needed(batch, s_min, e_min):
    return e_min + batch * s_min


def steps_mistakes(batch, s_min, e_min):
    """Sentence -> the number of steps S that this mistake gives."""
    critical = e_min / s_min
    steps = steps_needed(batch, s_min, e_min)
    return {
        "The pair is in the wrong order: steps S first, then examples E": lambda: examples_needed(batch, s_min, e_min),
        "S is upside down in the batch size: s_min (1 + B/B_crit) would need more steps for a larger batch": lambda: (
            s_min * (1 + batch / critical)
        ),
        "s_min is missing in S: E_min / B alone is perfect scaling, which no batch size beats": lambda: e_min / batch,
        "e_min / B is missing in S: s_min alone is what an infinite batch needs": lambda: s_min,
        "S is the larger of s_min and e_min / B: on the hyperbola the two are added": lambda: max(s_min, e_min / batch),
        "S adds the critical batch size over B to s_min: it is s_min (1 + B_crit / B), with s_min outside": lambda: (
            s_min + critical / batch
        ),
        "S / s_min came back: multiply by s_min": lambda: 1 + critical / batch,
        "S - s_min and E - e_min are multiplied as if the product were 1 in steps and samples: divide by the minima": (
            lambda: s_min + 1 / (batch * s_min)
        ),
        "The critical batch size is upside down in S: it is e_min / s_min": lambda: (
            s_min * (1 + 1 / (critical * batch))
        ),
        "The critical batch size e_min / s_min came back where S belongs": lambda: critical,
        "s_min and e_min are swapped in S: S = s_min + e_min / B": lambda: e_min + s_min / batch,
        "The fraction in S is upside down: it is e_min / B, not B / e_min": lambda: s_min + batch / e_min,
        "S multiplies e_min by B: fewer examples' worth of noise is left in a larger batch, so e_min is divided by B": (
            lambda: s_min + e_min * batch
        ),
        "A bracket is wrong in S: only e_min is divided by B": lambda: (s_min + e_min) / batch,
        "The batch size is left out of S: S = s_min + e_min / B": lambda: s_min + e_min,
        "The batch size is squared in S: S = s_min + e_min / B": lambda: s_min + e_min / batch**2,
        "The root of the batch size is used in S: S = s_min + e_min / B": lambda: s_min + e_min / math.sqrt(batch),
        "S adds reciprocals: s_min and e_min / B themselves are added": lambda: 1 / (1 / s_min + batch / e_min),
        "S is the geometric mean of s_min and e_min / B: on the hyperbola the two are added": lambda: math.sqrt(
            s_min * e_min / batch
        ),
        "The two excesses S/s_min - 1 and E/e_min - 1 are added: their product is one": lambda: (
            3 / (1 / s_min + batch / e_min)
        ),
        "S adds squares under a root: s_min and e_min / B themselves are added": lambda: math.hypot(
            s_min, e_min / batch
        ),
        "e_min / B is subtracted in S: S is never below s_min, so it is added": lambda: s_min - e_min / batch,
        "S is rounded up to a whole number: return the float on the curve": lambda: math.ceil(steps),
        "S is rounded down to a whole number: return the float on the curve": lambda: math.floor(steps),
        "S is rounded to the nearest whole number: return the float on the curve": lambda: round(steps),
        "e_min / B is rounded down in S, as // does: divide with /": lambda: s_min + e_min // batch,
        "e_min / B is rounded up in S: divide with /": lambda: s_min + math.ceil(e_min / batch),
        "S is off by one: S = s_min + e_min / B": lambda: steps + 1,
    }


def examples_mistakes(batch, s_min, e_min):
    """Sentence -> the number of examples E that this mistake gives."""
    critical = e_min / s_min
    steps = steps_needed(batch, s_min, e_min)
    return {
        "The pair is in the wrong order: steps S first, then examples E": lambda: steps,
        "E is upside down in the batch size: E = e_min (1 + B_crit/B) would need fewer examples for a larger batch": (
            lambda: e_min * (1 + critical / batch)
        ),
        "e_min is missing in E: B s_min is only what a huge batch needs": lambda: batch * s_min,
        "E = e_min came back: that is the cost of a tiny batch, add B s_min": lambda: e_min,
        "E is the larger of e_min and B s_min: on the hyperbola the two are added": lambda: max(e_min, batch * s_min),
        "E is S divided by B: each step reads B examples, so E = B S": lambda: steps / batch,
        "s_min is divided by B in E: every step reads B examples, so E = e_min + B s_min": lambda: (
            e_min + s_min / batch
        ),
        "The factor B is missing in E: E = e_min + B s_min": lambda: e_min + s_min,
        "s_min is not multiplied by B in E: E = B S holds for both parts of S": lambda: batch * e_min + s_min,
        "e_min is multiplied by B in E: E = e_min + B s_min": lambda: batch * (e_min + s_min),
        "E / e_min came back: multiply by e_min": lambda: 1 + batch / critical,
        "E adds B over the critical batch size to e_min: it is e_min (1 + B / B_crit), with e_min outside": lambda: (
            e_min + batch / critical
        ),
        "The critical batch size is upside down in E: it is e_min / s_min": lambda: e_min * (1 + batch * critical),
        "The critical batch size e_min / s_min came back where E belongs": lambda: critical,
        "E is computed from steps that do not fall with the batch size: E = B S with S = s_min + e_min / B": lambda: (
            batch * s_min * (1 + batch / critical)
        ),
        "E multiplies B with the larger of s_min and e_min / B: on the hyperbola they are added": lambda: (
            batch * max(s_min, e_min / batch)
        ),
        "E counts S in whole steps, rounded up: return the float on the curve": lambda: batch * math.ceil(steps),
        "E counts S in whole steps, rounded down: return the float on the curve": lambda: batch * math.floor(steps),
        "E counts S in whole steps, rounded: return the float on the curve": lambda: batch * round(steps),
        "E is rounded to a whole number: return the float on the curve": lambda: round(batch * steps),
        "E is rounded up to a whole number: return the float on the curve": lambda: math.ceil(batch * steps),
        "E is rounded down to a whole number: return the float on the curve": lambda: math.floor(batch * steps),
        "E = B S follows from a wrong S here, with e_min / B rounded down as // does": lambda: (
            batch * (s_min + e_min // batch)
        ),
        "E = B S follows from a wrong S here: S = s_min + e_min / B, not s_min + B_crit / B": lambda: (
            batch * (s_min + critical / batch)
        ),
        "E = B S follows from a wrong S here: S = s_min + e_min / B, with B to the first power": lambda: (
            batch * (s_min + e_min / batch**2)
        ),
        "E = B S follows from a wrong S here: only e_min is divided by B": lambda: s_min + e_min,
        "E = B S follows from a wrong S here: s_min and e_min / B are added, not their reciprocals": lambda: (
            batch / (1 / s_min + batch / e_min)
        ),
        "E = B S follows from a wrong S here: s_min and e_min / B are added, this is their geometric mean": lambda: (
            batch * math.sqrt(s_min * e_min / batch)
        ),
        "E follows from excesses S/s_min - 1 and E/e_min - 1 that are added: their product is one": lambda: (
            3 * batch / (1 / s_min + batch / e_min)
        ),
        "E adds reciprocals: e_min and B s_min themselves are added": lambda: 1 / (1 / e_min + 1 / (batch * s_min)),
        "B s_min is subtracted in E: E is never below e_min, so it is added": lambda: e_min - batch * s_min,
        "E = B S follows from a wrong S here: S is one step too many": lambda: batch * (steps + 1),
        "E is the product of steps and e_min: E = B S": lambda: steps * e_min,
        "E is solved with the product of the two excesses set to zero: E = B S gives the right one": lambda: (
            batch * e_min
        ),
    }


# so-fit-critical-batch


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


# so-rm-rate


def asymptotic_variance(c, lam, noise_var):
    return c * c * noise_var / (2 * c * lam - 1) if 2 * c * lam > 1 else math.inf


def asymptotic_mistakes(c, lam, noise_var):
    """Sentence -> what that mistake returns; for both sides of the threshold 2 c lam = 1."""
    product = c * lam
    excess = 2 * product - 1
    top = c * c * noise_var
    finite = {
        "c is not squared: the rate enters the variance of a step as c^2": lambda: c * noise_var / excess,
        "The factor c^2 is missing: the noise of a step has variance c^2 noise_var / t^2": lambda: noise_var / excess,
        "The factor 2 is missing in the denominator: it is 2 c lam - 1": lambda: top / (product - 1),
        "The 1 is missing in the denominator: it is 2 c lam - 1": lambda: top / (2 * product),
        "The 1 is missing in the denominator, and c is not squared: c^2 noise_var / (2 c lam - 1)": lambda: (
            noise_var / (2 * lam) / c
        ),
        "The 1 is added in the denominator: it is 2 c lam - 1": lambda: top / (2 * product + 1),
        "The sign of the denominator is wrong: it is 2 c lam - 1": lambda: -top / excess,
        "c is missing in the denominator: it is 2 c lam - 1": lambda: top / (2 * lam - 1),
        "lam is missing in the denominator: it is 2 c lam - 1": lambda: top / (2 * c - 1),
        "lam is squared in the denominator: it is 2 c lam - 1": lambda: top / (2 * c * lam**2 - 1),
        "c is squared in the denominator: it is 2 c lam - 1": lambda: top / (2 * c**2 * lam - 1),
        "c lam is squared in the denominator: it is 2 c lam - 1": lambda: top / (2 * product**2 - 1),
        "c is divided by lam in the denominator: it is 2 c lam - 1": lambda: top / (2 * c / lam - 1),
        "The bracket in the denominator is wrong: 2 c lam - 1 is not 2 (c lam - 1)": lambda: top / (2 * (product - 1)),
        "The bracket in the denominator is wrong: 2 c lam - 1 is not c (2 lam - 1)": lambda: top / (c * (2 * lam - 1)),
        "The denominator is halved: it is 2 c lam - 1": lambda: top / (product - 0.5),
        "The denominator is squared: it is 2 c lam - 1": lambda: top / excess**2,
        "A bracket is missing: the whole of 2 c lam - 1 is the denominator": lambda: top / (2 * product) - 1,
        "Division and multiplication are mixed up: the whole of 2 c lam - 1 is the denominator": lambda: (
            top / 2 * product - 1
        ),
        "noise_var is squared: it is the variance already": lambda: top * noise_var / excess,
        "The root of noise_var is used: the variance itself enters": lambda: c * c * math.sqrt(noise_var) / excess,
        "noise_var is left out": lambda: c * c / excess,
        "lam^2 stands in the denominator and c^2 is missing: c^2 noise_var / (2 c lam - 1)": lambda: (
            noise_var / (lam**2 * excess)
        ),
        "The root came back: the limit of t E(theta^2) is asked for, not its root": lambda: math.sqrt(top / excess),
        "lam/2 times the limit came back, the loss: the limit of t E(theta^2) is asked for": lambda: (
            lam / 2 * top / excess
        ),
        "lam times the limit came back: the limit of t E(theta^2) is asked for": lambda: lam * top / excess,
        "The limit is divided by lam: c^2 noise_var / (2 c lam - 1)": lambda: top / (lam * excess),
        "The limit is divided by lam^2: c^2 noise_var / (2 c lam - 1)": lambda: top / (lam**2 * excess),
        "The limit is multiplied by (c lam)^2: the numerator is c^2 noise_var": lambda: product**2 * noise_var / excess,
        "This is the value at the best c, 1/lam: use the c that is given": lambda: noise_var / lam**2,
        "This is the stationary variance at the constant learning rate c: here the rate is c/t": lambda: (
            c * noise_var / (lam * (2 - product))
        ),
        "This is the stationary variance at a small constant learning rate c: here the rate is c/t": lambda: (
            c * noise_var / (2 * lam)
        ),
        "The exponent 2 c lam - 1 alone came back: it is the denominator": lambda: excess,
        "The upside-down fraction came back: c^2 noise_var is the numerator": lambda: excess / top,
        "The constant 2 belongs to c lam alone: c^2 noise_var / (2 c lam - 1) has none in the numerator": lambda: (
            2 * top / excess
        ),
        "The limit is halved: c^2 noise_var / (2 c lam - 1) has no factor 1/2": lambda: top / excess / 2,
        "The limit is the formula itself: it is multiplied by c once too often": lambda: c * top / excess,
        "4 c lam - 1 stands in the denominator: it is 2 c lam - 1": lambda: top / (4 * product - 1),
        "2 c lam - 2 stands in the denominator: it is 2 c lam - 1": lambda: top / (2 * product - 2),
        "(2 - c lam) stands in the denominator, as for a constant rate: it is 2 c lam - 1": lambda: (
            top / (product * (2 - product))
        ),
    }
    if 2 * product > 1:
        return finite | {
            "inf came back though 2 c lam > 1: the threshold is 2 c lam = 1, not c lam = 1": lambda: (
                math.inf if product <= 1 else math.nan
            ),
            "inf came back though 2 c lam > 1: the two cases are swapped, or the threshold is wrong": math.inf,
            "-inf came back though 2 c lam > 1": -math.inf,
            "0 came back though 2 c lam > 1": 0.0,
        }
    cliff = "return inf when 2 c lam <= 1"
    return {
        f"The formula is used below its threshold, where it is negative: {cliff}": lambda: top / excess,
        f"The formula is used below its threshold, without its sign: {cliff}": lambda: top / abs(excess),
        f"0 came back: the limit of t E(theta^2) grows without bound there, {cliff}": 0.0,
        f"NaN came back: {cliff}": math.nan,
        f"-inf came back, a variance with a sign: {cliff}": -math.inf,
        f"-1 came back: {cliff}": -1.0,
        **{f"{sentence}; also, {cliff}": value for sentence, value in finite.items()},
    }


# so-gradient-cosine


def flat(gradient):
    return torch.cat([layer.detach().double().reshape(-1) for layer in gradient])


def cosine(g1, g2):
    a, b = flat(g1), flat(g2)
    norms = a.norm().item() * b.norm().item()
    return (a @ b).item() / norms if norms else 0.0


SMALL = (1e-20, 1e-16, 1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)


def cosine_mistakes(g1, g2):
    """Sentence -> what that mistake returns."""
    first = [layer.detach().double() for layer in g1]
    second = [layer.detach().double() for layer in g2]
    pairs = list(zip(first, second, strict=True))
    a, b = flat(g1), flat(g2)
    dot, n1, n2 = (a @ b).item(), a.norm().item(), b.norm().item()
    right = dot / (n1 * n2)
    dots = torch.stack([(x * y).sum() for x, y in pairs])
    norms1 = torch.stack([x.norm() for x in first])
    norms2 = torch.stack([y.norm() for y in second])
    cosines = torch.where(norms1 * norms2 > 0, dots / (norms1 * norms2), torch.zeros_like(dots))
    sizes = torch.tensor([float(x.numel()) for x in first], dtype=torch.float64)
    one_vector = "all layers are one vector"

    def some(keep):
        kept = [(x, y) for x, y in pairs if keep(x)]
        return cosine([x for x, _ in kept], [y for _, y in kept])

    def rows():
        similar = [
            torch.nn.functional.cosine_similarity(
                x.reshape(1) if not x.ndim else x, y.reshape(1) if not y.ndim else y, -1
            )
            for x, y in pairs
        ]
        return torch.cat([s.reshape(-1) for s in similar]).mean().item()

    # What only small gradients show comes first for them: beside a result near zero many other values are small too.
    # Added or a lower bound, on both norms or on their product: for small norms these give the same number.
    small = {"Nearly zero for small gradients: no constant in the denominator, 0.0 for exact zeros alone": 0.0}
    for eps in SMALL:
        for kind, size, denominator in [
            ("A constant in the denominator of about", eps, n1 * n2 + eps),
            ("A constant or lower bound of the denominator of about", eps, max(n1 * n2, eps)),
            ("A constant under the roots of about", eps, math.sqrt((n1**2 + eps) * (n2**2 + eps))),
            ("A constant or lower bound of each norm of about", eps, max(n1, eps) * max(n2, eps)),
            ("A constant added to each norm of about", eps, (n1 + eps) * (n2 + eps)),
        ]:
            small[f"{kind} {size:g} takes over where norms are small: divide by the norms alone"] = dot / denominator

    return (small if min(n1, n2) < 1e-3 else {}) | {
        f"The cosines of the layers are averaged: {one_vector}, so add the inner products and squares of all first": (
            lambda: cosines.mean().item()
        ),
        f"The cosines of the layers are summed: {one_vector}, so add the inner products and squares of all first": (
            lambda: cosines.sum().item()
        ),
        f"The cosines of the layers are averaged by their numbers of entries: {one_vector}": lambda: (
            (cosines @ sizes).item() / sizes.sum().item()
        ),
        f"The cosines of the layers are averaged by their norms: {one_vector}": lambda: (
            cosines @ norms1 / norms1.sum()
        ).item(),
        f"The norms are multiplied layer by layer and then added: {one_vector}, with one norm for each gradient": (
            lambda: dot / (norms1 @ norms2).item()
        ),
        f"The norms of the layers are added: {one_vector}, so add their squares and take one root": lambda: (
            dot / (norms1.sum() * norms2.sum()).item()
        ),
        f"Only the first layer is used: {one_vector}": lambda: cosines[0].item(),
        f"Only the last layer is used: {one_vector}": lambda: cosines[-1].item(),
        f"The median of the layers' cosines came back: {one_vector}": lambda: statistics.median(cosines.tolist()),
        f"The smallest cosine of a layer came back: {one_vector}": lambda: cosines.min().item(),
        f"The largest cosine of a layer came back: {one_vector}": lambda: cosines.max().item(),
        f"The product of the layers' cosines came back: {one_vector}": lambda: cosines.prod().item(),
        f"The loop returns with its second layer: {one_vector}": lambda: cosine(first[:2], second[:2]),
        f"The last layer is left out: {one_vector}": lambda: cosine(first[:-1], second[:-1]),
        f"The first layer is left out: {one_vector}": lambda: cosine(first[1:], second[1:]),
        f"Only matrices are counted: {one_vector}, biases and single numbers included": lambda: some(
            lambda x: x.ndim >= 2
        ),
        f"Layers of one dimension or less only are counted: {one_vector}": lambda: some(lambda x: x.ndim < 2),
        f"Single numbers, tensors of shape (), are left out: {one_vector}": lambda: some(lambda x: x.ndim > 0),
        f"Tensors with more than two dimensions are left out: {one_vector}": lambda: some(lambda x: x.ndim <= 2),
        f"The cosines of rows are averaged: {one_vector}, so flatten everything first": rows,
        f"Only the first entries of the layers are compared: {one_vector}": lambda: cosine(
            [x.reshape(-1)[:1] for x in first], [y.reshape(-1)[:1] for y in second]
        ),
        f"Each layer is averaged to one number first: {one_vector} with all their entries": lambda: cosine(
            [x.mean() for x in first], [y.mean() for y in second]
        ),
        f"Each layer is summed to one number first: {one_vector} with all their entries": lambda: cosine(
            [x.sum() for x in first], [y.sum() for y in second]
        ),
        f"The vectors of the layers' norms are compared: {one_vector} with all their entries": lambda: (
            norms1 @ norms2 / (norms1.norm() * norms2.norm())
        ).item(),
        "The roots are missing: divide by the norms, not by their squares": lambda: dot / (n1 * n2) ** 2,
        "The root of the norms is taken once too often: divide by the norms": lambda: dot / math.sqrt(n1 * n2),
        "The second norm is not under a root: divide by both norms": lambda: dot / (n1 * n2**2),
        "The first norm is not under a root: divide by both norms": lambda: dot / (n1**2 * n2),
        "Only the norm of g1 is divided out: divide by both norms": lambda: dot / n1,
        "Only the norm of g2 is divided out: divide by both norms": lambda: dot / n2,
        "The squared norm of g1 is the denominator: divide by the norm of each gradient": lambda: dot / n1**2,
        "The squared norm of g2 is the denominator: divide by the norm of each gradient": lambda: dot / n2**2,
        "The inner product alone came back: divide by both norms": lambda: dot,
        "The denominator is the mean of the two squared norms: multiply the norms": lambda: 2 * dot / (n1**2 + n2**2),
        "The norms are added in the denominator: multiply them": lambda: dot / (n1 + n2),
        "The larger squared norm is the denominator: multiply the two norms": lambda: dot / max(n1, n2) ** 2,
        "The cosine distance 1 - cos came back: return the cosine": lambda: 1 - right,
        "The sign is lost: opposite gradients have cosine -1": lambda: abs(right),
        "The sign is wrong: equal gradients have cosine 1": lambda: -right,
        "The cosine is squared": lambda: right**2,
        "The angle in radians came back: return its cosine": lambda: math.acos(right),
        "The angle in degrees came back: return its cosine": lambda: math.degrees(math.acos(right)),
        "A negative cosine is set to zero: return it as it is": lambda: max(0.0, right),
        "The cosine is mapped to [0, 1]: return it as it is": lambda: (1 + right) / 2,
        "The inner product is averaged over the entries, the norms are not: sum all three": lambda: right / len(a),
        "The squares are averaged over the entries, the inner product is not: sum all three": lambda: right * len(a),
        "The gradients are centred first, which gives a correlation: the cosine subtracts no mean": lambda: cosine(
            [a - a.mean()], [b - b.mean()]
        ),
        "The layers are centred first, which gives a correlation: the cosine subtracts no mean": lambda: cosine(
            [x - x.mean() for x in first], [y - y.mean() for y in second]
        ),
        "1-norms are used: the cosine divides by 2-norms": lambda: dot / (a.abs().sum() * b.abs().sum()).item(),
        "Largest entries are used as norms: the cosine divides by 2-norms": lambda: (
            dot / (a.abs().max() * b.abs().max()).item()
        ),
        "The signs of the entries are compared: use their values": lambda: (a.sign() @ b.sign()).item() / len(a),
        "The share of entries of equal sign came back: use the inner product": lambda: (
            (a.sign() == b.sign()).double().mean().item()
        ),
        "The absolute values of the products are summed: products of opposite sign cancel": lambda: (
            (a * b).abs().sum().item() / (n1 * n2)
        ),
        "The cosine of g1 with itself came back: use both lists": 1.0,
    }


# so-power-iteration


def quotients(hessian, start, count):
    """Rayleigh quotients rho_0 .. rho_count of the power iteration from `start`, and norms of H v_k."""
    v = start / start.norm()
    rho, norms = [], []
    for _ in range(count + 1):
        product = hessian @ v
        rho.append((v @ product).item())
        norms.append(product.norm().item())
        v = product / product.norm()
    return rho, norms


def eigenvalue_mistakes(eigenvalues, hessian):
    """Sentence -> what that mistake returns once power iteration has converged."""
    eigenvalues = eigenvalues.double()
    ranked = eigenvalues[eigenvalues.abs().argsort(descending=True)]
    top, size = ranked[0].item(), len(ranked)
    table = {}
    if abs(top) < 1e-6:
        # First, because beside zero many other values are small too.
        table["Nearly zero for a small H: add nothing to the norm of Hv, and return 0.0 only where Hv is zero"] = 0.0
    if top < 0:
        table["0 came back for a negative eigenvalue: return it with its sign"] = 0.0
    table |= {
        "The magnitude came back without its sign, as a norm has it: use the Rayleigh quotient v.Hv": abs(top),
        "The sign is wrong: it is that of the Rayleigh quotient v.Hv": -top,
        "The largest eigenvalue came back, not the one of largest magnitude": eigenvalues.max().item(),
        "The most negative eigenvalue came back, not the one of largest magnitude": eigenvalues.min().item(),
        "The eigenvalue of smallest magnitude came back: multiply by H, do not solve with it": ranked[-1].item(),
        "The eigenvalue of H H came back: two products are taken for one": top**2,
        "The inverse of the eigenvalue came back: the quotient is v.Hv / v.v": 1 / top,
        "The trace came back: the Rayleigh quotient is v.Hv / v.v": eigenvalues.sum().item(),
        "The Frobenius norm came back, not the eigenvalue of largest magnitude": eigenvalues.norm().item(),
        "The mean eigenvalue came back: the Rayleigh quotient is v.Hv / v.v, with v after the iterations": (
            eigenvalues.mean().item()
        ),
        "Half the eigenvalue came back: the quotient has no factor 1/2": top / 2,
        "Twice the eigenvalue came back: the quotient has no factor 2": 2 * top,
        "2 over the eigenvalue came back, the largest stable learning rate: return the eigenvalue itself": 2 / top,
        "The root of the eigenvalue came back": math.sqrt(abs(top)),
        "The quotient is 1, as of a normalised vector with itself: use v.Hv": 1.0,
        "The quotient is -1, as of two normalised vectors: use v.Hv": -1.0,
        "The eigenvalue is divided by its own magnitude: the product is normalised before the quotient is taken": (
            math.copysign(1.0, top)
        ),
        "The eigenvalue is multiplied by dim: normalise v to length one, or divide by v.v": top * size,
        "The eigenvalue is divided by dim: the quotient is a sum over entries, not a mean": top / size,
        "The eigenvalue is cubed: the quotient of the vectors before normalisation is off by their norm squared": top
        ** 3,
        "The largest diagonal entry of H came back: iterate v <- Hv / norm(Hv)": hessian.diagonal().max().item(),
    }
    if size > 1:
        table["The eigenvalue of second largest magnitude came back"] = ranked[1].item()
    for eps in (1e-16, 1e-15, 1e-12, 1e-11, 1e-10, 1e-9):
        if eps < abs(top):
            # The length n of v obeys n = |top| n / (|top| n + eps), and v.Hv is quadratic in it.
            table[f"A constant of about {eps:g} is added to the norm of Hv, which counts for small H: add nothing"] = (
                top * (1 - eps / abs(top)) ** 2
            )
    return table


def few_products_mistakes(hessian, start, iters, products):
    """Sentence -> what that mistake returns after too few products to converge; `products` have been computed."""
    last = products - 1
    rho, norms = quotients(hessian, start, max(last, iters))
    v = start / start.norm()
    for _ in range(last):
        v = hessian @ v
        v = v / v.norm()
    w = hessian @ v
    largest = v.abs().argmax()
    eigenvalues = torch.linalg.eigvalsh(hessian)
    top = eigenvalues[eigenvalues.abs().argmax()].item()
    use = "use the Rayleigh quotient v.Hv"
    return {
        "The norm of Hv came back, which has lost the sign: " + use: norms[last],
        "The norm of Hv came back with a sign: the Rayleigh quotient v.Hv is asked for": (
            math.copysign(norms[last], rho[last])
        ),
        "The norm of Hv came back with a wrong sign: use the Rayleigh quotient v.Hv": -norms[last],
        "The magnitude of the quotient came back: return it with its sign": abs(rho[last]),
        "The sign of the quotient is wrong: it is v.Hv": -rho[last],
        "The ratio of the first entries of Hv and v came back: " + use: (w[0] / v[0]).item(),
        "The mean ratio of the entries of Hv and v came back: " + use: (w / v).mean().item(),
        "The median ratio of the entries of Hv and v came back: " + use: (w / v).median().item(),
        "The ratio of the largest entries of Hv and v came back: " + use: (w[largest] / v[largest]).item(),
        "The ratio of the sums of Hv and v came back: " + use: (w.sum() / v.sum()).item(),
        "The quotient of H H came back, Hv.Hv: use v.Hv": norms[last] ** 2,
        "The quotient norm(Hv)^2 / v.Hv came back: the Rayleigh quotient is v.Hv": norms[last] ** 2 / rho[last],
        "The Rayleigh quotients of all iterations are averaged: return the last": sum(rho[: last + 1]) / (last + 1),
        "The last two Rayleigh quotients are averaged: return the last": (rho[last] + rho[last - 1]) / 2,
        "The first Rayleigh quotient, that of the start, came back: take the one after the iterations": rho[0],
        "The Rayleigh quotient of an earlier v came back: v is multiplied `iters` times, or `iters` - 1 times": (
            rho[iters - 2]
        ),
        "The Rayleigh quotient of H at a v multiplied only once came back: repeat v <- Hv / norm(Hv)": rho[1],
        "The exact eigenvalue came back, not the Rayleigh quotient after `iters` products from the start": top,
        "The largest Rayleigh quotient of all iterations came back: return the last": max(rho[: last + 1], key=abs),
    }
