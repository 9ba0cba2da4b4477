"""What the exercises of assignment 1.6 should return, and what typical mistakes return instead.

For each exercise a reference and a table: sentence for the learner -> the value that this mistake gives on the same
input (or a function that computes it). The first sentence that matches is shown, so the likelier comes first. SVRG and
SAGA are replayed with the indices that the answer drew, which `SampleGradients` records.
"""

from __future__ import annotations

import itertools
import math
import statistics

import torch

from autograde.judge.expect import Mistake

# so-noise-scale and so-noise-tracker


def estimates(small, big, b_small, b_big):
    """Unbiased (norm(grad f)^2, tr Sigma) from a squared norm, or the mean of several, at each of two batch sizes."""
    return (b_big * big - b_small * small) / (b_big - b_small), (small - big) / (1 / b_small - 1 / b_big)


def signal_formulas(s, n, b, B):
    """Sentence -> a wrong G2 from the two squared norms s (small batch) and n (big batch)."""
    right, noise = estimates(s, n, b, B)
    return {
        "G2: the weights are swapped: b_big goes with n_big and b_small with n_small": (B * s - b * n) / (B - b),
        "G2: the weights are swapped, and so is the sign: it is (b_big n_big - b_small n_small)/(b_big - b_small)": (
            (b * n - B * s) / (B - b)
        ),
        "G2: wrong sign: it is (b_big n_big - b_small n_small)/(b_big - b_small)": -right,
        "G2: n_big as it stands still contains the noise S/b_big: subtract it by means of n_small": n,
        "G2: n_small as it stands still contains the noise S/b_small: subtract it by means of n_big": s,
        "G2: the plain difference of the squared norms removes the signal, not the noise: weigh each by its batch "
        "size first": n - s,
        "G2: the difference n_small - n_big removes the signal, not the noise: weigh each by its batch size first": (
            s - n
        ),
        "G2: each squared norm is divided by its batch size: multiply": (n / B - s / b) / (1 / B - 1 / b),
        "G2: the division by b_big - b_small is missing": B * n - b * s,
        "G2: the division is by b_big + b_small: it is by b_big - b_small": (B * n - b * s) / (B + b),
        "G2: the division is by b_big alone: it is by b_big - b_small": (B * n - b * s) / B,
        "G2: the division is by b_small alone: it is by b_big - b_small": (B * n - b * s) / b,
        "G2: a plus where the two weighted squared norms are subtracted": (B * n + b * s) / (B - b),
        "G2: the weighted mean of both squared norms came back: subtract the small batch, (b_big n_big - b_small "
        "n_small)/(b_big - b_small)": (B * n + b * s) / (B + b),
        "G2: the batch sizes are squared: E norm^2 = G2 + S/B is linear in 1/B": (B**2 * n - b**2 * s) / (B**2 - b**2),
        "G2: the square roots of the batch sizes are used: E norm^2 = G2 + S/B is linear in 1/B": (
            (math.sqrt(B) * n - math.sqrt(b) * s) / (math.sqrt(B) - math.sqrt(b))
        ),
        "G2: the noise S is subtracted from n_big without dividing it by b_big": n - noise,
        "G2: the noise S/b_small is subtracted from n_big, whose batch size is b_big": n - noise / b,
        "G2: the noise is added to n_big: subtract S/b_big": n + noise / B,
    }


def noise_formulas(s, n, b, B):
    """Sentence -> a wrong S from the two squared norms."""
    signal, right = estimates(s, n, b, B)
    return {
        "S: wrong sign: n_small is the noisier one, S = (n_small - n_big)/(1/b_small - 1/b_big)": -right,
        "S: multiplied by 1/b_small - 1/b_big: divide by it": (s - n) * (1 / b - 1 / B),
        "S: divided by b_big - b_small: the noise falls with 1/B, so divide by 1/b_small - 1/b_big": (s - n) / (B - b),
        "S: divided by b_small - b_big: the noise falls with 1/B, so divide by 1/b_small - 1/b_big": (s - n) / (b - B),
        "S: multiplied by b_big - b_small: divide by 1/b_small - 1/b_big": (s - n) * (B - b),
        "S: the difference n_small - n_big came back: divide it by 1/b_small - 1/b_big": s - n,
        "S: b_small (n_small - n_big) takes n_big for free of noise: divide by 1/b_small - 1/b_big": b * (s - n),
        "S: b_big (n_small - n_big) came back: divide by 1/b_small - 1/b_big": B * (s - n),
        "S: divided by 1/b_small + 1/b_big: it is their difference": (s - n) / (1 / b + 1 / B),
        "S: the inverse 1/(1/b_small - 1/b_big) is missing b_small or b_big: it is b_small b_big/(b_big - b_small)": (
            (s - n) * B / (B - b)
        ),
        "S: the noise at b_small came back: multiply it by b_small to get that of a single sample": right / b,
        "S: the noise at b_big came back: multiply it by b_big to get that of a single sample": right / B,
        "S: b_small n_small came back, which still contains the signal: use the difference of both norms": b * s,
        "S: b_big n_big came back, which still contains the signal: use the difference of both norms": B * n,
        "S: the batch sizes are squared: E norm^2 = G2 + S/B is linear in 1/B": (s - n) / (1 / b**2 - 1 / B**2),
        "S: the square roots of the batch sizes are used: E norm^2 = G2 + S/B is linear in 1/B": (
            (s - n) / (1 / math.sqrt(b) - 1 / math.sqrt(B))
        ),
        "S: n_small - G2 came back: it is S/b_small": s - signal,
    }


