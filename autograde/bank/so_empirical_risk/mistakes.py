"""Empirical risk: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math

import torch

from autograde.bank.mistake_tables import joined, told_apart


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
