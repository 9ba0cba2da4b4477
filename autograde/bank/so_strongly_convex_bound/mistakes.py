"""A guarantee for the distance: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math

from autograde.bank.mistake_tables import sums


def distance_bound(d0_sq, lr, mu, noise_trace, batch_size, steps):
    return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)


def distance_mistakes(d0_sq, lr, mu, noise_trace, batch_size, steps):
    """Sentence -> what that mistake returns."""
    q, t = 1 - lr * mu, steps
    start = q**t * d0_sq
    floor = lr * noise_trace / (mu * batch_size)
    starts = {
        "The contraction is squared, (1 - lr mu)^(2t): the proof gives (1 - lr mu)^t": lambda: q ** (2 * t) * d0_sq,
        "The contraction is 1 - 2 lr mu: the proof gives 1 - lr mu": lambda: (1 - 2 * lr * mu) ** t * d0_sq,
        "The contraction is 1 - lr mu/2: the proof gives 1 - lr mu": lambda: (1 - lr * mu / 2) ** t * d0_sq,
        "The contraction is exp(-lr mu): that is an upper bound of 1 - lr mu, use the latter": lambda: (
            math.exp(-lr * mu * t) * d0_sq
        ),
        "The contraction is exp(-2 lr mu): use 1 - lr mu": lambda: math.exp(-2 * lr * mu * t) * d0_sq,
        "The contraction has the wrong sign: it is 1 - lr mu": lambda: (1 + lr * mu) ** t * d0_sq,
        "The contraction is 1/(1 + lr mu), that of an implicit step: it is 1 - lr mu": lambda: (
            d0_sq / (1 + lr * mu) ** t
        ),
        "mu is missing in the contraction 1 - lr mu": lambda: (1 - lr) ** t * d0_sq,
        "lr is missing in the contraction 1 - lr mu": lambda: (1 - mu) ** t * d0_sq,
        "mu divides in the contraction: it is 1 - lr mu": lambda: (1 - lr / mu) ** t * d0_sq,
        "1 - is missing in the contraction 1 - lr mu": lambda: (lr * mu) ** t * d0_sq,
        "1 - (lr mu)^t stands where (1 - lr mu)^t belongs": lambda: (1 - (lr * mu) ** t) * d0_sq,
        "The contraction is multiplied by t: it is raised to the power t": lambda: q * t * d0_sq,
        "The contraction is linear in t, 1 - t lr mu: it is raised to the power t": lambda: (1 - t * lr * mu) * d0_sq,
        "The contraction is applied once: it is raised to the power t": lambda: q * d0_sq,
        "The power is t + 1: after t steps it is t": lambda: q ** (t + 1) * d0_sq,
        "The power is t - 1: after t steps it is t": lambda: q ** (t - 1) * d0_sq,
        "The power is t B: it counts steps, not samples": lambda: q ** (t * batch_size) * d0_sq,
        "The term with the start is divided by B: only the noise is": lambda: start / batch_size,
        "The term with the start is missing": lambda: 0.0,
        "d0_sq is missing in the term with the start": lambda: q**t,
        "d0_sq is squared: it is the squared distance already": lambda: start * d0_sq,
        "The square root of d0_sq is taken: the bound is on the squared distance": lambda: q**t * math.sqrt(d0_sq),
        "d0_sq is raised to the power t as well: only 1 - lr mu is": lambda: (q * d0_sq) ** t,
        "The start never fades: multiply d0_sq by (1 - lr mu)^t": lambda: d0_sq,
        "The term with the start has the wrong sign": lambda: -start,
    }
    if lr * mu <= 1:
        starts["The power is t/B: it counts steps"] = lambda: q ** (t / batch_size) * d0_sq
    else:
        # These agree with others here: max(1 - lr mu, 0) loses the start, |1 - lr mu| changes its sign when t is odd.
        del starts["The term with the start is missing"], starts["The term with the start has the wrong sign"]
        starts |= {
            "The term with the start is missing, or 1 - lr mu is kept from being negative: use the formula as it is": (
                lambda: 0.0
            ),
            "The term with the start has the wrong sign: take no absolute value of 1 - lr mu": lambda: -start,
        }
    floors = {
        "The noise is not divided by the batch size: noise_trace belongs to one sample": lambda: floor * batch_size,
        "The noise is divided by B twice: once is enough": lambda: floor / batch_size,
        "The noise is divided by sqrt(B): a variance falls as 1/B": lambda: floor * math.sqrt(batch_size),
        "The noise is multiplied by B: averaging divides it": lambda: floor * batch_size**2,
        "mu is missing in the floor: it is lr noise_trace/(mu B)": lambda: floor * mu,
        "mu is squared in the floor: it is lr noise_trace/(mu B)": lambda: floor / mu,
        "mu multiplies in the floor: it is lr noise_trace/(mu B)": lambda: floor * mu**2,
        "lr is missing in the floor: it is lr noise_trace/(mu B)": lambda: floor / lr,
        "lr is squared in the floor: the geometric series takes one factor away": lambda: floor * lr,
        "lr divides in the floor: a smaller rate has a lower floor": lambda: floor / lr**2,
        "lr and mu are swapped in the floor: it is lr noise_trace/(mu B)": lambda: floor * mu**2 / lr**2,
        "The floor is halved: in this bound it is lr noise_trace/(mu B)": lambda: floor / 2,
        "The floor is doubled: in this bound it is lr noise_trace/(mu B)": lambda: 2 * floor,
        "The floor is the noise of one step, lr^2 noise_trace/B: it adds up over the steps": lambda: floor * lr * mu,
        "The noise of all t steps is added without contraction: the floor is lr noise_trace/(mu B)": (
            lambda: floor * lr * mu * t
        ),
        "The floor is multiplied by 1 - (1 - lr mu)^t: this bound takes the whole geometric series": lambda: (
            floor * (1 - q**t)
        ),
        "The floor is multiplied by (1 - lr mu)^t: the noise does not fade, only the start does": lambda: floor * q**t,
        "The floor is multiplied by t: it does not grow with the steps": lambda: floor * t,
        "The floor is that of the exact recursion, with 2 - lr mu below: this bound has lr noise_trace/(mu B)": (
            lambda: floor / (2 - lr * mu)
        ),
        "noise_trace is squared: it is a variance already": lambda: floor * noise_trace,
        "The square root of noise_trace is taken: the bound is on the squared distance": lambda: (
            floor / math.sqrt(noise_trace)
        ),
        "The square root of the floor is added: the bound is on the squared distance": lambda: math.sqrt(floor),
        "The floor lr noise_trace/(mu B) is missing": lambda: 0.0,
        "The floor has the wrong sign: noise keeps the iterates away from the optimum": lambda: -floor,
    }
    whole = start + floor
    others = {
        "The square root came back: the bound is on the squared distance": lambda: math.sqrt(whole),
        "The two terms are multiplied: add them": lambda: start * floor,
        "The result is kept below d0_sq: the bound may lie above it": lambda: min(whole, d0_sq),
    }
    return sums(starts, floors, start, floor, others)
