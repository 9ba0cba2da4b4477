"""What the exercises of assignment 1.3 should return, and what typical mistakes return instead.

For each exercise a reference function and a table: sentence for the learner -> a function that computes the value of
this mistake on the same input. Most results are sums of two parts, so the mistakes are listed part by part, and two of
them together get a name as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch

from autograde.graders.mistakes_1_2_formal_definitions import joined, told_apart

Part = Mapping[str, Callable[[], object]]


def sums(first: Part, second: Part, right_first: object, right_second: object, others: Part, rtol: float = 1e-6):
    """Sentence -> value where the result is first + second, and one or both of them are wrong."""
    single = {s: (lambda value=value: value() + right_second) for s, value in first.items()}
    single |= {s: (lambda value=value: right_first + value()) for s, value in second.items()} | dict(others)
    double = {
        joined(one, other): (lambda value=value, term=term: value() + term())
        for one, value in first.items()
        for other, term in second.items()
    }
    return told_apart(single, double, rtol)


# so-expected-square-norm


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


# so-descent-bound


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


# so-steady-state


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


# so-max-stable-lr


def stable_limit(lam, batch_size):
    return 2 / (lam * (1 + 2 / batch_size))


def limit_mistakes(lam, batch_size):
    """Sentence -> what that mistake returns."""
    right = stable_limit(lam, batch_size)
    return told_apart(
        {
            "This is 2/lam, the full-batch limit: the noise factor 1 + 2/B is missing, or rounded down by //": lambda: (
                2 / lam
            ),
            "The noise factor is 1 + 1/B: squares of Gaussians have the relative variance 2, so it is 1 + 2/B": (
                lambda: 2 / (lam * (1 + 1 / batch_size))
            ),
            "The noise factor is 1 + 3/B, from E x^4 = 3 lam^2: the variance is that less lam^2, so it is 1 + 2/B": (
                lambda: 2 / (lam * (1 + 3 / batch_size))
            ),
            "The noise factor is 3/B: the mean itself counts too, so it is 1 + 2/B": lambda: 2 / (lam * 3 / batch_size),
            "The noise factor is 2/B: the mean itself counts too, so it is 1 + 2/B": lambda: batch_size / lam,
            "The noise factor is 1 + 2B: noise falls with the batch size, so it is 1 + 2/B": lambda: (
                2 / (lam * (1 + 2 * batch_size))
            ),
            "The noise factor is 1 + B/2: it is 1 + 2/B": lambda: 2 / (lam * (1 + batch_size / 2)),
            "The noise factor is 1 + 2/sqrt(B): a variance falls as 1/B": lambda: (
                2 / (lam * (1 + 2 / math.sqrt(batch_size)))
            ),
            "The noise factor is 1 + sqrt(2/B): the variance enters, not the standard deviation": lambda: (
                2 / (lam * (1 + math.sqrt(2 / batch_size)))
            ),
            "The noise factor is 1 + 2/B^2: a variance falls as 1/B": lambda: 2 / (lam * (1 + 2 / batch_size**2)),
            "The noise factor is squared: it is 1 + 2/B": lambda: 2 / (lam * (1 + 2 / batch_size) ** 2),
            "The noise factor stands under a root: it is 1 + 2/B itself": lambda: (
                2 / (lam * math.sqrt(1 + 2 / batch_size))
            ),
            "The noise factor is 1 - 2/B: noise lowers the limit": lambda: 2 / (lam * (1 - 2 / batch_size)),
            "The noise factor multiplies: it belongs in the denominator, noise lowers the limit": lambda: (
                2 / lam * (1 + 2 / batch_size)
            ),
            "The noise factor is 1 + 2/(B - 1): averaging B samples divides by B": lambda: (
                2 / (lam * (1 + 2 / (batch_size - 1)))
            ),
            "The noise factor is 1 + 2/(B + 1): averaging B samples divides by B": lambda: (
                2 / (lam * (1 + 2 / (batch_size + 1)))
            ),
            "The division by B is missing in the noise factor: it is 1 + 2/B": lambda: 2 / (3 * lam),
            "The noise factor is 1 + 2 lam/B: the variance of h is 2 lam^2/B, relative to lam^2 that is 2/B": lambda: (
                2 / (lam * (1 + 2 * lam / batch_size))
            ),
            "The noise factor is 1 + 2 lam^2/B: relative to lam^2 the variance of h is 2/B": lambda: (
                2 / (lam * (1 + 2 * lam**2 / batch_size))
            ),
            "The brackets are wrong, lam + 2/B: it is lam (1 + 2/B)": lambda: 2 / (lam + 2 / batch_size),
            "The brackets are wrong, 2/lam + 2/B: divide by the noise factor 1 + 2/B": lambda: 2 / lam + 2 / batch_size,
            "This is half the limit, the rate with the fastest decay: the edge of stability is twice that": lambda: (
                right / 2
            ),
            "The result is twice too large": lambda: 2 * right,
            "lam is missing: a steeper problem needs a smaller rate": lambda: right * lam,
            "lam multiplies: a steeper problem needs a smaller rate": lambda: right * lam**2,
            "lam is squared: divide by it once": lambda: right / lam,
            "The square root of lam is taken: lam is the variance of the inputs already": lambda: (
                right * math.sqrt(lam)
            ),
            "The result is the square root of the limit": lambda: math.sqrt(right),
            "The reciprocal came back: the limit is 2 over lam (1 + 2/B)": lambda: 1 / right,
            "The limit is divided by the batch size: B enters through 1 + 2/B only": lambda: right / batch_size,
            "The limit is multiplied by the batch size: B enters through 1 + 2/B only": lambda: right * batch_size,
            "The result is rounded to two decimals: return it as it is": lambda: round(right, 2),
        }
    )


# so-strongly-convex-bound


def distance_bound(d0_sq, lr, mu, noise_trace, batch_size, steps):
    return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)


def distance_mistakes(d0_sq, lr, mu, noise_trace, batch_size, steps):
    """Sentence -> what that mistake returns."""
    q, t = 1 - lr * mu, steps
    start = q**t * d0_sq
    floor = lr * noise_trace / (mu * batch_size)
    starts = {
        "The contraction is squared, (1 - lr mu)^(2t): the proof gives (1 - lr mu)^t": lambda: q ** (2 * t) * d0_sq,
        "The contraction is 1 - 2 lr mu: the proof gives 1 - lr mu": lambda: (1 - 2 * lr * mu) ** t * d0_sq,
        "The contraction is 1 - lr mu/2: the proof gives 1 - lr mu": lambda: (1 - lr * mu / 2) ** t * d0_sq,
        "The contraction is exp(-lr mu): that is an upper bound of 1 - lr mu, use the latter": lambda: (
            math.exp(-lr * mu * t) * d0_sq
        ),
        "The contraction is exp(-2 lr mu): use 1 - lr mu": lambda: math.exp(-2 * lr * mu * t) * d0_sq,
        "The contraction has the wrong sign: it is 1 - lr mu": lambda: (1 + lr * mu) ** t * d0_sq,
        "The contraction is 1/(1 + lr mu), that of an implicit step: it is 1 - lr mu": lambda: (
            d0_sq / (1 + lr * mu) ** t
        ),
        "mu is missing in the contraction 1 - lr mu": lambda: (1 - lr) ** t * d0_sq,
        "lr is missing in the contraction 1 - lr mu": lambda: (1 - mu) ** t * d0_sq,
        "mu divides in the contraction: it is 1 - lr mu": lambda: (1 - lr / mu) ** t * d0_sq,
        "1 - is missing in the contraction 1 - lr mu": lambda: (lr * mu) ** t * d0_sq,
        "1 - (lr mu)^t stands where (1 - lr mu)^t belongs": lambda: (1 - (lr * mu) ** t) * d0_sq,
        "The contraction is multiplied by t: it is raised to the power t": lambda: q * t * d0_sq,
        "The contraction is linear in t, 1 - t lr mu: it is raised to the power t": lambda: (1 - t * lr * mu) * d0_sq,
        "The contraction is applied once: it is raised to the power t": lambda: q * d0_sq,
        "The power is t + 1: after t steps it is t": lambda: q ** (t + 1) * d0_sq,
        "The power is t - 1: after t steps it is t": lambda: q ** (t - 1) * d0_sq,
        "The power is t B: it counts steps, not samples": lambda: q ** (t * batch_size) * d0_sq,
        "The term with the start is divided by B: only the noise is": lambda: start / batch_size,
        "The term with the start is missing": lambda: 0.0,
        "d0_sq is missing in the term with the start": lambda: q**t,
        "d0_sq is squared: it is the squared distance already": lambda: start * d0_sq,
        "The square root of d0_sq is taken: the bound is on the squared distance": lambda: q**t * math.sqrt(d0_sq),
        "d0_sq is raised to the power t as well: only 1 - lr mu is": lambda: (q * d0_sq) ** t,
        "The start never fades: multiply d0_sq by (1 - lr mu)^t": lambda: d0_sq,
        "The term with the start has the wrong sign": lambda: -start,
    }
    if lr * mu <= 1:
        starts["The power is t/B: it counts steps"] = lambda: q ** (t / batch_size) * d0_sq
    else:
        # These agree with others here: max(1 - lr mu, 0) loses the start, |1 - lr mu| changes its sign when t is odd.
        del starts["The term with the start is missing"], starts["The term with the start has the wrong sign"]
        starts |= {
            "The term with the start is missing, or 1 - lr mu is kept from being negative: use the formula as it is": (
                lambda: 0.0
            ),
            "The term with the start has the wrong sign: take no absolute value of 1 - lr mu": lambda: -start,
        }
    floors = {
        "The noise is not divided by the batch size: noise_trace belongs to one sample": lambda: floor * batch_size,
        "The noise is divided by B twice: once is enough": lambda: floor / batch_size,
        "The noise is divided by sqrt(B): a variance falls as 1/B": lambda: floor * math.sqrt(batch_size),
        "The noise is multiplied by B: averaging divides it": lambda: floor * batch_size**2,
        "mu is missing in the floor: it is lr noise_trace/(mu B)": lambda: floor * mu,
        "mu is squared in the floor: it is lr noise_trace/(mu B)": lambda: floor / mu,
        "mu multiplies in the floor: it is lr noise_trace/(mu B)": lambda: floor * mu**2,
        "lr is missing in the floor: it is lr noise_trace/(mu B)": lambda: floor / lr,
        "lr is squared in the floor: the geometric series takes one factor away": lambda: floor * lr,
        "lr divides in the floor: a smaller rate has a lower floor": lambda: floor / lr**2,
        "lr and mu are swapped in the floor: it is lr noise_trace/(mu B)": lambda: floor * mu**2 / lr**2,
        "The floor is halved: in this bound it is lr noise_trace/(mu B)": lambda: floor / 2,
        "The floor is doubled: in this bound it is lr noise_trace/(mu B)": lambda: 2 * floor,
        "The floor is the noise of one step, lr^2 noise_trace/B: it adds up over the steps": lambda: floor * lr * mu,
        "The noise of all t steps is added without contraction: the floor is lr noise_trace/(mu B)": (
            lambda: floor * lr * mu * t
        ),
        "The floor is multiplied by 1 - (1 - lr mu)^t: this bound takes the whole geometric series": lambda: (
            floor * (1 - q**t)
        ),
        "The floor is multiplied by (1 - lr mu)^t: the noise does not fade, only the start does": lambda: floor * q**t,
        "The floor is multiplied by t: it does not grow with the steps": lambda: floor * t,
        "The floor is that of the exact recursion, with 2 - lr mu below: this bound has lr noise_trace/(mu B)": (
            lambda: floor / (2 - lr * mu)
        ),
        "noise_trace is squared: it is a variance already": lambda: floor * noise_trace,
        "The square root of noise_trace is taken: the bound is on the squared distance": lambda: (
            floor / math.sqrt(noise_trace)
        ),
        "The square root of the floor is added: the bound is on the squared distance": lambda: math.sqrt(floor),
        "The floor lr noise_trace/(mu B) is missing": lambda: 0.0,
        "The floor has the wrong sign: noise keeps the iterates away from the optimum": lambda: -floor,
    }
    whole = start + floor
    others = {
        "The square root came back: the bound is on the squared distance": lambda: math.sqrt(whole),
        "The two terms are multiplied: add them": lambda: start * floor,
        "The result is kept below d0_sq: the bound may lie above it": lambda: min(whole, d0_sq),
    }
    return sums(starts, floors, start, floor, others)
