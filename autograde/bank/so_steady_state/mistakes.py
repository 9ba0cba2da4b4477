"""Where the noise settles: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math

import torch

from autograde.bank.mistake_tables import told_apart


def stationary_variance(eigs, noise_var, lr, batch_size, momentum):
    """By the 2 x 2 covariance recursion of (theta, v) itself, solved for its fixed point: no formula is shared."""
    eigs = eigs.double()
    noise_var = torch.as_tensor(noise_var, dtype=torch.float64).expand(eigs.shape)
    rows = []
    for lam, sigma_sq in zip(eigs.tolist(), noise_var.tolist(), strict=True):
        # v' = momentum v + lam theta + zeta, theta' = theta - lr v'.
        step = torch.tensor([[1 - lr * lam, -lr * momentum], [lam, momentum]], dtype=torch.float64)
        kick = torch.tensor([-lr, 1.0], dtype=torch.float64)
        noise = sigma_sq / batch_size * torch.outer(kick, kick).flatten()
        fixed = torch.linalg.solve(torch.eye(4, dtype=torch.float64) - torch.kron(step, step), noise)
        rows.append(fixed[0])
    return torch.stack(rows)


def stationary_mistakes(eigs, noise_var, lr, batch_size, momentum, rtol=1e-6):
    """Sentence -> what that mistake returns."""
    lam, b = eigs.double(), momentum
    s2 = torch.as_tensor(noise_var, dtype=torch.float64).expand(lam.shape)
    dim = len(lam)

    def value(rate=lr, beta=b, variance=s2, bracket=None):
        bracket = 2 * (1 + beta) - rate * lam if bracket is None else bracket
        return rate * variance * (1 + beta) / (batch_size * lam * (1 - beta) * bracket)

    right = value()
    table = {
        "The noise is not divided by the batch size B: noise_var belongs to one sample": lambda: right * batch_size,
        "The noise is divided by B twice: once is enough": lambda: right / batch_size,
        "The noise is divided by sqrt(B): a variance falls as 1/B": lambda: right * math.sqrt(batch_size),
        "The noise is multiplied by B: averaging divides it": lambda: right * batch_size**2,
        "The eigenvalue in front of the bracket is missing: divide by lambda": lambda: right * lam,
        "The eigenvalue in front of the bracket is squared: divide by lambda once": lambda: right / lam,
        "The eigenvalue multiplies: divide by lambda, steep directions hold the noise down": lambda: right * lam**2,
        "The learning rate in the numerator is missing": lambda: right / lr,
        "The learning rate in the numerator is squared: the sum over all past steps takes one factor away": lambda: (
            right * lr
        ),
        "noise_var is squared: it is a variance already": lambda: right * s2,
        "The square root of noise_var is taken: it is the variance that is asked for": lambda: right / s2.sqrt(),
        "noise_var is missing": lambda: right / s2,
        "The standard deviation came back, not the variance: leave out the square root": lambda: right.sqrt(),
        "The result is twice too large": lambda: 2 * right,
        "The result is halved: there is no further factor 1/2": lambda: right / 2,
        "The expected loss lambda s/2 of each direction came back: return the variance s": lambda: lam * right / 2,
        "The variances are summed over the directions: return one a direction": right.sum,
        "The variances are averaged over the directions: return one a direction": right.mean,
        "The expected loss, one number, came back: return one variance a direction": lambda: (lam * right / 2).sum(),
        "lr lambda is missing in the bracket: that is the limit of small learning rates": lambda: value(
            bracket=torch.full_like(lam, 2 * (1 + b))
        ),
        "The sign in the bracket is wrong: it shrinks as lr lambda grows": lambda: value(
            bracket=2 * (1 + b) + lr * lam
        ),
        "lambda is missing in the bracket": lambda: value(bracket=torch.full_like(lam, 2 * (1 + b) - lr)),
        "lr is missing in the bracket": lambda: value(bracket=2 * (1 + b) - lam),
        "The factor 2 in the bracket is missing: the contraction is squared, (1 - lr lambda)^2": lambda: value(
            bracket=1 + b - lr * lam
        ),
        "lr lambda is doubled in the bracket: it is 2(1 + momentum) - lr lambda": lambda: value(
            bracket=2 * (1 + b) - 2 * lr * lam
        ),
        "lr lambda is squared in the bracket: it is 2(1 + momentum) - lr lambda": lambda: value(
            bracket=2 * (1 + b) - (lr * lam) ** 2
        ),
        "The noise of a single step, lr^2 noise_var/B, came back: it accumulates over all past steps": lambda: (
            lr**2 * s2 / batch_size
        ),
        "The contraction is not squared: variances shrink by (1 - lr lambda)^2 a step": lambda: (
            lr * s2 / (batch_size * lam)
        ),
        "The largest eigenvalue is used for every direction: each has its own": lambda: stationary_at(lam.max()),
        "The mean eigenvalue is used for every direction: each has its own": lambda: stationary_at(lam.mean()),
        "The smallest eigenvalue is used for every direction: each has its own": lambda: stationary_at(lam.min()),
        "The directions came back in another order: entry i belongs to eigs[i]": lambda: right.flip(0),
        "The directions are sorted: entry i belongs to eigs[i]": lambda: right.sort().values,
        "The result has an extra dimension: return shape (d,)": lambda: right[None, :],
        "A diagonal matrix (d, d) came back: return its diagonal": lambda: torch.diag(right),
    }

    def stationary_at(eigenvalue):
        return lr * s2 * (1 + b) / (batch_size * eigenvalue * (1 - b) * (2 * (1 + b) - lr * eigenvalue))

    if s2.unique().numel() > 1:
        table |= {
            "The first entry of noise_var is used for every direction: each has its own": lambda: right / s2 * s2[0],
            "noise_var is averaged over the directions: each has its own": lambda: right / s2 * s2.mean(),
            "noise_var is summed over the directions: each has its own": lambda: right / s2 * s2.sum(),
            "The largest entry of noise_var is used for every direction: each has its own": lambda: (
                right / s2 * s2.max()
            ),
            "The noise of every direction meets every eigenvalue, shape (d, d): pair entry i with eigs[i]": lambda: (
                right / s2 * s2[:, None]
            ),
        }
    else:
        table["noise_var is divided by d: the float holds for every direction"] = lambda: right / dim
    if b > 0:
        table |= {
            "momentum is ignored: this is the variance of plain SGD": lambda: value(beta=0.0),
            "momentum is treated as a learning rate of lr/(1 - momentum): that is right for small rates only": lambda: (
                value(rate=lr / (1 - b), beta=0.0)
            ),
            "This holds for a buffer that averages, v <- m v + (1 - m) g: PyTorch's adds g in full": lambda: value(
                rate=lr * (1 - b)
            ),
            "1 + momentum in the numerator is missing": lambda: right / (1 + b),
            "1 - momentum in the denominator is missing": lambda: right * (1 - b),
            "1 - momentum multiplies: it belongs in the denominator": lambda: right * (1 - b) ** 2,
            "1 + momentum and 1 - momentum are swapped around the fraction": lambda: right * ((1 - b) / (1 + b)) ** 2,
            "1 + momentum stands in the denominator: it belongs in the numerator": lambda: right / (1 + b) ** 2,
            "1 - momentum is squared: it divides once": lambda: right / (1 - b),
            "1 + momentum in the bracket is missing: it is 2(1 + momentum) - lr lambda": lambda: value(
                bracket=2 - lr * lam
            ),
            "The bracket has 1 - momentum: it is 2(1 + momentum) - lr lambda": lambda: value(
                bracket=2 * (1 - b) - lr * lam
            ),
            "The bracket is 2 + momentum - lr lambda: it is 2(1 + momentum) - lr lambda": lambda: value(
                bracket=2 + b - lr * lam
            ),
            "Plain SGD's variance over 1 - momentum came back: the bracket changes with momentum too": lambda: (
                value(beta=0.0) / (1 - b)
            ),
            "Plain SGD's variance over (1 - momentum)^2 came back: momentum does more than add up steps": lambda: (
                value(beta=0.0) / (1 - b) ** 2
            ),
            "Plain SGD's variance over 1 - momentum^2 came back: the bracket changes with momentum too": lambda: (
                value(beta=0.0) / (1 - b**2)
            ),
            "This is the limit of small rates without momentum, lr noise_var/(2 B lambda)": lambda: (
                lr * s2 / (2 * batch_size * lam)
            ),
        }
    return told_apart(table, rtol=rtol)
