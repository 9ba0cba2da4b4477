"""What a 1/t schedule leaves: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math


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
