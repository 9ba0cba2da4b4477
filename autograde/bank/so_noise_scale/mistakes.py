"""Gradient noise scale: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math
import statistics

from autograde.bank.two_batch_norms import estimates, noise_formulas, signal_formulas


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