def means_of(n_small, n_big):
    small, big = [float(value) for value in n_small], [float(value) for value in n_big]
    return small, big, sum(small) / len(small), sum(big) / len(big)


def noise_scale_of(n_small, n_big, b_small, b_big):
    _, _, s, n = means_of(n_small, n_big)
    signal, noise = estimates(s, n, b_small, b_big)
    return signal, noise, noise / signal


def reductions(part, n_small, n_big, b, B):
    """Sentence -> estimate number `part` (0: G2, 1: S) where the pairs are not averaged as they should be."""
    small, big, s, n = means_of(n_small, n_big)
    name = ("G2", "S")[part]
    right = estimates(s, n, b, B)[part]
    pairs = [estimates(one, other, b, B)[part] for one, other in zip(small, big, strict=True)]

    def of(reduce):
        return estimates(reduce(small), reduce(big), b, B)[part]

    return {
        f"{name}: the squared norms are summed over the pairs: take their mean": right * len(small),
        f"{name}: divided by the number of pairs once more: the mean is taken already": right / len(small),
        f"{name}: divided by the number of pairs minus one: it is a mean": (
            right * len(small) / (len(small) - 1) if len(small) > 1 else math.nan
        ),
        f"{name}: only the last pair is used: average over all of them": pairs[-1],
        f"{name}: only the first pair is used: average over all of them": pairs[0],
        f"{name}: the median over the pairs is used: take the mean, which is unbiased": of(statistics.median),
        f"{name}: the median of the estimates is used: take the mean, which is unbiased": statistics.median(pairs),
        f"{name}: the norms are squared again: n_small and n_big are squared norms already": of(
            lambda values: sum(value**2 for value in values) / len(values)
        ),
        f"{name}: the mean norms are squared again: n_small and n_big are squared norms already": estimates(
            s**2, n**2, b, B
        )[part],
        f"{name}: the square roots of the squared norms are used: the formulas want the squares as given": of(
            lambda values: sum(math.sqrt(value) for value in values) / len(values)
        ),
        f"{name}: the square root of the mean squared norm is used: the formulas want the squares": estimates(
            math.sqrt(s), math.sqrt(n), b, B
        )[part],
        f"{name}: the square root came back: return the estimate itself": math.sqrt(right) if right > 0 else math.nan,
        f"{name}: negative estimates of single pairs are cut off at zero, which biases the mean": (
            sum(max(value, 0.0) for value in pairs) / len(pairs)
        ),
        f"{name}: pairs with a negative estimate are left out, which biases the mean": (
            statistics.fmean([value for value in pairs if value > 0] or [math.nan])
        ),
    }


def signal_mistakes(n_small, n_big, b, B):
    """Sentence -> what that mistake gives for G2."""
    _, _, s, n = means_of(n_small, n_big)
    right, noise = estimates(s, n, b, B)
    return (
        {
            "A negative G2 is cut off at zero: return the estimate as it is": max(right, 0.0),
            "The absolute value of G2 came back: return the estimate as it is, whatever its sign": abs(right),
            "NaN came back for a negative G2: return the estimate as it is": math.nan if right < 0 else right,
        }
        | signal_formulas(s, n, b, B)
        | {
            "S stands first: return (G2, S, B_simple) in this order": noise,
            "B_simple stands first: return (G2, S, B_simple) in this order": noise / right,
        }
        | reductions(0, n_small, n_big, b, B)
    )


def trace_mistakes(n_small, n_big, b, B):
    """Sentence -> what that mistake gives for S."""
    _, _, s, n = means_of(n_small, n_big)
    signal, right = estimates(s, n, b, B)
    return (
        noise_formulas(s, n, b, B)
        | {
            "G2 stands second: return (G2, S, B_simple) in this order": signal,
            "B_simple stands second: return (G2, S, B_simple) in this order": right / signal,
        }
        | reductions(1, n_small, n_big, b, B)
    )


