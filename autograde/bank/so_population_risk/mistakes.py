"""Population risk with an error bar: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import functools
import math
from statistics import NormalDist

from autograde.bank.mistake_tables import joined, told_apart


def mean_and_half_width(loss_samples, confidence):
    losses = loss_samples.double()
    error = losses.std(correction=1).item() / math.sqrt(len(losses))
    return losses.mean().item(), NormalDist().inv_cdf((1 + confidence) / 2) * error


def mean_mistakes(loss_samples, confidence, rtol=1e-6):
    """Sentence -> what that mistake returns in the first place of the pair."""
    losses = loss_samples.double()
    n = len(losses)
    mean, half = mean_and_half_width(loss_samples, confidence)
    error = losses.std().item() / math.sqrt(n)
    return told_apart(
        {
            "The lower end of the interval stands in first place: return the mean and the half-width": lambda: (
                mean - half
            ),
            "The upper end of the interval stands in first place: return the mean and the half-width": lambda: (
                mean + half
            ),
            "The pair is the wrong way round: the mean comes first, then the half-width": lambda: half,
            "The standard error stands in first place: return the mean and the half-width": lambda: error,
            "The median stands where the mean of the losses is asked for": lambda: losses.median(),
            "The sum of the losses came back, not their mean: divide by n": lambda: mean * n,
            "The losses are divided by n - 1: the mean divides by n, only the variance by n - 1": lambda: (
                mean * n / (n - 1)
            ),
            "exp of the mean loss (a perplexity) came back: return the mean loss itself": lambda: math.exp(mean),
            "The smallest loss stands where their mean is asked for": lambda: losses.min(),
            "The root of the mean square came back: return the mean of the losses": lambda: (
                losses.square().mean().sqrt()
            ),
        },
        rtol=rtol,
    )


def width_mistakes(loss_samples, confidence, rtol=1e-5):
    """Sentence -> what that mistake returns in the second place of the pair."""
    losses = loss_samples.double()
    n = len(losses)
    mean, half = mean_and_half_width(loss_samples, confidence)
    spread = losses.std().item()
    error = spread / math.sqrt(n)
    normal = NormalDist().inv_cdf
    z = normal((1 + confidence) / 2)
    errors = {
        "The standard deviation divides by n: the losses are a sample, divide the squares by n - 1": lambda: (
            error * math.sqrt((n - 1) / n)
        ),
        "The division by sqrt(n) is missing: that is the spread of one loss, not of their mean": lambda: spread,
        "The standard deviation is divided by n: a standard error divides by sqrt(n)": lambda: spread / n,
        "The standard deviation (with n - 1) is divided by sqrt(n - 1): divide by sqrt(n)": lambda: (
            spread / math.sqrt(n - 1)
        ),
        "The standard deviation is divided by n - 1: a standard error divides by sqrt(n)": lambda: spread / (n - 1),
        "The variance of the mean, s^2/n, is used without its square root": lambda: error**2,
        "The variance s^2 is divided by sqrt(n): take its square root first": lambda: spread**2 / math.sqrt(n),
        "The square root of s^2 is missing, and so is the division by sqrt(n)": lambda: spread**2,
        "The losses are not centred: the standard deviation is about their mean": lambda: (
            losses.square().sum() / (n - 1) / n
        ).sqrt(),
        "The standard deviation is about zero and divided by n: subtract the mean and divide by n - 1": lambda: (
            losses.square().mean() / n
        ).sqrt(),
        "The mean absolute deviation is used: the standard error takes the root of the mean square": lambda: (
            (losses - mean).abs().mean() / math.sqrt(n)
        ),
        "The standard error is multiplied by sqrt(n) instead of divided": lambda: spread * math.sqrt(n),
    }
    quantiles = {
        "This is Student's quantile: the normal one is asked for, for every n": lambda: student(confidence, n - 1),
        "This is Student's quantile with n degrees of freedom: the normal one is asked for": lambda: student(
            confidence, n
        ),
        "The quantile is one-sided: half of 1 - confidence lies beyond each end, so take it at (1 + confidence)/2": (
            lambda: normal(confidence)
        ),
        "The quantile is one-sided and has the wrong sign: take it at (1 + confidence)/2": lambda: normal(
            1 - confidence
        ),
        "The quantile is taken at (1 - confidence)/2, where it is negative: a half-width is positive": lambda: -z,
        "The quantile is taken at 1 - confidence/2, as if `confidence` were the error probability": lambda: normal(
            1 - confidence / 2
        ),
        "The quantile is taken at confidence/2: take it at (1 + confidence)/2": lambda: normal(confidence / 2),
        "The quantile for 0.95 is used, whatever the confidence: take it at (1 + confidence)/2": lambda: normal(0.975),
        "2 is used as quantile, whatever the confidence: compute it at (1 + confidence)/2": lambda: 2.0,
        "3 is used as quantile, whatever the confidence: compute it at (1 + confidence)/2": lambda: 3.0,
        "The quantile is missing: this is the bare standard error": lambda: 1.0,
        "The confidence itself multiplies the standard error: its normal quantile belongs there": lambda: confidence,
        "The whole width came back: the half-width is z s/sqrt(n)": lambda: 2 * z,
        "The interval is half as wide as it should be: the half-width is z s/sqrt(n) itself": lambda: z / 2,
        "The factor sqrt(2) between erfinv and the normal quantile is missing: z = sqrt(2) erfinv(confidence)": (
            lambda: z / math.sqrt(2)
        ),
        "erfinv(confidence) is multiplied by 2: the normal quantile is z = sqrt(2) erfinv(confidence)": lambda: (
            z * math.sqrt(2)
        ),
        "The distribution function is used where its inverse belongs: z is the quantile at (1 + confidence)/2": (
            lambda: NormalDist().cdf((1 + confidence) / 2)
        ),
        "This is Chebyshev's bound, 1/sqrt(1 - confidence): the normal quantile is asked for": lambda: (
            1 / math.sqrt(1 - confidence)
        ),
    }
    if confidence == 0.95:
        quantiles["1.96 is rounded, and right for 0.95 only: compute the quantile at (1 + confidence)/2"] = lambda: 1.96
    else:
        quantiles["1.96 is used, whatever the confidence: compute the quantile at (1 + confidence)/2"] = lambda: 1.96
        for decimals in (1, 2, 3, 4):
            quantiles[f"The quantile is rounded to {decimals} decimals: compute it at (1 + confidence)/2"] = (
                lambda decimals=decimals: round(z, decimals)
            )
    places = {
        "The upper end of the interval stands in second place: return the half-width itself": lambda: mean + half,
        "The lower end of the interval stands in second place: return the half-width itself": lambda: mean - half,
        "The pair is the wrong way round: the mean comes first, then the half-width": lambda: mean,
        "Half the distance between quantiles of the losses came back: that is their own spread": (
            lambda: (losses.quantile((1 + confidence) / 2) - losses.quantile((1 - confidence) / 2)) / 2
        ),
    }
    single = {s: (lambda value=value: z * value()) for s, value in errors.items()}
    single |= {s: (lambda value=value: error * value()) for s, value in quantiles.items()} | places
    double = {
        joined(one, other): (lambda value=value, quantile=quantile: value() * quantile())
        for one, value in errors.items()
        for other, quantile in quantiles.items()
    }
    return told_apart(single, double, rtol)


@functools.cache
def student(confidence: float, freedom: int) -> float:
    """t with P(|T| <= t) = confidence for a whole number of degrees of freedom, by bisection."""
    low, high = 0.0, 1e6
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle, freedom) < confidence else (low, middle)
    return high


def inside(t: float, freedom: int) -> float:
    """P(|T| <= t), the finite sum in powers of the cosine (Abramowitz, Stegun, 1964, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for k in range(2 + odd, freedom + 1, 2):
        total += term
        term *= cosine * cosine * (k - 1) / k
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
