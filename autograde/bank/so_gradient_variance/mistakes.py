"""Gradient variance: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math

import torch

from autograde.bank.mistake_tables import also_sampled


def minibatch_variance(per_sample, batch_size, replacement):
    g = per_sample.double()
    n_rows = len(g)
    variance = (g - g.mean(dim=0)).square().sum().item() / n_rows / batch_size
    return variance if replacement else variance * (n_rows - batch_size) / (n_rows - 1)


def variance_mistakes(per_sample, batch_size, replacement):
    """Sentence -> what that mistake returns; the first matching one is shown."""
    g, size = per_sample.double(), batch_size
    n_rows, dim = g.shape
    centred = g - g.mean(dim=0)
    trace = (centred.square().sum() / n_rows).item()
    second = (g.square().sum() / n_rows).item()
    covariance = centred.T @ centred / n_rows
    bessel = n_rows / (n_rows - 1) if n_rows > 1 else math.nan
    finite = (n_rows - size) / (n_rows - 1) if n_rows > 1 else math.nan
    factor = 1.0 if replacement else finite
    right = trace / size * factor
    sampled = "The covariance is divided by N - 1 (sample covariance): the N rows are the whole population, divide by N"
    correction = {
        sampled: lambda: right * bessel,
        "The result is divided by the batch size twice (B^2): the variance of a mean of B draws falls as 1/B": lambda: (
            right / size
        ),
        "The division by the batch size B is missing: this is the variance of a single gradient": lambda: right * size,
        "The result is multiplied by B instead of divided: that is the variance of the sum, not of the mean": lambda: (
            right * size * size
        ),
        "The division is by the square root of B: that is how a standard error falls, a variance falls as 1/B": (
            lambda: right * math.sqrt(size)
        ),
        "The standard deviation came back, not the variance: leave out the square root": lambda: math.sqrt(right),
        "The standard deviations of the coordinates are summed: the trace adds variances": lambda: (
            covariance.diagonal().sqrt().sum().item() / size * factor
        ),
        "The second moment is not centred: subtract the mean gradient before squaring": lambda: second / size * factor,
        "The second moment is not centred and divided by N - 1: subtract the mean gradient and divide by N": (
            lambda: second * bessel / size * factor
        ),
        "The variances are averaged over the d coordinates: the trace is their sum": lambda: right / dim,
        "The variances are averaged over the d coordinates and divided by N - 1: the trace is their sum, over N": (
            lambda: right * bessel / dim
        ),
        "All entries are pooled into one variance: take a variance for each coordinate, dim=0, and add them": (
            lambda: g.var(correction=0).item() / size * factor
        ),
        "All entries are pooled into one sample variance: take a variance for each coordinate, dim=0, and add them": (
            lambda: g.var(correction=1).item() / size * factor
        ),
        "The variance is taken over the coordinates of each row (dim=1): take it over the samples, dim=0": (
            lambda: g.var(dim=1, correction=0).sum().item() / size * factor
        ),
        "The variance over the coordinates of each row (dim=1) is used: take it over the samples, dim=0": (
            lambda: g.var(dim=1, correction=1).sum().item() / size * factor
        ),
        "The mean variance over the coordinates of each row (dim=1) is used: take it over the samples, dim=0": (
            lambda: g.var(dim=1, correction=0).mean().item() / size * factor
        ),
        "All entries of the covariance matrix are summed: the trace is the sum of its diagonal": lambda: (
            covariance.sum().item() / size * factor
        ),
        "The Frobenius norm of the covariance is used: the trace is the sum of its diagonal": lambda: (
            covariance.norm().item() / size * factor
        ),
        "The largest eigenvalue of the covariance is used: the trace is the sum of all of them": lambda: (
            torch.linalg.eigvalsh(covariance)[-1].item() / size * factor
        ),
        "The determinant of the covariance is used: the trace is the sum of its diagonal": lambda: (
            torch.linalg.det(covariance).item() / size * factor
        ),
        "The largest variance of a coordinate is used: the trace is the sum of all of them": lambda: (
            covariance.diagonal().max().item() / size * factor
        ),
        "The division by N is missing: the covariance is a mean over the samples": lambda: right * n_rows,
        "One scalar mean of all entries is subtracted: centre every coordinate by its own mean, dim=0": lambda: (
            (g - g.mean()).square().sum().item() / n_rows / size * factor
        ),
        "The deviations are not squared: the trace is the mean of their squared norms": lambda: (
            centred.norm(dim=1).mean().item() / size * factor
        ),
        "The squared norm of the mean gradient is divided by B: that is the signal, not the variance": lambda: (
            g.mean(dim=0).square().sum().item() / size * factor
        ),
    }
    if replacement:
        swapped = {
            "The two cases are swapped: (N - B)/(N - 1) belongs to draws without replacement": lambda: (
                trace / size * finite
            ),
            "(N - B)/N was applied although draws are with replacement, where there is no such factor": lambda: (
                trace / size * (n_rows - size) / n_rows
            ),
            f"{sampled}; also the factor for draws without replacement is applied here": lambda: (
                trace * bessel / size * finite
            ),
        }
        return correction | swapped | also_sampled(correction | swapped, bessel)
    without = {
        "The factor (N - B)/(N - 1) for draws without replacement is missing": lambda: trace / size,
        f"{sampled}; also the factor (N - B)/(N - 1) for draws without replacement is missing": lambda: (
            trace * bessel / size
        ),
        "The factor for draws without replacement is upside down: it is (N - B)/(N - 1)": lambda: trace / size / finite,
        "The factor without replacement is (N - B)/N here: with the population covariance it is (N - B)/(N - 1)": (
            lambda: trace / size * (n_rows - size) / n_rows
        ),
        "The factor for draws without replacement stands under a root: the variance takes (N - B)/(N - 1) itself": (
            lambda: trace / size * math.sqrt(finite)
        ),
        "The factor for draws without replacement is squared: it is (N - B)/(N - 1)": lambda: trace / size * finite**2,
        "The factor for draws without replacement is (N - 1)/(N - B) over N: it is (N - B)/(N - 1)": (
            lambda: trace / size * n_rows / (n_rows - size)
        ),
        "The factor for draws without replacement is off by one, (N - B + 1)/N: it is (N - B)/(N - 1)": lambda: (
            trace / size * (n_rows - size + 1) / n_rows
        ),
        "The factor for draws without replacement is off by one, (N - B - 1)/(N - 1): it is (N - B)/(N - 1)": lambda: (
            trace / size * (n_rows - size - 1) / (n_rows - 1)
        ),
        "The factor for draws without replacement is (B - 1)/(N - 1): it is (N - B)/(N - 1)": lambda: (
            trace / size * (size - 1) / (n_rows - 1)
        ),
        "The factor for draws without replacement is 1 - (N - B)/(N - 1): it is (N - B)/(N - 1)": lambda: (
            trace / size * (1 - finite)
        ),
        "B/N stands where the factor (N - B)/(N - 1) for draws without replacement belongs": lambda: (
            trace / size * size / n_rows
        ),
        "The division by the batch size B is missing, and so is the factor (N - B)/(N - 1)": lambda: trace,
    }
    return without | correction | also_sampled(without | correction, bessel)


def variance_tensors(per_sample, batch_size, replacement):
    """Sentence -> what is left when a reduction is forgotten."""
    g = per_sample.double()
    centred = g - g.mean(dim=0)
    scale = minibatch_variance(per_sample, batch_size, replacement) / max(centred.square().sum().item(), 1e-300)
    return {
        "One variance a coordinate, shape (d,), came back: the trace is their sum": centred.square().sum(dim=0) * scale,
        "The whole covariance matrix (d, d) came back: return its trace": centred.T @ centred * scale,
        "One squared deviation a row, shape (N,), came back: average them": centred.square().sum(dim=1)
        * scale
        * len(g),
    }