def quotient_mistakes(n_small, n_big, b, B):
    """Sentence -> what that mistake gives for B_simple."""
    small, big, s, n = means_of(n_small, n_big)
    signal, noise = estimates(s, n, b, B)
    pairs = [estimates(one, other, b, B) for one, other in zip(small, big, strict=True)]
    quotients = [pair[1] / pair[0] for pair in pairs]
    right = noise / signal
    last = "negative" if signal < 0 else "small"
    table = {
        "The mean of the single quotients came back, which is biased: divide the mean of S by the mean of G2": (
            statistics.fmean(quotients)
        ),
        "The median of the single quotients came back: divide the mean of S by the mean of G2": (
            statistics.median(quotients)
        ),
        "B_simple is upside down: noise S over signal G2": signal / noise,
        "B_simple: S is divided by n_big, which still contains noise: divide by G2": noise / n,
        "B_simple: S is divided by n_small, which still contains noise: divide by G2": noise / s,
        "B_simple: S is divided by the root of G2: G2 is the squared norm, as it stands": (
            noise / math.sqrt(signal) if signal > 0 else math.nan
        ),
        "B_simple: S is divided by G2 squared: G2 is the squared norm, as it stands": noise / signal**2,
        "The square root of the quotient came back: return S/G2 itself": math.sqrt(right) if right > 0 else math.nan,
        "B_simple: S is multiplied by G2: divide": noise * signal,
        "B_simple is counted in small batches: S/G2 is in samples already": right / b,
        "B_simple is counted in big batches: S/G2 is in samples already": right / B,
        "B_simple is multiplied by the small batch size: S/G2 is in samples already": right * b,
        "B_simple is multiplied by the big batch size: S/G2 is in samples already": right * B,
        "Only the last pair is used for B_simple: average over all of them": quotients[-1],
        "Only the first pair is used for B_simple: average over all of them": quotients[0],
        "S stands last: return (G2, S, B_simple) in this order": noise,
        "G2 stands last: return (G2, S, B_simple) in this order": signal,
        "Noise over noise plus signal came back: divide S by G2 alone": noise / (noise + signal),
        "B_simple is rounded to a whole number: return the float as it is": float(round(right)),
        f"inf came back for a {last} G2: return the plain quotient S/G2": math.inf,
        f"-inf came back for a {last} G2: return the plain quotient S/G2": -math.inf,
        f"NaN came back for a {last} G2: return the plain quotient S/G2": math.nan,
        f"0 came back for a {last} G2: return the plain quotient S/G2": 0.0,
        "The absolute value of the quotient came back: return S/G2 with its sign": abs(right),
    }
    table |= {
        f"G2 is kept above {eps:g} in the quotient: divide by G2 itself": noise / max(signal, eps)
        for eps in (1e-12, 1e-10, 1e-8, 1e-6, 1e-4)
    }
    table |= {
        f"About {eps:g} is added to G2 in the quotient: divide by G2 itself": noise / (signal + eps)
        for eps in (1e-8, 1e-6, 1e-4, 1e-3)
    }
    return table


def tracked(updates, decay, weights=None):
    """Quotient after each of `updates` (n_small, n_big, b_small, b_big); weights: (t, T) -> weight of update t."""
    pairs = [estimates(*update) for update in updates]
    weights = weights or (lambda t, last: decay ** (last - t))
    return [
        sum(weights(t, last) * pairs[t][1] for t in range(last + 1))
        / sum(weights(t, last) * pairs[t][0] for t in range(last + 1))
        for last in range(len(pairs))
    ]


def smooth(values, decay, start=0.0, corrected=False):
    """Exponential moving averages after each of `values`."""
    rows, average = [], start
    for t, value in enumerate(values):
        average = decay * average + (1 - decay) * value
        rows.append(average / (1 - decay ** (t + 1)) if corrected else average)
    return rows


