"""The best control variate: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math


def controlled(f, h, h_mean):
    """(estimate, variance ratio)."""
    f, h = f.double(), h.double()
    a, b = f - f.mean(), h - h.mean()
    shared, spread = (a * b).sum(), (b * b).sum()
    estimate = f.mean() - shared / spread * (h.mean() - h_mean)
    return estimate.item(), (1 - shared**2 / (spread * (a * a).sum())).item()


def coefficients(f, h, h_mean):
    """Sentence -> a wrong coefficient c."""
    f, h = f.double(), h.double()
    a, b = f - f.mean(), h - h.mean()
    n = len(f)
    cov, var_f, var_h = ((x * y).mean().item() for x, y in ((a, b), (a, a), (b, b)))
    bessel = n / (n - 1)
    known = h - h_mean
    return {
        "The coefficient is 1: the best one is Cov(f, h)/Var(h)": 1.0,
        "The coefficient is the correlation: the best one is Cov(f, h)/Var(h)": cov / math.sqrt(var_f * var_h),
        "The covariance is divided by Var(f): the best coefficient is Cov(f, h)/Var(h)": cov / var_f,
        "The covariance is not divided by Var(h): the best coefficient is Cov(f, h)/Var(h)": cov,
        "The covariance (divided by n - 1) is not divided by Var(h): the best coefficient is Cov(f, h)/Var(h)": (
            cov * bessel
        ),
        "The coefficient is upside down: it is Cov(f, h)/Var(h)": var_h / cov,
        "The covariance is divided by the standard deviation of h: the best coefficient is Cov(f, h)/Var(h)": (
            cov / math.sqrt(var_h)
        ),
        "Mixed divisors: the covariance is divided by n - 1 and the variance by n, choose one for both": cov
        * bessel
        / var_h,
        "Mixed divisors: the covariance is divided by n and the variance by n - 1, choose one for both": cov
        / bessel
        / var_h,
        "The covariance is summed and the variance averaged: the same divisor belongs in both": n * cov / var_h,
        "Neither f nor h is centred in the coefficient: subtract the sample means before multiplying": (
            (f * h).mean() / (h * h).mean()
        ).item(),
        "The coefficient is centred at h_mean: covariance and variance are about the sample means": (
            (a * known).mean() / (known * known).mean()
        ).item(),
        "The coefficient is centred at h_mean, and f not at all: covariance and variance are about the sample means": (
            (f * known).mean() / (known * known).mean()
        ).item(),
        "The ratio of the means is used as coefficient: the best one is Cov(f, h)/Var(h)": (f.mean() / h.mean()).item(),
        "The ratio of the standard deviations is used as coefficient: the best one is Cov(f, h)/Var(h)": math.sqrt(
            var_f / var_h
        ),
        "The coefficient is doubled: the best one is Cov(f, h)/Var(h)": 2 * cov / var_h,
        "The absolute value of the covariance is used: the coefficient has the sign of the correlation": abs(cov)
        / var_h,
    }


def estimate_mistakes(f, h, h_mean):
    """Sentence -> what that mistake gives for the estimate."""
    f, h = f.double(), h.double()
    n = len(f)
    mean_f, mean_h = f.mean().item(), h.mean().item()
    right, ratio = controlled(f, h, h_mean)
    best = (mean_f - right) / (mean_h - h_mean)
    back = controlled(h, f, h_mean)
    table = {
        "Wrong sign: when h came out too large and moves with f, something must be subtracted from the mean of f": (
            mean_f + best * (mean_h - h_mean)
        ),
        "The plain mean of f came back: subtract c (mean(h) - h_mean), where h_mean is the argument": mean_f,
        "h_mean is not added back: subtract c (mean(h) - h_mean), not c mean(h)": mean_f - best * mean_h,
        "mean(h) is missing: subtract c (mean(h) - h_mean)": mean_f - best * h_mean,
        "mean(h) is missing: here c h_mean is added instead of subtracting c (mean(h) - h_mean)": mean_f
        + best * h_mean,
        "f and h are swapped: f is to be estimated, the mean of h is known": back[0],
        "The order is (estimate, variance ratio): the variance ratio stands first": ratio,
        "The correction alone came back: it is subtracted from the mean of f": best * (mean_h - h_mean),
        "The sum of the samples came back: take their mean": right * n,
        "The coefficient came back: the estimate is mean(f) - c (mean(h) - h_mean)": best,
        "The median came back: the estimate is the mean of f - c (h - h_mean)": (f - best * (h - h_mean))
        .median()
        .item(),
    }
    wrong = {sentence: mean_f - c * (mean_h - h_mean) for sentence, c in coefficients(f, h, h_mean).items()}
    both = {
        sentence + "; also, the correction is added where it must be subtracted": mean_f + c * (mean_h - h_mean)
        for sentence, c in coefficients(f, h, h_mean).items()
    }
    return table | wrong | both


def ratio_mistakes(f, h, h_mean):
    """Sentence -> what that mistake gives for the variance ratio."""
    f, h = f.double(), h.double()
    n = len(f)
    a, b = f - f.mean(), h - h.mean()
    cov, var_f, var_h = ((x * y).mean().item() for x, y in ((a, b), (a, a), (b, b)))
    right = 1 - cov**2 / (var_f * var_h)
    rho, bessel = cov / math.sqrt(var_f * var_h), n / (n - 1)
    estimate, _ = controlled(f, h, h_mean)
    table = {
        "rho^2 came back, the share that is removed: after over before is 1 - rho^2": rho**2,
        "1 - rho came back: square the correlation": 1 - rho,
        "1 - |rho| came back: square the correlation": 1 - abs(rho),
        "1 + rho^2 came back: the correlation takes variance away, 1 - rho^2": 1 + rho**2,
        "The ratio is upside down: variance after over variance before": 1 / right if right else math.inf,
        "The ratio of the standard deviations came back: it is the variances that are compared": math.sqrt(
            max(right, 0.0)
        ),
        "The correlation itself came back: the ratio is 1 - rho^2": rho,
        "The variance after came back: divide it by the variance of f": right * var_f,
        "The variance after (divided by n - 1) came back: divide it by the variance of f": right * var_f * bessel,
        "The variance of the mean came back: divide the variance after by the variance before": right * var_f / n,
        "The variance of the mean (from n - 1) came back: divide the variance after by the variance before": (
            right * var_f / (n - 1)
        ),
        "The variance that was removed came back: divide what is left by the variance of f": var_f - right * var_f,
        "The variance after is divided by the variance of h: divide by that of f": right * var_f / var_h,
        "The variance after is divided by its number of samples too: both variances are of single samples": right / n,
        "Mixed divisors: the covariance is divided by n - 1 and the variances by n, choose one for all": 1
        - (bessel * rho) ** 2,
        "Mixed divisors: the covariance is divided by n and the variances by n - 1, choose one for all": 1
        - (rho / bessel) ** 2,
        "Mixed divisors: the variance after is divided by n - 1 and that before by n, choose one for both": right
        * bessel,
        "Mixed divisors: the variance after is divided by n and that before by n - 1, choose one for both": right
        / bessel,
        "The variance after is divided by n - 2, as in a regression: the same divisor belongs in both": (
            right * (n - 1) / (n - 2) if n > 2 else math.nan
        ),
        "The variance after is divided by n - 2 and that before by n: the same divisor belongs in both": (
            right * n / (n - 2) if n > 2 else math.nan
        ),
        "The order is (estimate, variance ratio): the estimate stands last": estimate,
        "The ratio is given in percent: return 1 - rho^2": 100 * right,
        "The second moment is taken instead of the variance: subtract the means before squaring": (
            ((f - cov / var_h * (h - h_mean)).square().mean() / f.square().mean()).item()
        ),
        "1 - c came back: the ratio is 1 - rho^2": 1 - cov / var_h,
        "1 - c^2 came back: the ratio is 1 - rho^2": 1 - (cov / var_h) ** 2,
        "The correlation is raised to the fourth power: the ratio is 1 - rho^2": 1 - rho**4,
    }
    for sentence, c in coefficients(f, h, h_mean).items():
        table[sentence + " (seen in the variance ratio)"] = (var_f - 2 * c * cov + c * c * var_h) / var_f
        table[sentence + " (seen in 1 - c Cov/Var(f))"] = 1 - c * cov / var_f
    return table
