"""Gradient of a minibatch: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math

import torch


def logistic_gradient(theta, rows, labels, idx):
    theta, x, y = theta.double(), rows.double()[idx], labels.double()[idx]
    return ((-y * torch.sigmoid(-y * (x @ theta)))[:, None] * x).mean(dim=0)


def logistic_mistakes(theta, rows, labels, idx):
    """Sentence -> what that mistake returns."""
    theta, rows, labels = theta.double(), rows.double(), labels.double()
    x, y, size = rows[idx], labels[idx], len(idx)
    scores = x @ theta
    everything = torch.arange(len(rows))
    once = torch.unique(idx)
    sigmoid = torch.sigmoid

    def mean(weights, data=None):
        data = x if data is None else data
        return (weights[:, None] * data).mean(dim=0)

    right = logistic_gradient(theta, rows, labels, idx)
    wrong = {
        "Wrong sign: the result points downhill; the gradient of the loss has a minus in front": lambda: -right,
        "The full-batch gradient over all N rows came back: use the rows idx only": lambda: logistic_gradient(
            theta, rows, labels, everything
        ),
        "The sum over the rows idx is divided by N, the number of rows in X: divide by the batch size B = len(idx)": (
            lambda: right * size / len(rows)
        ),
        "A repeated row is counted once: average over idx as it stands, so that a row drawn twice counts twice": (
            lambda: logistic_gradient(theta, rows, labels, once)
        ),
        "A repeated row enters the sum once, though the division is by B: repeated rows count as often as drawn": (
            lambda: logistic_gradient(theta, rows, labels, once) * len(once) / size
        ),
        "The first B rows of X are used instead of the rows that idx names": lambda: logistic_gradient(
            theta, rows, labels, everything[:size]
        ),
        "The labels are not indexed: row idx[b] of X must meet label y[idx[b]]": lambda: logistic_gradient(
            theta, x, labels[:size], everything[:size]
        ),
        "This is the formula for labels in {0, 1}, sigmoid(x.theta) - y: here the labels are -1 and +1": lambda: mean(
            sigmoid(scores) - y
        ),
        "sigmoid(+margin) stands where sigmoid(-margin) belongs: rows already classified well must weigh least": (
            lambda: mean(-y * sigmoid(y * scores))
        ),
        "The factor y in front of x is missing: the chain rule gives d(margin)/d(theta) = y x": lambda: mean(
            -sigmoid(-y * scores)
        ),
        "The label y is missing inside the sigmoid: its argument is -y x.theta": lambda: mean(-y * sigmoid(-scores)),
        "The sigmoid is evaluated at +x.theta without the label y: its argument is -y x.theta": lambda: mean(
            -y * sigmoid(scores)
        ),
        "The label y is left out: every row is treated as if its label were +1": lambda: mean(-sigmoid(-scores)),
        "The label y is left out: here every row is treated as if its label were -1": lambda: mean(sigmoid(scores)),
        "The sign of the labels is flipped: this is the gradient for -y": lambda: mean(y * sigmoid(y * scores)),
        "This is the derivative of exp(-margin): the 1 + inside the logarithm, log(1 + exp(-margin)), is missing": (
            lambda: mean(-y * torch.exp(-y * scores))
        ),
        "The derivative of the sigmoid, s (1 - s), is used: the slope of the logistic loss is -sigmoid(-margin)": (
            lambda: mean(-y * sigmoid(y * scores) * sigmoid(-y * scores))
        ),
        "The margin is returned where its sigmoid belongs: the slope of the loss, -sigmoid(-margin), is missing": (
            lambda: mean(-y * -y * scores)
        ),
        "The slope sigmoid(-margin) of the loss is missing: every row has the same weight": lambda: mean(-y),
        "This is the gradient of the squared error, not of the logistic loss": lambda: mean(scores - y),
        "This is twice the gradient of the squared error, that is of (x.theta - y)^2, not of the logistic loss": (
            lambda: mean(2 * (scores - y))
        ),
        "This is the gradient of the hinge loss, not of the logistic loss": lambda: mean(-y * (y * scores < 1)),
        "This is the perceptron update, not the gradient of the logistic loss": lambda: mean(-y * (y * scores <= 0)),
        "The gradient is normalised to length one: return it as it is": lambda: right / right.norm(),
        **{
            f"theta is added with a factor {decay:g}, as weight decay would: the loss has no l2 term here": (
                lambda decay=decay: right + decay * theta
            )
            for decay in (1.0, 0.5, 0.1, 0.01, 1e-3, 1e-4)
        },
        "The mean is taken over the d coordinates too, so the result is d times too small: average over rows only": (
            lambda: right / len(theta)
        ),
        "Base-2 logarithm: the loss is the natural log(1 + exp(-margin))": lambda: right / math.log(2.0),
        "This is the mean loss, not its gradient: differentiate with respect to theta": lambda: (
            torch.nn.functional.softplus(-y * scores).mean()
        ),
        "The summed loss came back, not its gradient: differentiate with respect to theta": lambda: (
            torch.nn.functional.softplus(-y * scores).sum()
        ),
        "One gradient a row, shape (B, d), came back: average over the minibatch": lambda: (
            (-y * sigmoid(-y * scores))[:, None] * x
        ),
        "One loss a row, shape (B,), came back: average them and differentiate with respect to theta": (
            lambda: torch.nn.functional.softplus(-y * scores)
        ),
        "One weight a row, shape (B,), came back: multiply each row x by its weight and average": lambda: (
            -y * sigmoid(-y * scores)
        ),
        "The mean over the d coordinates came back, one number a row: average over the rows, dim=0": (
            lambda: ((-y * sigmoid(-y * scores))[:, None] * x).mean(dim=1)
        ),
        "The result is a column (d, 1): return shape (d,)": lambda: right[:, None],
        "The result is a row (1, d): return shape (d,)": lambda: right[None, :],
    }
    summed = {
        "The sum over the minibatch came back, not the mean: divide by the batch size B": lambda: right * size,
        "The sum over all N rows came back: average over the rows idx only": lambda: (
            len(rows) * logistic_gradient(theta, rows, labels, everything)
        ),
        "A repeated row is counted once, and the sum came back, not the mean: use idx as it stands and divide by B": (
            lambda: logistic_gradient(theta, rows, labels, once) * len(once)
        ),
    }
    # People who forget to average often get something else wrong as well; two mistakes in one still deserve a name.
    # Where B * value equals another entry the shorter sentence comes first.
    both = {
        f"{sentence}; also, this is the sum over the minibatch, not the mean": lambda value=value: value() * size
        for sentence, value in wrong.items()
        if "shape" not in sentence
    }
    return summed | wrong | both