def tracker_mistakes(updates, decay):
    """Sentence -> what that mistake reads after each update."""
    pairs = [estimates(*update) for update in updates]
    signals, noises = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    quotients = [noise / signal for signal, noise in pairs]
    right = tracked(updates, decay)
    count = len(updates)
    last = [update[2:] for update in updates]

    def ratio(numerator, denominator):
        return [one / other for one, other in zip(numerator, denominator, strict=True)]

    def of_norms(corrected):
        small = smooth([update[0] for update in updates], decay, corrected=corrected)
        big = smooth([update[1] for update in updates], decay, corrected=corrected)
        parts = [estimates(s, n, *sizes) for s, n, sizes in zip(small, big, last, strict=True)]
        return [noise / signal for signal, noise in parts]

    def of_formula(table, part):
        """All updates with one wrong formula for G2 (part 0) or S (part 1)."""
        parts = {sentence: [] for sentence in table(*updates[0])}
        for update in updates:
            for sentence, value in table(*update).items():
                parts[sentence].append(value)
        weight = {
            sentence: ratio(smooth(values if part else noises, decay), smooth(signals if part else values, decay))
            for sentence, values in parts.items()
        }
        return weight

    def first_started(values):
        return [values[0], *smooth(values[1:], decay, start=values[0])]

    table = {
        "The quotients are averaged, which is biased: keep one average of S and one of G2, and divide those": (
            lambda: smooth(quotients, decay, corrected=True)
        ),
        "The quotients are averaged, from zero, which is biased: keep one average of S and one of G2, and divide "
        "those": lambda: smooth(quotients, decay),
        "The quotients are averaged, from the first one on: keep one average of S and one of G2, and divide those": (
            lambda: first_started(quotients)
        ),
        "The plain mean of the quotients came back: keep one moving average of S and one of G2, and divide those": (
            lambda: [sum(quotients[: t + 1]) / (t + 1) for t in range(count)]
        ),
        "Only the last pair is used: the averages must remember the earlier ones": lambda: quotients,
        "The first pair is kept for ever: every update must enter the averages": lambda: [quotients[0]] * count,
        "decay and 1 - decay are swapped: decay is the weight of the past": lambda: tracked(updates, 1 - decay),
        "The averages start at the first measurement, which then weighs as much as 1/(1 - decay) others: start both at "
        "zero": lambda: ratio(first_started(noises), first_started(signals)),
        "decay and 1 - decay are swapped, and the averages start at the first measurement: decay is the weight of the "
        "past, and both start at zero": lambda: tracked(
            updates, decay, lambda t, end: (1 - decay) ** (end - t) * (decay if t else 1.0)
        ),
        "This is the plain mean over all updates: the past must fade by the factor decay": lambda: tracked(
            updates, decay, lambda t, end: 1.0
        ),
        "The squared norms are averaged instead of S and G2: that goes wrong as soon as a batch size changes": (
            lambda: of_norms(False)
        ),
        "Only the average of S is corrected for starting at zero: correct both or none": lambda: ratio(
            smooth(noises, decay, corrected=True), smooth(signals, decay)
        ),
        "Only the average of G2 is corrected for starting at zero: correct both or none": lambda: ratio(
            smooth(noises, decay), smooth(signals, decay, corrected=True)
        ),
        "Only S is averaged: smooth G2 as well, before dividing": lambda: ratio(
            smooth(noises, decay, corrected=True), signals
        ),
        "Only S is averaged, from zero: smooth G2 as well, before dividing": lambda: ratio(
            smooth(noises, decay), signals
        ),
        "Only G2 is averaged: smooth S as well, before dividing": lambda: ratio(
            noises, smooth(signals, decay, corrected=True)
        ),
        "Only G2 is averaged, from zero: smooth S as well, before dividing": lambda: ratio(
            noises, smooth(signals, decay)
        ),
        "The quotient is upside down: noise S over signal G2": lambda: [1 / value for value in right],
        "The reading is one update late: the update comes first, then the quotient": lambda: [math.nan, *right[:-1]],
        "The absolute value came back: return the quotient with its sign": lambda: [abs(value) for value in right],
        "A negative quotient is cut off at zero: return it as it is": lambda: [max(value, 0.0) for value in right],
        "inf came back where G2 is negative: return the plain quotient": lambda: [
            math.inf if value < 0 else value for value in right
        ],
        "NaN came back where G2 is negative: return the plain quotient": lambda: [
            math.nan if value < 0 else value for value in right
        ],
        "Averages start at one instead of zero: the first quotient must be that of the first pair": lambda: ratio(
            smooth(noises, decay, 1.0), smooth(signals, decay, 1.0)
        ),
        "The past is not weighed by decay in the numerator: both averages have the same decay": lambda: ratio(
            list(itertools.accumulate((1 - decay) * value for value in noises)), smooth(signals, decay)
        ),
        "The past is not weighed by decay in the denominator: both averages have the same decay": lambda: ratio(
            smooth(noises, decay), list(itertools.accumulate((1 - decay) * value for value in signals))
        ),
        "The factor 1 - decay stands in the numerator's average only: both need the same": lambda: [
            (1 - decay) * value for value in right
        ],
        "The factor 1 - decay stands in the denominator's average only: both need the same": lambda: [
            value / (1 - decay) for value in right
        ],
        "The square root of the quotient came back: return S/G2 itself": lambda: [math.sqrt(value) for value in right],
        "B_simple is counted in small batches: S/G2 is in samples already": lambda: [
            value / sizes[0] for value, sizes in zip(right, last, strict=True)
        ],
        "S is divided by the averaged n_big, which still contains noise: divide by the average of G2": lambda: ratio(
            smooth(noises, decay), smooth([update[1] for update in updates], decay)
        ),
        "The first batch sizes are used for ever: every update brings its own": lambda: tracked(
            [(*update[:2], *updates[0][2:]) for update in updates], decay
        ),
        "The norms are squared again: n_small and n_big are squared norms already": lambda: tracked(
            [(update[0] ** 2, update[1] ** 2, *update[2:]) for update in updates], decay
        ),
    }
    wrong_formulas = of_formula(signal_formulas, 0) | of_formula(noise_formulas, 1)
    return table | {sentence: (lambda values=values: values) for sentence, values in wrong_formulas.items()}


# so-control-variate


def controlled(f, h, h_mean):
    """(estimate, variance ratio)."""
    f, h = f.double(), h.double()
    a, b = f - f.mean(), h - h.mean()
    shared, spread = (a * b).sum(), (b * b).sum()
    estimate = f.mean() - shared / spread * (h.mean() - h_mean)
    return estimate.item(), (1 - shared**2 / (spread * (a * a).sum())).item()


def coefficients(f, h, h_mean):
    """Sentence -> a wrong coefficient c."""
    f, h = f.double(), h.double()
    a, b = f - f.mean(), h - h.mean()
    n = len(f)
    cov, var_f, var_h = ((x * y).mean().item() for x, y in ((a, b), (a, a), (b, b)))
    bessel = n / (n - 1)
    known = h - h_mean
    return {
        "The coefficient is 1: the best one is Cov(f, h)/Var(h)": 1.0,
        "The coefficient is the correlation: the best one is Cov(f, h)/Var(h)": cov / math.sqrt(var_f * var_h),
        "The covariance is divided by Var(f): the best coefficient is Cov(f, h)/Var(h)": cov / var_f,
        "The covariance is not divided by Var(h): the best coefficient is Cov(f, h)/Var(h)": cov,
        "The covariance (divided by n - 1) is not divided by Var(h): the best coefficient is Cov(f, h)/Var(h)": (
            cov * bessel
        ),
        "The coefficient is upside down: it is Cov(f, h)/Var(h)": var_h / cov,
        "The covariance is divided by the standard deviation of h: the best coefficient is Cov(f, h)/Var(h)": (
            cov / math.sqrt(var_h)
        ),
        "Mixed divisors: the covariance is divided by n - 1 and the variance by n, choose one for both": cov
        * bessel
        / var_h,
        "Mixed divisors: the covariance is divided by n and the variance by n - 1, choose one for both": cov
        / bessel
        / var_h,
        "The covariance is summed and the variance averaged: the same divisor belongs in both": n * cov / var_h,
        "Neither f nor h is centred in the coefficient: subtract the sample means before multiplying": (
            (f * h).mean() / (h * h).mean()
        ).item(),
        "The coefficient is centred at h_mean: covariance and variance are about the sample means": (
            (a * known).mean() / (known * known).mean()
        ).item(),
        "The coefficient is centred at h_mean, and f not at all: covariance and variance are about the sample means": (
            (f * known).mean() / (known * known).mean()
        ).item(),
        "The ratio of the means is used as coefficient: the best one is Cov(f, h)/Var(h)": (f.mean() / h.mean()).item(),
        "The ratio of the standard deviations is used as coefficient: the best one is Cov(f, h)/Var(h)": math.sqrt(
            var_f / var_h
        ),
        "The coefficient is doubled: the best one is Cov(f, h)/Var(h)": 2 * cov / var_h,
        "The absolute value of the covariance is used: the coefficient has the sign of the correlation": abs(cov)
        / var_h,
    }


