"""What the exercises of assignment 1.2 should return, and what typical mistakes return instead.

For each exercise a reference function and a table: sentence for the learner -> a function that computes the value of
this mistake on the same input. `told_apart` leaves a sentence out where another mistake gives the same value, as at the
edge of a domain, so that no wrong diagnosis is shown.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from statistics import NormalDist

import torch

from autograde.judge.expect import SKIPPED, as_float64, evaluate

Table = Mapping[str, Callable[[], object]]


def told_apart(single: Table, double: Table | None = None, rtol: float = 1e-6) -> dict[str, Callable[[], object]]:
    """The two tables in one, where a mistake has no value (None) if another sentence gives the same on this input.

    A single mistake is compared with single ones; two mistakes at once (`double`) with everything. Nothing is computed
    before a sentence is looked for.
    """
    everything = dict(single) | dict(double or {})

    @functools.cache
    def values() -> dict[str, torch.Tensor]:
        found = {sentence: evaluate(value) for sentence, value in everything.items()}
        known = {s: as_float64(value) for s, value in found.items() if value is not SKIPPED and value is not None}
        apart = {}
        for shape in {value.shape for value in known.values()}:
            alike = {s: value.flatten() for s, value in known.items() if value.shape == shape}
            close = near(torch.stack(list(alike.values())), rtol)
            # A single mistake need not fear the double ones.
            fearless = torch.tensor([sentence in single for sentence in alike])
            close &= ~(fearless[:, None] & ~fearless[None, :])
            lonely = close.sum(dim=1) == 1
            apart |= {s: known[s] for s, alone in zip(alike, lonely.tolist(), strict=True) if alone}
        return apart

    return {sentence: (lambda sentence=sentence: values().get(sentence)) for sentence in everything}


def near(rows: torch.Tensor, rtol: float) -> torch.Tensor:
    """(m, m): which of m rows (m, k) are equal within rtol times their largest entry; each row equals itself."""
    rows = rows.nan_to_num(nan=1.7e301, posinf=1.3e301, neginf=-1.3e301)
    size = rows.abs().amax(dim=1, keepdim=True)
    gap = (rows[:, None] - rows[None, :]).abs().amax(dim=2)
    return gap <= rtol * torch.maximum(size, size.T) + 1e-12


def joined(first: str, second: str) -> str:
    """One sentence for two mistakes."""
    return f"{first}; also, {second[0].lower()}{second[1:]}"


# so-empirical-risk


def softplus(exponent):
    """log(1 + exp(u)) without overflow, and without the threshold of PyTorch's own."""
    return torch.logaddexp(exponent, torch.zeros_like(exponent))


def logistic_risk(theta, rows, labels, l2):
    theta, rows, labels = theta.double(), rows.double(), labels.double()
    return softplus(-labels * (rows @ theta)).mean().item() + 0.5 * l2 * theta.square().sum().item()


