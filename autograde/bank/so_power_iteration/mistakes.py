"""Sharpness by power iteration: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math

import torch


def quotients(hessian, start, count):
    """Rayleigh quotients rho_0 .. rho_count of the power iteration from `start`, and norms of H v_k."""
    v = start / start.norm()
    rho, norms = [], []
    for _ in range(count + 1):
        product = hessian @ v
        rho.append((v @ product).item())
        norms.append(product.norm().item())
        v = product / product.norm()
    return rho, norms


def eigenvalue_mistakes(eigenvalues, hessian):
    """Sentence -> what that mistake returns once power iteration has converged."""
    eigenvalues = eigenvalues.double()
    ranked = eigenvalues[eigenvalues.abs().argsort(descending=True)]
    top, size = ranked[0].item(), len(ranked)
    table = {}
    if abs(top) < 1e-6:
        # First, because beside zero many other values are small too.
        table["Nearly zero for a small H: add nothing to the norm of Hv, and return 0.0 only where Hv is zero"] = 0.0
    if top < 0:
        table["0 came back for a negative eigenvalue: return it with its sign"] = 0.0
    table |= {
        "The magnitude came back without its sign, as a norm has it: use the Rayleigh quotient v.Hv": abs(top),
        "The sign is wrong: it is that of the Rayleigh quotient v.Hv": -top,
        "The largest eigenvalue came back, not the one of largest magnitude": eigenvalues.max().item(),
        "The most negative eigenvalue came back, not the one of largest magnitude": eigenvalues.min().item(),
        "The eigenvalue of smallest magnitude came back: multiply by H, do not solve with it": ranked[-1].item(),
        "The eigenvalue of H H came back: two products are taken for one": top**2,
        "The inverse of the eigenvalue came back: the quotient is v.Hv / v.v": 1 / top,
        "The trace came back: the Rayleigh quotient is v.Hv / v.v": eigenvalues.sum().item(),
        "The Frobenius norm came back, not the eigenvalue of largest magnitude": eigenvalues.norm().item(),
        "The mean eigenvalue came back: the Rayleigh quotient is v.Hv / v.v, with v after the iterations": (
            eigenvalues.mean().item()
        ),
        "Half the eigenvalue came back: the quotient has no factor 1/2": top / 2,
        "Twice the eigenvalue came back: the quotient has no factor 2": 2 * top,
        "2 over the eigenvalue came back, the largest stable learning rate: return the eigenvalue itself": 2 / top,
        "The root of the eigenvalue came back": math.sqrt(abs(top)),
        "The quotient is 1, as of a normalised vector with itself: use v.Hv": 1.0,
        "The quotient is -1, as of two normalised vectors: use v.Hv": -1.0,
        "The eigenvalue is divided by its own magnitude: the product is normalised before the quotient is taken": (
            math.copysign(1.0, top)
        ),
        "The eigenvalue is multiplied by dim: normalise v to length one, or divide by v.v": top * size,
        "The eigenvalue is divided by dim: the quotient is a sum over entries, not a mean": top / size,
        "The eigenvalue is cubed: the quotient of the vectors before normalisation is off by their norm squared": top
        ** 3,
        "The largest diagonal entry of H came back: iterate v <- Hv / norm(Hv)": hessian.diagonal().max().item(),
    }
    if size > 1:
        table["The eigenvalue of second largest magnitude came back"] = ranked[1].item()
    for eps in (1e-16, 1e-15, 1e-12, 1e-11, 1e-10, 1e-9):
        if eps < abs(top):
            # The length n of v obeys n = |top| n / (|top| n + eps), and v.Hv is quadratic in it.
            table[f"A constant of about {eps:g} is added to the norm of Hv, which counts for small H: add nothing"] = (
                top * (1 - eps / abs(top)) ** 2
            )
    return table


def few_products_mistakes(hessian, start, iters, products):
    """Sentence -> what that mistake returns after too few products to converge; `products` have been computed."""
    last = products - 1
    rho, norms = quotients(hessian, start, max(last, iters))
    v = start / start.norm()
    for _ in range(last):
        v = hessian @ v
        v = v / v.norm()
    w = hessian @ v
    largest = v.abs().argmax()
    eigenvalues = torch.linalg.eigvalsh(hessian)
    top = eigenvalues[eigenvalues.abs().argmax()].item()
    use = "use the Rayleigh quotient v.Hv"
    return {
        "The norm of Hv came back, which has lost the sign: " + use: norms[last],
        "The norm of Hv came back with a sign: the Rayleigh quotient v.Hv is asked for": (
            math.copysign(norms[last], rho[last])
        ),
        "The norm of Hv came back with a wrong sign: use the Rayleigh quotient v.Hv": -norms[last],
        "The magnitude of the quotient came back: return it with its sign": abs(rho[last]),
        "The sign of the quotient is wrong: it is v.Hv": -rho[last],
        "The ratio of the first entries of Hv and v came back: " + use: (w[0] / v[0]).item(),
        "The mean ratio of the entries of Hv and v came back: " + use: (w / v).mean().item(),
        "The median ratio of the entries of Hv and v came back: " + use: (w / v).median().item(),
        "The ratio of the largest entries of Hv and v came back: " + use: (w[largest] / v[largest]).item(),
        "The ratio of the sums of Hv and v came back: " + use: (w.sum() / v.sum()).item(),
        "The quotient of H H came back, Hv.Hv: use v.Hv": norms[last] ** 2,
        "The quotient norm(Hv)^2 / v.Hv came back: the Rayleigh quotient is v.Hv": norms[last] ** 2 / rho[last],
        "The Rayleigh quotients of all iterations are averaged: return the last": sum(rho[: last + 1]) / (last + 1),
        "The last two Rayleigh quotients are averaged: return the last": (rho[last] + rho[last - 1]) / 2,
        "The first Rayleigh quotient, that of the start, came back: take the one after the iterations": rho[0],
        "The Rayleigh quotient of an earlier v came back: v is multiplied `iters` times, or `iters` - 1 times": (
            rho[iters - 2]
        ),
        "The Rayleigh quotient of H at a v multiplied only once came back: repeat v <- Hv / norm(Hv)": rho[1],
        "The exact eigenvalue came back, not the Rayleigh quotient after `iters` products from the start": top,
        "The largest Rayleigh quotient of all iterations came back: return the last": max(rho[: last + 1], key=abs),
    }