def estimate_mistakes(f, h, h_mean):
    """Sentence -> what that mistake gives for the estimate."""
    f, h = f.double(), h.double()
    n = len(f)
    mean_f, mean_h = f.mean().item(), h.mean().item()
    right, ratio = controlled(f, h, h_mean)
    best = (mean_f - right) / (mean_h - h_mean)
    back = controlled(h, f, h_mean)
    table = {
        "Wrong sign: when h came out too large and moves with f, something must be subtracted from the mean of f": (
            mean_f + best * (mean_h - h_mean)
        ),
        "The plain mean of f came back: subtract c (mean(h) - h_mean), where h_mean is the argument": mean_f,
        "h_mean is not added back: subtract c (mean(h) - h_mean), not c mean(h)": mean_f - best * mean_h,
        "mean(h) is missing: subtract c (mean(h) - h_mean)": mean_f - best * h_mean,
        "mean(h) is missing: here c h_mean is added instead of subtracting c (mean(h) - h_mean)": mean_f
        + best * h_mean,
        "f and h are swapped: f is to be estimated, the mean of h is known": back[0],
        "The order is (estimate, variance ratio): the variance ratio stands first": ratio,
        "The correction alone came back: it is subtracted from the mean of f": best * (mean_h - h_mean),
        "The sum of the samples came back: take their mean": right * n,
        "The coefficient came back: the estimate is mean(f) - c (mean(h) - h_mean)": best,
        "The median came back: the estimate is the mean of f - c (h - h_mean)": (f - best * (h - h_mean))
        .median()
        .item(),
    }
    wrong = {sentence: mean_f - c * (mean_h - h_mean) for sentence, c in coefficients(f, h, h_mean).items()}
    both = {
        sentence + "; also, the correction is added where it must be subtracted": mean_f + c * (mean_h - h_mean)
        for sentence, c in coefficients(f, h, h_mean).items()
    }
    return table | wrong | both


def ratio_mistakes(f, h, h_mean):
    """Sentence -> what that mistake gives for the variance ratio."""
    f, h = f.double(), h.double()
    n = len(f)
    a, b = f - f.mean(), h - h.mean()
    cov, var_f, var_h = ((x * y).mean().item() for x, y in ((a, b), (a, a), (b, b)))
    right = 1 - cov**2 / (var_f * var_h)
    rho, bessel = cov / math.sqrt(var_f * var_h), n / (n - 1)
    estimate, _ = controlled(f, h, h_mean)
    table = {
        "rho^2 came back, the share that is removed: after over before is 1 - rho^2": rho**2,
        "1 - rho came back: square the correlation": 1 - rho,
        "1 - |rho| came back: square the correlation": 1 - abs(rho),
        "1 + rho^2 came back: the correlation takes variance away, 1 - rho^2": 1 + rho**2,
        "The ratio is upside down: variance after over variance before": 1 / right if right else math.inf,
        "The ratio of the standard deviations came back: it is the variances that are compared": math.sqrt(
            max(right, 0.0)
        ),
        "The correlation itself came back: the ratio is 1 - rho^2": rho,
        "The variance after came back: divide it by the variance of f": right * var_f,
        "The variance after (divided by n - 1) came back: divide it by the variance of f": right * var_f * bessel,
        "The variance of the mean came back: divide the variance after by the variance before": right * var_f / n,
        "The variance of the mean (from n - 1) came back: divide the variance after by the variance before": (
            right * var_f / (n - 1)
        ),
        "The variance that was removed came back: divide what is left by the variance of f": var_f - right * var_f,
        "The variance after is divided by the variance of h: divide by that of f": right * var_f / var_h,
        "The variance after is divided by its number of samples too: both variances are of single samples": right / n,
        "Mixed divisors: the covariance is divided by n - 1 and the variances by n, choose one for all": 1
        - (bessel * rho) ** 2,
        "Mixed divisors: the covariance is divided by n and the variances by n - 1, choose one for all": 1
        - (rho / bessel) ** 2,
        "Mixed divisors: the variance after is divided by n - 1 and that before by n, choose one for both": right
        * bessel,
        "Mixed divisors: the variance after is divided by n and that before by n - 1, choose one for both": right
        / bessel,
        "The variance after is divided by n - 2, as in a regression: the same divisor belongs in both": (
            right * (n - 1) / (n - 2) if n > 2 else math.nan
        ),
        "The variance after is divided by n - 2 and that before by n: the same divisor belongs in both": (
            right * n / (n - 2) if n > 2 else math.nan
        ),
        "The order is (estimate, variance ratio): the estimate stands last": estimate,
        "The ratio is given in percent: return 1 - rho^2": 100 * right,
        "The second moment is taken instead of the variance: subtract the means before squaring": (
            ((f - cov / var_h * (h - h_mean)).square().mean() / f.square().mean()).item()
        ),
        "1 - c came back: the ratio is 1 - rho^2": 1 - cov / var_h,
        "1 - c^2 came back: the ratio is 1 - rho^2": 1 - (cov / var_h) ** 2,
        "The correlation is raised to the fourth power: the ratio is 1 - rho^2": 1 - rho**4,
    }
    for sentence, c in coefficients(f, h, h_mean).items():
        table[sentence + " (seen in the variance ratio)"] = (var_f - 2 * c * cov + c * c * var_h) / var_f
        table[sentence + " (seen in 1 - c Cov/Var(f))"] = 1 - c * cov / var_f
    return table