def risk_mistakes(theta, rows, labels, l2, rtol=1e-6):
    """Sentence -> what that mistake returns."""
    theta, rows, labels = theta.double(), rows.double(), labels.double()
    n_rows, dim = rows.shape
    scores = rows @ theta
    margins = labels * scores
    losses = softplus(-margins)
    square = theta.square().sum()
    penalty = 0.5 * l2 * square
    data = {
        "The sum of the losses came back, not their mean: divide by N": lambda: losses.sum(),
        "The losses are divided by d, the number of columns: divide by N, the number of rows": lambda: (
            losses.sum() / dim
        ),
        "The losses are divided by N - 1: their mean divides by N": lambda: losses.sum() / (n_rows - 1),
        "The mean is divided by N once more: divide the sum of the losses by N once": lambda: losses.mean() / n_rows,
        "The loss is halved: only the penalty carries a factor 1/2": lambda: losses.mean() / 2,
        "The labels are left out: the margin is y x.theta": lambda: softplus(-scores).mean(),
        "The labels are left out, and the sign of x.theta is wrong: the exponent is -y x.theta": lambda: softplus(
            scores
        ).mean(),
        "The sign in the exponent is wrong: the loss is log(1 + exp(-y x.theta)), small for rows classified well": (
            lambda: softplus(margins).mean()
        ),
        "This is the cross-entropy for labels 0 and 1, with -1 and +1 put in: convert the labels or use the margin": (
            lambda: (softplus(scores) - labels * scores).mean()
        ),
        "The logarithm has base 2: the loss is the natural log(1 + exp(-margin))": lambda: losses.mean() / math.log(2),
        "The logarithm has base 10: the loss is the natural log(1 + exp(-margin))": lambda: (
            losses.mean() / math.log(10)
        ),
        "The loss is taken of the mean margin: compute a loss for each row, then average": lambda: softplus(
            -margins.mean()
        ),
        "The mean is taken inside the logarithm: average the logarithms, not what they are taken of": lambda: torch.log(
            (1 + torch.exp(-margins)).mean()
        ),
        "The logarithm is missing: average log(1 + exp(-margin)), not 1 + exp(-margin)": lambda: (
            1 + torch.exp(-margins)
        ).mean(),
        "This is the exponential loss exp(-margin): the loss is log(1 + exp(-margin))": lambda: torch.exp(
            -margins
        ).mean(),
        "The mean probability of the right label came back: the loss is minus its logarithm": lambda: torch.sigmoid(
            margins
        ).mean(),
        "The mean probability of the wrong label came back: the loss is -log of that of the right one": lambda: (
            torch.sigmoid(-margins).mean()
        ),
        "The minus in front of log(sigmoid(margin)) is missing: the loss is positive": lambda: -losses.mean(),
        "The hinge loss came back: the logistic loss is log(1 + exp(-margin))": lambda: (
            (1 - margins).clamp(min=0).mean()
        ),
        "max(-margin, 0) came back: the term log(1 + exp(-|margin|)) is missing": lambda: (
            (-margins).clamp(min=0).mean()
        ),
        "The share of misclassified rows came back: average the logistic loss": lambda: (margins < 0).double().mean(),
        "The squared error came back: the logistic loss is log(1 + exp(-margin))": lambda: (
            (scores - labels).square().mean()
        ),
        "The margin is divided by the length of theta: the loss takes y x.theta as it is": lambda: softplus(
            -margins / theta.norm()
        ).mean(),
        "The largest loss came back: average over the rows": lambda: losses.max(),
        "The median loss came back: average over the rows": lambda: losses.median(),
        "The penalty alone came back: add the mean loss": lambda: 0.0,
    }
    terms = {
        "The l2 penalty is missing: add l2/2 norm(theta)^2": lambda: 0.0,
        "The factor 1/2 of the penalty is missing: it is l2/2 norm(theta)^2": lambda: 2 * penalty,
        "The norm in the penalty is not squared: it is l2/2 norm(theta)^2": lambda: 0.5 * l2 * square.sqrt(),
        "The norm in the penalty is not squared and the factor 1/2 is missing: it is l2/2 norm(theta)^2": lambda: (
            l2 * square.sqrt()
        ),
        "The penalty is an l1 norm: it is l2/2 times the sum of the squares": lambda: 0.5 * l2 * theta.abs().sum(),
        "The penalty is l2 times an l1 norm: it is l2/2 times the sum of the squares": lambda: l2 * theta.abs().sum(),
        "The penalty is divided by N: it stands outside the mean over the rows": lambda: penalty / n_rows,
        "The penalty is divided by N and its factor 1/2 is missing: it is l2/2 norm(theta)^2": lambda: (
            2 * penalty / n_rows
        ),
        "The penalty is counted once for each row: add it once, after the mean": lambda: penalty * n_rows,
        "The squares in the penalty are averaged over the d entries: add them up": lambda: penalty / dim,
        "The squares in the penalty are averaged and the factor 1/2 is missing: it is l2/2 norm(theta)^2": lambda: (
            2 * penalty / dim
        ),
        "The penalty is subtracted: add it": lambda: -penalty,
        "l2 is squared: the penalty is l2/2 norm(theta)^2": lambda: l2 * penalty,
        "l2 is left out of the penalty: it is l2/2 norm(theta)^2": lambda: 0.5 * square,
        "The squared norm is squared again: the penalty is l2/2 norm(theta)^2": lambda: penalty * square,
        "The entries of theta are added before squaring: the penalty adds their squares": lambda: (
            0.5 * l2 * theta.sum().square()
        ),
        "theta[0] is left out of the penalty: every entry of theta counts": lambda: penalty - 0.5 * l2 * theta[0] ** 2,
        "theta[-1] is left out of the penalty: every entry of theta counts": lambda: (
            penalty - 0.5 * l2 * theta[-1] ** 2
        ),
    }
    wholes = {
        "The finished risk is divided by N once more: only the losses are averaged": lambda: (
            (losses.mean() + penalty) / n_rows
        ),
        "The losses are summed and the penalty is counted once for each row: divide the whole by N": lambda: (
            n_rows * (losses.mean() + penalty)
        ),
        "The penalty is multiplied with the mean loss: add it": lambda: losses.mean() * penalty,
    }
    if l2 == 0:
        terms, wholes = {}, {}
    wholes["The gradient of the risk came back: return the risk itself"] = lambda: (
        (-labels * torch.sigmoid(-margins)) @ rows / n_rows + l2 * theta
    )
    single = {s: (lambda value=value: value() + penalty) for s, value in data.items()}
    single |= {s: (lambda value=value: losses.mean() + value()) for s, value in terms.items()} | wholes
    double = {
        joined(one, other): (lambda value=value, term=term: value() + term())
        for one, value in data.items()
        for other, term in terms.items()
    }
    return told_apart(single, double, rtol)


