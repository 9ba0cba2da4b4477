"""Expected squared norm: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math

from autograde.bank.mistake_tables import sums


def square_norm(mean_grad, cov_trace, batch_size):
    return mean_grad.double().square().sum().item() + cov_trace / batch_size


def square_norm_mistakes(mean_grad, cov_trace, batch_size, rtol=1e-6):
    """Sentence -> what that mistake returns."""
    g = mean_grad.double()
    dim = len(g)
    signal, noise = g.square().sum().item(), cov_trace / batch_size
    whole = signal + noise
    signals = {
        "The norm of the mean gradient is not squared: the sum is of squares": lambda: math.sqrt(signal),
        "The squared norm is squared again: square the entries of mean_grad once": lambda: signal**2,
        "The squares of mean_grad are averaged over its d entries: add them up": lambda: signal / dim,
        "The root of the mean square of mean_grad is used: add the squares up": lambda: math.sqrt(signal / dim),
        "The entries of mean_grad are added before squaring: the squared norm adds squares": lambda: (
            g.sum().item() ** 2
        ),
        "The entries of mean_grad are added up: the squared norm adds squares": lambda: g.sum().item(),
        "The entries of mean_grad are averaged before squaring: the squared norm adds squares": lambda: (
            g.mean().item() ** 2
        ),
        "The 1-norm of mean_grad is used: the squared 2-norm is asked for": lambda: g.abs().sum().item(),
        "The 1-norm of mean_grad is squared: the squared 2-norm is asked for": lambda: g.abs().sum().item() ** 2,
        "The largest entry of mean_grad is used: the squared norm adds the squares of all": lambda: (
            g.abs().max().item() ** 2
        ),
        "The signal norm(mean_grad)^2 is missing: it is what is left for a large batch": lambda: 0.0,
        "The signal is divided by B: averaging over the batch leaves the mean as it is": lambda: signal / batch_size,
        "The signal is multiplied by B: averaging over the batch leaves the mean as it is": lambda: signal * batch_size,
        "The signal is subtracted: both parts add up": lambda: -signal,
        "The squared norm is halved: the expected squared norm has no factor 1/2": lambda: signal / 2,
    }
    noises = {
        "The noise is not divided by B: cov_trace belongs to one sample": lambda: cov_trace,
        "The noise is divided by B twice: the variance of a mean falls as 1/B": lambda: noise / batch_size,
        "The noise is divided by sqrt(B): a variance falls as 1/B": lambda: cov_trace / math.sqrt(batch_size),
        "The noise is multiplied by B: that belongs to a sum of gradients, not to their mean": lambda: (
            cov_trace * batch_size
        ),
        "The noise tr Sigma / B is missing": lambda: 0.0,
        "The noise is subtracted: a noisy gradient is longer on average": lambda: -noise,
        "cov_trace is squared: it is a variance already": lambda: cov_trace**2 / batch_size,
        "The square root of cov_trace is taken: squares add up, not lengths": lambda: math.sqrt(cov_trace) / batch_size,
        "The square root of tr Sigma / B is added: squares add up, not lengths": lambda: math.sqrt(noise),
        "cov_trace is multiplied by d: a trace sums over the coordinates already": lambda: noise * dim,
        "cov_trace is divided by d: the trace is the whole variance": lambda: noise / dim,
        "The noise is divided by B - 1: averaging B independent samples divides by B": lambda: (
            cov_trace / (batch_size - 1)
        ),
        "The noise is divided by B + 1: averaging B independent samples divides by B": lambda: (
            cov_trace / (batch_size + 1)
        ),
        "Floor division, //, rounds the noise down: divide with /": lambda: cov_trace // batch_size,
        "The noise is halved: the expected squared norm has no factor 1/2": lambda: noise / 2,
    }
    others = {
        "The square root of the result came back: the expected squared norm is asked for": lambda: math.sqrt(whole),
        "The lengths of signal and noise are added, then squared: their squares add up": lambda: (
            (math.sqrt(signal) + math.sqrt(noise)) ** 2
        ),
        "The ratio of signal and whole came back: return the expected squared norm itself": lambda: signal / whole,
        "The ratio of noise and signal came back: return the expected squared norm itself": lambda: noise / signal,
        "The product of signal and noise came back: add them": lambda: signal * noise,
        "The whole is averaged over the d coordinates: the squared norm is a sum": lambda: whole / dim,
        "The expected squared norm is halved": lambda: whole / 2,
    }
    return sums(signals, noises, signal, noise, others, rtol)


def square_norm_tensors(mean_grad, cov_trace, batch_size):
    """Sentence -> what is left when a reduction is forgotten."""
    g = mean_grad.double()
    return {
        "One number a coordinate, shape (d,), came back: sum the squares of mean_grad": g.square()
        + cov_trace / batch_size,
        "The squares of mean_grad, shape (d,), came back: sum them and add tr Sigma / B": g.square(),
    }