# so-svrg and so-saga


class SampleGradients:
    """Gradients of n quadratic sample losses 1/2 (theta - c_i)' A_i (theta - c_i), and a record of who asked for what.

    `calls` holds the points (float64 copies) and indices that `grad_i` was asked for, in order.
    """

    def __init__(self, generator, n, dim):
        self.n, self.dim = n, dim
        factors = torch.randn(n, dim, dim, generator=generator, dtype=torch.float64) / dim**0.5
        self.hessians = factors @ factors.mT + 0.5 * torch.eye(dim, dtype=torch.float64)
        self.centres = 1.5 * torch.randn(n, dim, generator=generator, dtype=torch.float64)
        self.calls: list[tuple[torch.Tensor, int]] = []
        self.outside: int | None = None

    def gradient(self, theta, i):
        return self.hessians[i] @ (theta - self.centres[i])

    def all_gradients(self, theta):
        return torch.stack([self.gradient(theta, i) for i in range(self.n)])

    def grad_i(self, theta, i):
        """What the answer calls; an index that does not exist is remembered, and taken modulo n for the moment."""
        point = torch.as_tensor(theta).detach()
        index = int(i)
        if not 0 <= index < self.n:
            self.outside, index = index, index % self.n
        self.calls.append((point.double().clone().reshape(self.dim), index))
        return self.gradient(self.calls[-1][0], index).to(point.dtype)

    def start(self):
        self.calls, self.outside = [], None

    def check_indices(self):
        if self.outside is not None:
            which = "n" if self.outside == self.n else ("-1" if self.outside == -1 else "an index outside")
            raise Mistake(f"grad_i is asked for sample {which}: samples are counted from 0 to n - 1")

    @property
    def indices(self):
        return [index for _, index in self.calls]

    def index_at(self, theta):
        """The index that was asked for at the point theta; None where there was none, or more than one."""
        scale = max(1.0, theta.abs().max().item())
        if not self.calls:
            return None
        points = torch.stack([point for point, _ in self.calls])
        near = ((points - theta).abs().amax(dim=1) <= 1e-5 * scale).tolist()
        found = {index for (_, index), here in zip(self.calls, near, strict=True) if here}
        return found.pop() if len(found) == 1 else None


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


# so-top-k


def largest(values, k, key=torch.abs):
    """`values` with all but the k entries of largest key set to zero, counted over the whole tensor."""
    flat = values.flatten()
    message = torch.zeros_like(flat)
    if k > 0:
        keep = key(flat).topk(min(k, flat.numel())).indices
        message[keep] = flat[keep]
    return message.reshape(values.shape)


def messages(gradients, k, select=None, residual=None, sign=1.0):
    """Messages, stacked; `select(c, g, k)` chooses, `residual(c, m, g, e)` is what is kept. The defaults are right."""
    select = select or (lambda c, g, k: largest(c, k))
    residual = residual or (lambda c, m, g, e: c - m)
    memory = torch.zeros_like(gradients[0], dtype=torch.float64)
    rows = []
    for gradient in gradients:
        gradient = gradient.double()
        corrected = gradient + sign * memory
        message = select(corrected, gradient, k)
        memory = residual(corrected, message, gradient, memory)
        rows.append(message)
    return torch.stack(rows)


def masked(values, mask):
    return torch.where(mask, values, torch.zeros_like(values))


