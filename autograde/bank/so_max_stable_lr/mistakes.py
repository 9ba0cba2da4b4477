"""Noise that sets the speed limit: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math

from autograde.bank.mistake_tables import told_apart


def stable_limit(lam, batch_size):
    return 2 / (lam * (1 + 2 / batch_size))


def limit_mistakes(lam, batch_size):
    """Sentence -> what that mistake returns."""
    right = stable_limit(lam, batch_size)
    return told_apart(
        {
            "This is 2/lam, the full-batch limit: the noise factor 1 + 2/B is missing, or rounded down by //": lambda: (
                2 / lam
            ),
            "The noise factor is 1 + 1/B: squares of Gaussians have the relative variance 2, so it is 1 + 2/B": (
                lambda: 2 / (lam * (1 + 1 / batch_size))
            ),
            "The noise factor is 1 + 3/B, from E x^4 = 3 lam^2: the variance is that less lam^2, so it is 1 + 2/B": (
                lambda: 2 / (lam * (1 + 3 / batch_size))
            ),
            "The noise factor is 3/B: the mean itself counts too, so it is 1 + 2/B": lambda: 2 / (lam * 3 / batch_size),
            "The noise factor is 2/B: the mean itself counts too, so it is 1 + 2/B": lambda: batch_size / lam,
            "The noise factor is 1 + 2B: noise falls with the batch size, so it is 1 + 2/B": lambda: (
                2 / (lam * (1 + 2 * batch_size))
            ),
            "The noise factor is 1 + B/2: it is 1 + 2/B": lambda: 2 / (lam * (1 + batch_size / 2)),
            "The noise factor is 1 + 2/sqrt(B): a variance falls as 1/B": lambda: (
                2 / (lam * (1 + 2 / math.sqrt(batch_size)))
            ),
            "The noise factor is 1 + sqrt(2/B): the variance enters, not the standard deviation": lambda: (
                2 / (lam * (1 + math.sqrt(2 / batch_size)))
            ),
            "The noise factor is 1 + 2/B^2: a variance falls as 1/B": lambda: 2 / (lam * (1 + 2 / batch_size**2)),
            "The noise factor is squared: it is 1 + 2/B": lambda: 2 / (lam * (1 + 2 / batch_size) ** 2),
            "The noise factor stands under a root: it is 1 + 2/B itself": lambda: (
                2 / (lam * math.sqrt(1 + 2 / batch_size))
            ),
            "The noise factor is 1 - 2/B: noise lowers the limit": lambda: 2 / (lam * (1 - 2 / batch_size)),
            "The noise factor multiplies: it belongs in the denominator, noise lowers the limit": lambda: (
                2 / lam * (1 + 2 / batch_size)
            ),
            "The noise factor is 1 + 2/(B - 1): averaging B samples divides by B": lambda: (
                2 / (lam * (1 + 2 / (batch_size - 1)))
            ),
            "The noise factor is 1 + 2/(B + 1): averaging B samples divides by B": lambda: (
                2 / (lam * (1 + 2 / (batch_size + 1)))
            ),
            "The division by B is missing in the noise factor: it is 1 + 2/B": lambda: 2 / (3 * lam),
            "The noise factor is 1 + 2 lam/B: the variance of h is 2 lam^2/B, relative to lam^2 that is 2/B": lambda: (
                2 / (lam * (1 + 2 * lam / batch_size))
            ),
            "The noise factor is 1 + 2 lam^2/B: relative to lam^2 the variance of h is 2/B": lambda: (
                2 / (lam * (1 + 2 * lam**2 / batch_size))
            ),
            "The brackets are wrong, lam + 2/B: it is lam (1 + 2/B)": lambda: 2 / (lam + 2 / batch_size),
            "The brackets are wrong, 2/lam + 2/B: divide by the noise factor 1 + 2/B": lambda: 2 / lam + 2 / batch_size,
            "This is half the limit, the rate with the fastest decay: the edge of stability is twice that": lambda: (
                right / 2
            ),
            "The result is twice too large": lambda: 2 * right,
            "lam is missing: a steeper problem needs a smaller rate": lambda: right * lam,
            "lam multiplies: a steeper problem needs a smaller rate": lambda: right * lam**2,
            "lam is squared: divide by it once": lambda: right / lam,
            "The square root of lam is taken: lam is the variance of the inputs already": lambda: (
                right * math.sqrt(lam)
            ),
            "The result is the square root of the limit": lambda: math.sqrt(right),
            "The reciprocal came back: the limit is 2 over lam (1 + 2/B)": lambda: 1 / right,
            "The limit is divided by the batch size: B enters through 1 + 2/B only": lambda: right / batch_size,
            "The limit is multiplied by the batch size: B enters through 1 + 2/B only": lambda: right * batch_size,
            "The result is rounded to two decimals: return it as it is": lambda: round(right, 2),
        }
    )
