"""A test for bias: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math

import torch

from autograde.bank.mistake_tables import joined, told_apart


def z_scores(estimates, truth):
    e = estimates.double()
    return (e.mean(dim=0) - truth.double()) / (e.std(dim=0, correction=1) / math.sqrt(len(e)))


def bias_mistakes(estimates, truth, rtol=1e-6):
    """Sentence -> what that mistake returns."""
    e, g = estimates.double(), truth.double()
    n, dim = e.shape
    mean, spread = e.mean(dim=0), e.std(dim=0)
    error = spread / math.sqrt(n)
    gap = mean - g
    around = ((e - g).square().sum(dim=0) / (n - 1)).sqrt()
    gaps = {
        "The sign is wrong: it is the mean of the estimates minus the truth": lambda: -gap,
        "The absolute value came back: the sign tells the direction of the bias": lambda: gap.abs(),
        "The truth is not subtracted: the z-score measures the mean of the estimates against it": lambda: mean,
        "The median of the estimates is used: the z-score is about their mean": lambda: e.median(dim=0).values - g,
        "The sum of the estimates is compared with the truth: divide it by n": lambda: e.sum(dim=0) - g,
        "The mean is taken over all entries: each coordinate has its own, dim=0": lambda: e.mean() - g,
        "The mean of truth is subtracted: each coordinate has its own truth": lambda: mean - g.mean(),
        "The error is squared: the z-score is linear in it": lambda: gap.square(),
        "The error is divided by the truth as well: divide by the standard error alone": lambda: gap / g,
        "Only the first estimate is compared with the truth: take the mean of all n": lambda: e[0] - g,
        "Only the last estimate is compared with the truth: take the mean of all n": lambda: e[-1] - g,
    }
    errors = {
        "The standard deviation divides by n: the estimates are a sample, divide the squares by n - 1": lambda: (
            error * math.sqrt((n - 1) / n)
        ),
        "The sqrt(n) is missing: divide by the standard error of the mean, not by the spread of one estimate": lambda: (
            spread
        ),
        "The sqrt(n) is on the wrong side: the standard error is s/sqrt(n)": lambda: spread * math.sqrt(n),
        "The standard deviation is divided by n: the standard error is s/sqrt(n)": lambda: spread / n,
        "The standard deviation (with n - 1) is divided by sqrt(n - 1): the standard error is s/sqrt(n)": lambda: (
            spread / math.sqrt(n - 1)
        ),
        "The variance is used where the standard deviation belongs: the standard error is s/sqrt(n)": lambda: (
            spread.square() / math.sqrt(n)
        ),
        "The square root of the variance of the mean, s^2/n, is missing": lambda: error.square(),
        "The error is divided by the variance of one estimate: divide by the standard error s/sqrt(n)": lambda: (
            spread.square()
        ),
        "The spread is taken about the truth: it is about the mean of the estimates": lambda: around / math.sqrt(n),
        "The root mean square error about the truth is used: divide by s/sqrt(n) about the mean": lambda: (
            (e - g).square().mean(dim=0).sqrt() / math.sqrt(n)
        ),
        "The estimates are not centred: their spread is about their mean": lambda: (
            e.square().sum(dim=0) / (n - 1) / n
        ).sqrt(),
        "The spread is averaged over the coordinates: each coordinate has its own, dim=0": lambda: error.mean().expand(
            dim
        ),
        "The variance is averaged over the coordinates: each coordinate has its own, dim=0": lambda: (
            error.square().mean().sqrt().expand(dim)
        ),
        "All entries are pooled into one standard deviation: each coordinate has its own, dim=0": lambda: (
            e.std().expand(dim) / math.sqrt(n)
        ),
        "All entries are pooled, and counted as n d draws: each coordinate has its own n draws, dim=0": lambda: (
            e.std().expand(dim) / math.sqrt(n * dim)
        ),
        "The standard error divides by sqrt(n d): each coordinate has n draws": lambda: spread / math.sqrt(n * dim),
        "The standard error divides by sqrt(d): it is the number of draws n that counts": lambda: (
            spread / math.sqrt(dim)
        ),
        "The bias itself came back: divide it by the standard error": lambda: torch.ones(dim, dtype=torch.float64),
        "The bias is divided by the truth, a relative error: divide by the standard error": lambda: g,
        "The mean absolute deviation is used: the standard error takes the root of the mean square": lambda: (
            (e - mean).abs().mean(dim=0) / math.sqrt(n)
        ),
        "The bias is divided by the norm of all standard errors: each coordinate has its own": lambda: (
            error.norm().expand(dim)
        ),
        **{
            f"About 1e-{k} is added to the standard error: divide by s/sqrt(n) itself": lambda k=k: error + 10.0**-k
            for k in range(3, 13)
        },
    }
    right = gap / error
    wholes = {
        "p-values came back: return the z-scores": lambda: torch.special.erfc(right.abs() / math.sqrt(2)),
        "The standard errors came back: divide the bias by them": lambda: error,
        "The ratio is upside down: the bias over the standard error": lambda: error / gap,
        "True and False came back as numbers: return the z-scores, not a verdict": lambda: (right.abs() > 1.96) * 1.0,
        "One number for all coordinates came back, the mean of the z-scores: return one a coordinate": right.mean,
        "One number for all coordinates came back, the norm of the z-scores: return one a coordinate": right.norm,
        "One number for all coordinates came back, the largest z-score: return one a coordinate": lambda: (
            right.abs().max()
        ),
        "One z-score for each estimate, shape (n, d), came back: the test is about their mean": lambda: (
            (e - g) / spread
        ),
        "One row for each estimate, shape (n, d), came back: average over the n draws first": lambda: (e - g) / error,
        "The mean is taken over the coordinates, dim=1: average over the draws, dim=0": lambda: (
            (e - g).mean(dim=1) / ((e - g).std(dim=1) / math.sqrt(dim))
        ),
        "The result has an extra dimension: return shape (d,)": lambda: right[None, :],
    }
    single = {s: (lambda value=value: value() / error) for s, value in gaps.items()}
    single |= {s: (lambda value=value: gap / value()) for s, value in errors.items()} | wholes
    double = {
        joined(one, other): (lambda value=value, below=below: value() / below())
        for one, value in gaps.items()
        for other, below in errors.items()
    }
    return told_apart(single, double, rtol)