def top_k_mistakes(gradients, k):
    """Sentence -> the messages, stacked, that this mistake sends for these gradients."""
    size = gradients[0].numel()
    matrix = gradients[0].ndim == 2

    def right(c, m, g, e):
        return c - m

    def by_rows(c, g, k):
        return torch.stack([largest(row, k) for row in c])

    table = {
        "The residual is forgotten: add what was not sent to the next gradient (error feedback)": lambda: messages(
            gradients, k, residual=lambda c, m, g, e: 0 * c
        ),
        "Signed values are compared: keep the entries of largest magnitude, |c|": lambda: messages(
            gradients, k, lambda c, g, k: largest(c, k, lambda x: x)
        ),
        "Signed values are compared, and nothing is kept for the next call: use |c|, and error feedback": lambda: (
            messages(gradients, k, lambda c, g, k: largest(c, k, lambda x: x), lambda c, m, g, e: 0 * c)
        ),
        "The smallest entries are sent: keep those of largest magnitude": lambda: messages(
            gradients, k, lambda c, g, k: largest(c, k, lambda x: -x.abs())
        ),
        "The most negative entries are sent: keep those of largest magnitude": lambda: messages(
            gradients, k, lambda c, g, k: largest(c, k, lambda x: -x)
        ),
        "One entry too many is sent: at most k": lambda: messages(
            gradients, k, lambda c, g, k: largest(c, min(k + 1, size))
        ),
        "One entry too few is sent: k of them": lambda: messages(gradients, k, lambda c, g, k: largest(c, k - 1)),
        "All but k entries are sent: send k and keep the others": lambda: messages(
            gradients, k, lambda c, g, k: c - largest(c, k)
        ),
        "The residual is g minus the message: what was held back earlier is lost, use g + residual minus message": (
            lambda: messages(gradients, k, residual=lambda c, m, g, e: g - m)
        ),
        "The old residual is added twice: the new one is g + residual - message, which contains the old": lambda: (
            messages(gradients, k, residual=lambda c, m, g, e: e + c - m)
        ),
        "The residual has the wrong sign: what was not sent, g + residual - message, is added to the next gradient": (
            lambda: messages(gradients, k, sign=-1.0)
        ),
        "What was sent stays in the residual: subtract the message": lambda: messages(
            gradients, k, residual=lambda c, m, g, e: c
        ),
        "The message is kept as residual: keep what was not sent": lambda: messages(
            gradients, k, residual=lambda c, m, g, e: m
        ),
        "The last gradient is kept as residual: keep what was not sent": lambda: messages(
            gradients, k, residual=lambda c, m, g, e: g
        ),
        "The k entries are chosen by |g|: choose by |g + residual|": lambda: messages(
            gradients, k, lambda c, g, k: masked(c, largest(g, k) != 0)
        ),
        "The residual serves the choice only: send the values of g + residual, not of g": lambda: messages(
            gradients, k, lambda c, g, k: masked(g, largest(c, k) != 0)
        ),
        "The residual serves the choice only, and what was sent is dropped from it: send g + residual": lambda: (
            messages(
                gradients,
                k,
                lambda c, g, k: masked(g, largest(c, k) != 0),
                lambda c, m, g, e: c - largest(c, k),
            )
        ),
        "The choice is that of g, and so are the values sent: add the residual before choosing": lambda: messages(
            gradients, k, lambda c, g, k: largest(g, k)
        ),
        "The entries are scaled by d/k: that is for random choices, top-k sends them as they are": lambda: messages(
            gradients, k, lambda c, g, k: largest(c, k) * size / k
        ),
        "The entries are scaled by d/k, and nothing is kept: send them as they are, with error feedback": lambda: (
            messages(gradients, k, lambda c, g, k: largest(c, k) * size / k, lambda c, m, g, e: 0 * c)
        ),
        "Ones are sent: the message has the values of the chosen entries": lambda: messages(
            gradients, k, lambda c, g, k: (largest(c, k) != 0).double()
        ),
        "Signs are sent: the message has the values of the chosen entries": lambda: messages(
            gradients, k, lambda c, g, k: largest(c, k).sign()
        ),
        "Magnitudes are sent: the message keeps the signs": lambda: messages(
            gradients, k, lambda c, g, k: largest(c, k).abs()
        ),
        "Magnitudes are sent, and nothing is kept: the message keeps the signs": lambda: messages(
            gradients, k, lambda c, g, k: largest(c, k).abs(), lambda c, m, g, e: 0 * c
        ),
        "The residual is halved: keep all of what was not sent": lambda: messages(
            gradients, k, residual=lambda c, m, g, e: 0.5 * (c - m)
        ),
        "The residual decays by 0.9: keep all of what was not sent": lambda: messages(
            gradients, k, residual=lambda c, m, g, e: 0.9 * (c - m)
        ),
        "The first k entries are sent: keep those of largest magnitude": lambda: messages(
            gradients, k, lambda c, g, k: masked(c, (torch.arange(size) < k).reshape(c.shape))
        ),
        "Nothing is left out: send k entries and keep the others": lambda: messages(gradients, k, lambda c, g, k: c),
        "Nothing but zeros is sent: the message holds the k largest entries": lambda: messages(
            gradients, k, lambda c, g, k: 0 * c
        ),
        "The message and the residual are swapped: the k largest entries are sent": lambda: messages(
            gradients, k, lambda c, g, k: c - largest(c, k), lambda c, m, g, e: c - m
        ),
        "The residual is added after the choice, so more than k entries are sent: add it before choosing": lambda: (
            added_after(gradients, k)
        ),
        "The residual of the first call is kept for ever: renew it at every call": lambda: first_kept(gradients, k),
    }
    if matrix:
        table |= {
            "k entries of every row are sent: the k entries are counted over the whole tensor": lambda: messages(
                gradients, k, by_rows
            ),
            "k entries of every column are sent: the k entries are counted over the whole tensor": lambda: messages(
                gradients, k, lambda c, g, k: by_rows(c.T, None, k).T
            ),
        }
    return table


def added_after(gradients, k):
    memory, rows = torch.zeros_like(gradients[0], dtype=torch.float64), []
    for gradient in gradients:
        chosen = largest(gradient.double(), k)
        rows.append(chosen + memory)
        memory = gradient.double() - chosen
    return torch.stack(rows)


def first_kept(gradients, k):
    first = gradients[0].double()
    held = first - largest(first, k)
    return torch.stack([largest(first, k), *(largest(g.double() + held, k) for g in gradients[1:])])


# so-quantize


