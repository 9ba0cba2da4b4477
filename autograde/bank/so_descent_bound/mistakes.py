"""Descent lemma with noise: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math

from autograde.bank.mistake_tables import sums


def lemma(f, grad_sq, lr, L, cov_trace, batch_size):
    return f - lr * (1 - lr * L / 2) * grad_sq + lr**2 * L * cov_trace / (2 * batch_size)


def descent_mistakes(f, grad_sq, lr, L, cov_trace, batch_size):
    """Sentence -> what that mistake returns."""
    gain = lr * (1 - lr * L / 2) * grad_sq
    noise = lr**2 * L * cov_trace / (2 * batch_size)
    right = f - gain + noise
    gains = {
        "The factor 1/2 in the gradient term is missing: it is 1 - lr L/2, not 1 - lr L": lambda: (
            f - lr * (1 - lr * L) * grad_sq
        ),
        "The curvature in the gradient term is missing: it has the factor 1 - lr L/2": lambda: f - lr * grad_sq,
        "The curvature in the gradient term has the wrong sign: the factor is 1 - lr L/2": lambda: (
            f - lr * (1 + lr * L / 2) * grad_sq
        ),
        "The gradient term has the wrong sign: descent is subtracted from f": lambda: f + gain,
        "The gradient term is missing"
        + (", or kept from changing sign: beyond lr = 2/L it raises the bound" if lr * L > 2 else ""): lambda: f,
        "The gradient term uses the norm: grad_sq is squared already, take no root": lambda: (
            f - lr * (1 - lr * L / 2) * math.sqrt(grad_sq)
        ),
        "grad_sq is squared: it is the squared norm already": lambda: f - gain * grad_sq,
        "The gradient term is divided by B: averaging shrinks the noise, not the gradient": lambda: (
            f - gain / batch_size
        ),
        "The gradient term is lr/2 grad_sq, which is right at lr = 1/L only: use lr (1 - lr L/2)": lambda: (
            f - lr / 2 * grad_sq
        ),
        "The gradient term is grad_sq/(2L), the best rate's: use the lr that was given": lambda: f - grad_sq / (2 * L),
        "lr is missing in front of the bracket: the gradient term is lr (1 - lr L/2) grad_sq": lambda: (
            f - (1 - lr * L / 2) * grad_sq
        ),
        "lr is missing in the bracket: the gradient term is lr (1 - lr L/2) grad_sq": lambda: (
            f - lr * (1 - L / 2) * grad_sq
        ),
        "L is missing in the bracket: the gradient term is lr (1 - lr L/2) grad_sq": lambda: (
            f - lr * (1 - lr / 2) * grad_sq
        ),
        "L divides in the bracket: the gradient term is lr (1 - lr L/2) grad_sq": lambda: (
            f - lr * (1 - lr / (2 * L)) * grad_sq
        ),
        "lr is squared in the bracket: the gradient term is lr (1 - lr L/2) grad_sq": lambda: (
            f - lr * (1 - lr**2 * L / 2) * grad_sq
        ),
        "L is squared in the bracket: the gradient term is lr (1 - lr L/2) grad_sq": lambda: (
            f - lr * (1 - lr * L**2 / 2) * grad_sq
        ),
        "The bracket is 2 - lr L: the gradient term is lr (1 - lr L/2) grad_sq": lambda: f - 2 * gain,
        "The gradient term carries a factor 1/2 on top of the bracket: it is lr (1 - lr L/2) grad_sq": lambda: (
            f - gain / 2
        ),
        "The bracket is squared, as for the distance to an optimum: the gradient term is lr (1 - lr L/2) grad_sq": (
            lambda: f - lr * (1 - lr * L / 2) ** 2 * grad_sq
        ),
    }
    noises = {
        "The factor 1/2 in the noise term is missing: it is lr^2 L/2 cov_trace/B": lambda: 2 * noise,
        "lr is not squared in the noise term: it is lr^2 L/2 cov_trace/B": lambda: noise / lr,
        "lr is missing in the noise term: it is lr^2 L/2 cov_trace/B": lambda: noise / lr**2,
        "L is missing in the noise term: it is lr^2 L/2 cov_trace/B": lambda: noise / L,
        "L is squared in the noise term: it is lr^2 L/2 cov_trace/B": lambda: noise * L,
        "The noise is not divided by the batch size: cov_trace belongs to one sample": lambda: noise * batch_size,
        "The noise is divided by B twice: once is enough": lambda: noise / batch_size,
        "The noise is divided by sqrt(B): a variance falls as 1/B": lambda: noise * math.sqrt(batch_size),
        "The noise is multiplied by B: averaging divides it": lambda: noise * batch_size**2,
        "The noise term has the wrong sign: noise costs, it is added": lambda: -noise,
        "The noise term lr^2 L/2 cov_trace/B is missing": lambda: 0.0,
        "cov_trace is squared: it is a variance already": lambda: noise * cov_trace,
        "The square root of cov_trace is taken: the squared step counts": lambda: noise / math.sqrt(cov_trace),
        "The noise term is lr/2 cov_trace/B, which is right at lr = 1/L only: use lr^2 L/2": lambda: noise / (lr * L),
        "The noise counts in the first-order term too: there it averages out, only the squared step feels it": lambda: (
            -lr * (1 - lr * L / 2) * cov_trace / batch_size
        ),
        "The noise counts in the first-order term too, with a plus: only the squared step feels it": lambda: (
            noise + lr * cov_trace / batch_size
        ),
        "The noise term is multiplied by the bracket 1 - lr L/2: it is lr^2 L/2 cov_trace/B": lambda: (
            noise * (1 - lr * L / 2)
        ),
        "The factor 1/2 in the noise term is there twice: it is lr^2 L/2 cov_trace/B": lambda: noise / 2,
        "L divides the noise term: it is lr^2 L/2 cov_trace/B": lambda: noise / L**2,
    }

    def at(rate):
        return lambda: lemma(f, grad_sq, rate, L, cov_trace, batch_size)

    others = {
        "Only the change came back: add f": lambda: noise - gain,
        "The decrease, f minus the bound, came back: return the bound itself": lambda: gain - noise,
        "The result is kept below f: beyond lr = 2/L, and where noise wins, the bound is above f": lambda: min(
            right, f
        ),
        "lr and L are swapped: mind the order of the arguments": lambda: lemma(
            f, grad_sq, L, lr, cov_trace, batch_size
        ),
        "grad_sq and cov_trace are swapped: mind the order of the arguments": lambda: lemma(
            f, cov_trace, lr, L, grad_sq, batch_size
        ),
        "The change is scaled by f: it is added to f": lambda: f * (1 - gain + noise),
        "The signs of both terms are wrong: subtract the gradient term, add the noise": lambda: f + gain - noise,
    }
    if lr * L > 1:
        others["lr is clipped at 1/L: the bound holds for the lr that was given"] = at(1 / L)
    if lr * L > 2:
        others["lr is clipped at 2/L: the bound holds for the lr that was given"] = at(2 / L)
    return sums(gains, noises, f - gain, noise, others)