def risk_tensors(theta, rows, labels, l2):
    """Sentence -> what is left when a reduction is forgotten."""
    theta, rows, labels = theta.double(), rows.double(), labels.double()
    losses = softplus(-labels * (rows @ theta))
    penalty = 0.5 * l2 * theta.square().sum()
    return {
        "One loss a row, shape (N,), came back: average them": losses + penalty,
        "One loss a row, shape (N,), came back without the penalty: average them and add l2/2 norm(theta)^2": losses,
        "One number an entry of theta, shape (d,), came back: sum the squares in the penalty": losses.mean()
        + 0.5 * l2 * theta.square(),
    }


def unstable_mistakes(margins, labels, penalty):
    """Sentence -> what a loss that is not stable returns at these margins."""
    losses = softplus(-margins)
    probability = torch.sigmoid(margins)
    positive = torch.sigmoid(labels * margins)
    target = (labels + 1) / 2
    cross_entropy = torch.nn.functional.binary_cross_entropy

    def both(one, other):
        """Cross-entropy with separate logarithms of the probabilities of the two classes."""
        return -(target * torch.log(one) + (1 - target) * torch.log(other)).mean() + penalty

    bounded = "Losses are cut off at 100, as in binary_cross_entropy of a finished sigmoid: use a stable form"
    table = {bounded: lambda: cross_entropy(positive, target) + penalty}
    # Several of these agree on one input, so each sentence says what is seen and what it is like ("as by").
    for k in range(3, 17):
        eps = 10.0**-k
        cut = f"Losses are cut off at {-math.log(eps):.3g}"
        table[f"{cut}, as by 1e-{k} added inside the logarithm: use a stable form instead"] = lambda eps=eps: (
            -torch.log(probability + eps).mean() + penalty
        )
        table[f"{cut}, as by a probability kept above 1e-{k}: use a stable form instead"] = lambda eps=eps: (
            -torch.log(probability.clamp(min=eps)).mean() + penalty
        )
        table[f"{cut}, as by a probability kept 1e-{k} away from 0 and 1: use a stable form"] = lambda eps=eps: (
            -torch.log(probability.clamp(min=eps, max=1 - eps)).mean() + penalty
        )
    for limit in (1.0, 5.0, 10.0, 15.0, 20.0, 30.0, 35.0, 40.0, 50.0, 80.0, 88.0, 100.0, 500.0, 700.0, 709.0):
        table[f"Losses are cut off at {limit:g}: a stable form needs no bound"] = lambda limit=limit: (
            losses.clamp(max=limit).mean() + penalty
        )
        table[f"Losses are cut off at about {limit:g}, as by a clamp of the margin: a stable form needs none"] = (
            lambda limit=limit: softplus(-margins.clamp(-limit, limit)).mean() + penalty
        )
        table[f"Rows with a margin below -{limit:g} count as 0, an overflow that was hidden: use a stable form"] = (
            lambda limit=limit: (losses * (margins >= -limit)).mean() + penalty
        )
        table[f"Rows with a margin below -{limit:g} are left out of the mean: use a stable form instead"] = (
            lambda limit=limit: losses[margins >= -limit].mean() + penalty
        )
    right = (losses.mean() + penalty).item()

    def visible(value):
        # A mistake of a few millionths is not told from the rounding of an answer that works in float32.
        return lambda: found if abs((found := value().item()) - right) > 1e-4 * right else None

    return {sentence: visible(value) for sentence, value in table.items()}


# so-population-risk


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


# so-bias-test


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


# so-importance-sampling


def weighted_gradient(per_sample, p, idx):
    g, p = per_sample.double(), p.double()
    return (g[idx] / (len(g) * p[idx])[:, None]).mean(dim=0)


