"""The knee: critical batch size: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math

import torch

from autograde.bank.mistake_tables import also_sampled


def noise_to_signal(per_sample):
    g = per_sample.double()
    mean = g.mean(dim=0)
    signal = mean.square().sum().item()
    return (g - mean).square().sum().item() / len(g) / signal if signal else math.inf


SMALL = (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)


def knee_mistakes(per_sample):
    """Sentence -> what that mistake returns."""
    g = per_sample.double()
    n_rows, dim = g.shape
    mean = g.mean(dim=0)
    centred = g - mean
    variances = centred.square().mean(dim=0)
    trace, signal = variances.sum().item(), mean.square().sum().item()
    second = g.square().sum().item() / n_rows
    covariance = centred.T @ centred / n_rows
    bessel = n_rows / (n_rows - 1) if n_rows > 1 else math.nan
    right = trace / signal
    mistakes = {
        "The norm of the mean gradient is not squared: divide by norm(mean)^2": lambda: trace / math.sqrt(signal),
        "The covariance is divided by N - 1 (sample covariance): the N rows are the whole population, divide by N": (
            lambda: right * bessel
        ),
        "The ratio is upside down: noise tr(Cov) over signal norm(mean)^2": lambda: signal / trace,
        "The ratio is upside down, and the covariance is divided by N - 1: noise tr(Cov) over signal norm(mean)^2": (
            lambda: signal / trace / bessel
        ),
        "The second moment is not centred: subtract the mean gradient before squaring": lambda: second / signal,
        "The trace is averaged over the d coordinates: it is a sum, as the squared norm below it is": lambda: (
            right / dim
        ),
        "The squared norm is averaged over the d coordinates: it is a sum, as the trace above it is": lambda: (
            right * dim
        ),
        "The ratio is taken for each coordinate and averaged: divide the two sums once": lambda: (
            (variances / mean.square()).mean().item()
        ),
        "The ratio is taken for each coordinate and summed: divide the two sums once": lambda: (
            (variances / mean.square()).sum().item()
        ),
        "The largest ratio of a coordinate is used: divide the two sums once": lambda: (
            (variances / mean.square()).max().item()
        ),
        "The median ratio of the coordinates is used: divide the two sums once": lambda: (
            (variances / mean.square()).median().item()
        ),
        "The denominator is the mean squared norm of the single gradients: average them first, then take the norm": (
            lambda: trace / second
        ),
        "The denominator uses the sum of the gradients: divide by the squared norm of their mean": lambda: (
            right / n_rows**2
        ),
        "The division by N in the covariance is missing": lambda: right * n_rows,
        "The covariance is divided by N twice: that is the variance of the mean over all N rows": lambda: (
            right / n_rows
        ),
        "The square root of the ratio came back: it is a ratio of squares, as it stands": lambda: math.sqrt(right),
        "The standard deviation is divided by the squared norm: the trace adds variances": lambda: (
            math.sqrt(trace) / signal
        ),
        "The standard deviations of the coordinates are summed: the trace adds variances": lambda: (
            variances.sqrt().sum().item() / signal
        ),
        "The 1-norm of the mean gradient is used: the signal is the squared 2-norm": lambda: (
            trace / mean.abs().sum().item() ** 2
        ),
        "The 1-norm of the mean gradient is used, unsquared: the signal is the squared 2-norm": lambda: (
            trace / mean.abs().sum().item()
        ),
        "The largest entry of the mean gradient is used: the signal is the squared 2-norm": lambda: (
            trace / mean.abs().max().item() ** 2
        ),
        "The entries of the mean gradient are added before squaring: the signal is the sum of their squares": lambda: (
            trace / mean.sum().item() ** 2
        ),
        "The mean is taken over all entries: the mean gradient has one entry a coordinate": lambda: (
            trace / g.mean().item() ** 2
        ),
        "All entries are pooled into one mean and one variance: both are sums over the d coordinates": lambda: (
            g.var(correction=0) / g.mean().square()
        ).item(),
        "All entries are pooled into one variance: the trace adds a variance for each coordinate": lambda: (
            g.var(correction=0).item() / signal
        ),
        "All entries are pooled into one sample variance: the trace adds a variance for each coordinate": lambda: (
            g.var(correction=1).item() / signal
        ),
        "The variance is taken over the coordinates of each row (dim=1): take it over the samples, dim=0": lambda: (
            g.var(dim=1, correction=0).sum().item() / signal
        ),
        "All entries of the covariance matrix are summed: the trace is the sum of its diagonal": lambda: (
            covariance.sum().item() / signal
        ),
        "The largest variance of a coordinate is used: the trace is the sum of all of them": lambda: (
            variances.max().item() / signal
        ),
        "The Frobenius norm of the covariance is used: the trace is the sum of its diagonal": lambda: (
            covariance.norm().item() / signal
        ),
        "The largest eigenvalue of the covariance is used: the trace is the sum of all of them": lambda: (
            torch.linalg.eigvalsh(covariance)[-1].item() / signal
        ),
        "The standard deviations are summed and divided by the norm: it is a ratio of squares": lambda: (
            variances.sqrt().sum().item() / math.sqrt(signal)
        ),
        "The denominator is the squared mean norm of the single gradients: average them first, then take the norm": (
            lambda: trace / g.norm(dim=1).mean().item() ** 2
        ),
        "One scalar mean of all entries is subtracted: centre every coordinate by its own mean, dim=0": lambda: (
            (g - g.mean()).square().sum().item() / n_rows / signal
        ),
        "The deviations are not squared: the trace is the mean of their squared norms": lambda: (
            centred.norm(dim=1).mean().item() / signal
        ),
        "The deviations are not squared, nor is the norm: it is a ratio of squares": lambda: (
            centred.norm(dim=1).mean().item() / math.sqrt(signal)
        ),
        "Noise over noise plus signal came back: divide by the signal norm(mean)^2 alone": lambda: (
            trace / (trace + signal)
        ),
        "The trace alone came back: divide by the squared norm of the mean gradient": lambda: trace,
        "The squared norm of the mean alone came back: it is the denominator of tr(Cov) / norm(mean)^2": lambda: signal,
        "The signal estimate was corrected by tr(Cov)/N: the formula divides by norm(mean)^2 as it is": lambda: (
            trace / (signal - trace / n_rows)
        ),
        "The result is rounded to a whole number: return the float as it is": lambda: float(round(right)),
        "The result is rounded up to a whole number: return the float as it is": lambda: float(math.ceil(right)),
        **{
            f"A constant of about {eps:g} is added to the denominator: divide by norm(mean)^2 itself": (
                lambda eps=eps: trace / (signal + eps)
            )
            for eps in SMALL
        },
        **{
            f"The denominator is kept above {eps:g}: divide by norm(mean)^2 itself": (
                lambda eps=eps: trace / max(signal, eps)
            )
            for eps in SMALL
        },
        **{
            f"About {eps:g} is added to the norm before it is squared: divide by norm(mean)^2 itself": (
                lambda eps=eps: trace / (math.sqrt(signal) + eps) ** 2
            )
            for eps in SMALL
        },
    }
    return mistakes | also_sampled(mistakes, bessel)