def other_steps(v, levels):
    """Sentence -> the step of a wrong grid."""
    norm = v.norm().item()
    one, largest_entry, size = v.abs().sum().item(), v.abs().max().item(), v.numel()
    return {
        "The largest entry is taken for the norm: QSGD divides by the l2 norm": largest_entry / levels,
        "The l1 norm is used: QSGD divides by the l2 norm": one / levels,
        "The squared norm is used: QSGD divides by the l2 norm itself": norm**2 / levels,
        "The root mean square is taken for the norm: the l2 norm is the root of the sum of squares": (
            norm / math.sqrt(size) / levels
        ),
        "The mean magnitude is taken for the norm: QSGD divides by the l2 norm": one / size / levels,
        "The range max - min is divided into levels: QSGD divides by the l2 norm": (v.max() - v.min()).item() / levels,
        "The norm is left out: the grid is that of multiples of norm/levels": 1 / levels,
        "The grid has levels - 1 steps: there are `levels` steps from 0 to the norm": norm / max(levels - 1, 0.5),
        "The grid has levels + 1 steps: there are `levels` steps from 0 to the norm": norm / (levels + 1),
        "The grid has 2 * levels steps: there are `levels` steps from 0 to the norm": norm / (2 * levels),
        "The grid has levels/2 steps: there are `levels` steps from 0 to the norm": 2 * norm / levels,
        "levels is taken for a number of bits: there are `levels` steps from 0 to the norm, not 2**levels": (
            norm / 2 ** min(levels, 60)
        ),
        "levels is taken for a number of bits: there are `levels` steps from 0 to the norm, not 2**levels - 1": (
            norm / (2 ** min(levels, 60) - 1)
        ),
        "levels is ignored: entries are rounded to 0 or the norm, not to multiples of norm/levels": norm,
        "Entries are rounded to whole numbers: the grid is that of multiples of norm/levels": 1.0,
    }


def on_grid(values, v, step, tolerance):
    """Whether `values` are multiples of step, next above or below v, with its signs."""
    units = values / step
    exact = (units - units.round()).abs().max().item() <= tolerance
    near = ((units - v / step).abs() < 1 + tolerance).all().item()
    return exact and near and bool((units * v >= -tolerance).all())


def quantize_forms(values, v, levels, tolerance):
    """Sentence -> whether the values show that mistake of form."""
    norm = v.norm()
    step = norm.item() / levels
    return {
        "v came back as it was: round its entries to multiples of norm/levels": bool(
            ((values - v).abs() <= 1e-6 * v.abs().max()).all()
        ),
        "The signs are lost: multiply the level by sign(v)": on_grid(values, v.abs(), step, tolerance),
        "All signs are flipped: multiply the level by sign(v)": on_grid(-values, v, step, tolerance),
        "The levels xi came back without signs: return norm(v) sign(v) xi/levels": on_grid(
            values * step, v.abs(), step, tolerance
        ),
        "The integer levels came back: return norm(v) sign(v) xi/levels": on_grid(values * step, v, step, tolerance),
        "The norm is missing in the result: return norm(v) sign(v) xi/levels": on_grid(
            values * norm, v, step, tolerance
        ),
        "The division by levels is missing in the result: return norm(v) sign(v) xi/levels": on_grid(
            values / levels, v, step, tolerance
        ),
        "The result is divided by levels twice: return norm(v) sign(v) xi/levels": on_grid(
            values * levels, v, step, tolerance
        ),
        "The result is divided by the norm: multiply by it": on_grid(values * norm**2, v, step, tolerance),
    }


# so-temperature


def temperature_mistakes(lr, batch, new_batch):
    """Sentence -> what that mistake returns."""
    growth = new_batch / batch
    whole, kind = new_batch // batch, "larger" if new_batch > batch else "smaller"
    return {
        "The ratio is upside down: a larger batch needs a larger learning rate, lr * new_batch/batch": lr / growth,
        "The square root of the ratio is taken: equal lr/batch means lr * new_batch/batch": lr * math.sqrt(growth),
        "The square root of the inverse ratio is taken: equal lr/batch means lr * new_batch/batch": lr
        / math.sqrt(growth),
        "The ratio is squared: equal lr/batch means lr * new_batch/batch": lr * growth**2,
        f"The learning rate came back unchanged for a {kind} batch: it is lr * new_batch/batch, up and down alike": lr,
        "The division by batch is missing: lr * new_batch/batch": lr * new_batch,
        "The temperature lr/batch came back: multiply it by new_batch": lr / batch,
        "lr/new_batch came back: the new learning rate is lr * new_batch/batch": lr / new_batch,
        "lr * batch came back: the new learning rate is lr * new_batch/batch": lr * batch,
        "The factor new_batch/batch came back: multiply it by lr": growth,
        "Floor division, //, rounds the ratio of the batch sizes down: divide with /": lr * whole,
        "Floor division, //, rounds the ratio of the batch sizes down: divide with / and multiply": lr
        / (batch // new_batch)
        if batch >= new_batch
        else math.nan,
        "The ratio of the batch sizes is rounded: divide with / and leave it": lr * round(growth),
        "The logarithm of the ratio is used: equal lr/batch means lr * new_batch/batch": lr * (1 + math.log2(growth)),
        "The natural logarithm of the ratio is used: equal lr/batch means lr * new_batch/batch": lr
        * (1 + math.log(growth)),
        "The relative change is added once too often: the factor is new_batch/batch": lr * (1 + growth),
        "The difference of the batch sizes is used: the factor is new_batch/batch": lr * (new_batch - batch),
        "The relative difference is used: the factor is new_batch/batch": lr * (growth - 1),
        "The learning rate is capped at 1: return lr * new_batch/batch as it is": min(lr * growth, 1.0),
    }


def matched(lr, batch, new_batch):
    return lr * new_batch / batch