def importance_mistakes(per_sample, p, idx, rtol=1e-6):
    """Sentence -> what that mistake returns."""
    g, p = per_sample.double(), p.double()
    idx = idx.long()
    n_rows, size = len(g), len(idx)
    drawn, rows = p[idx], g[idx]
    weights = 1 / (n_rows * drawn)
    once = torch.unique(idx)
    right = weighted_gradient(per_sample, p, idx)

    def mean(factors, data=None):
        return (factors[:, None] * (rows if data is None else data)).mean(dim=0)

    sizes = {
        "The sum over the drawn rows came back: divide by the batch size B": lambda: size,
        "N is missing: the weights are 1/(N p), not 1/p": lambda: n_rows,
        "N is missing, and the drawn rows are summed: divide by B and by N": lambda: n_rows * size,
        "The division by B is done twice: once is enough": lambda: 1 / size,
        "The division by N is done twice: once is enough": lambda: 1 / n_rows,
        "The result is multiplied by B instead of divided: it is a mean over the drawn rows": lambda: size * size,
        "N stands in the numerator: the weights are 1/(N p)": lambda: n_rows * n_rows,
        "The sign is wrong: the result estimates the mean gradient itself": lambda: -1,
        "The mean is taken over the d coordinates too: average over the drawn rows only": lambda: 1 / g.shape[1],
    }
    wholes = {
        "The drawn rows are averaged without weights: divide each by N p": lambda: rows.mean(dim=0),
        "Each row is multiplied by its probability: divide by it, a row drawn too often must count less": lambda: mean(
            drawn
        ),
        "Each row is multiplied by N p: divide by it, a row drawn too often must count less": lambda: mean(
            n_rows * drawn
        ),
        "The weights are normalised to sum to one: divide by B, not by the sum of the weights": lambda: (
            (weights[:, None] * rows).sum(dim=0) / weights.sum()
        ),
        "The probabilities of the drawn rows are normalised to sum to one: use p as it is": lambda: (
            mean(drawn.sum() / drawn) / n_rows
        ),
        "The probabilities of the drawn rows are normalised to sum to one, and B stands for N: use 1/(N p)": lambda: (
            mean(drawn.sum() / drawn) / size
        ),
        "p is not indexed: row idx[b] must meet its own probability p[idx[b]]": lambda: mean(
            1 / (n_rows * p[torch.arange(size)])
        ),
        "The gradients are not indexed: probability p[idx[b]] must meet row idx[b]": lambda: mean(
            weights, g[torch.arange(size)]
        ),
        "The weights are divided by the largest one: use 1/(N p) as they are": lambda: right / weights.max(),
        "The weights are capped at one, which brings a bias back: use 1/(N p) as they are": lambda: mean(
            weights.clamp(max=1)
        ),
        "The square root of the weights is used: it is 1/(N p) itself": lambda: mean(weights.sqrt()),
        "The weights are squared: it is 1/(N p) itself": lambda: mean(weights.square()),
        "A repeated row is counted once: a row drawn twice counts twice": lambda: weighted_gradient(
            per_sample, p, once
        ),
        "A repeated row enters the sum once, though the division is by B: it counts as often as it was drawn": lambda: (
            weighted_gradient(per_sample, p, once) * len(once) / size
        ),
        "The weights are 1 - p: they are 1/(N p)": lambda: mean(1 - drawn),
        "The exact mean gradient over all N rows came back: estimate it from the rows idx": lambda: g.mean(dim=0),
        "All N rows are used, weighted by 1/(N p): use the rows idx only": lambda: (
            (g / p[:, None]).nan_to_num(posinf=0, neginf=0).mean(dim=0) / n_rows
        ),
        "The expectation under p, the sum of p_i g_i, came back: divide each drawn row by N p": lambda: p @ g,
        "The logarithm of p is used: the weights are 1/(N p)": lambda: mean(-torch.log(drawn)),
        "N is taken from the batch: the weights are 1/(N p) with N = len(per_sample)": lambda: mean(1 / (size * drawn)),
        "One weighted gradient a row, shape (B, d), came back: average over the minibatch": lambda: (
            weights[:, None] * rows
        ),
        "The weights, shape (B,), came back: multiply the drawn gradients by them and average": lambda: weights,
        "The mean over the d coordinates came back, one number a row: average over the drawn rows, dim=0": lambda: (
            weights[:, None] * rows
        ).mean(dim=1),
        "The sum over the d coordinates came back, one number a row: average over the drawn rows, dim=0": lambda: (
            weights[:, None] * rows
        ).sum(dim=1),
        "The result has an extra dimension: return shape (d,)": lambda: right[None, :],
        **{
            f"About 1e-{k} is added to p: divide by N p itself": lambda k=k: mean(1 / (n_rows * (drawn + 10.0**-k)))
            for k in range(2, 13)
        },
    }
    single = {s: (lambda factor=factor: right * factor()) for s, factor in sizes.items()} | wholes
    double = {
        joined(one, other): (lambda value=value, factor=factor: value() * factor())
        for one, value in wholes.items()
        for other, factor in sizes.items()
        if "shape" not in one
    }
    return told_apart(single, double, rtol)
