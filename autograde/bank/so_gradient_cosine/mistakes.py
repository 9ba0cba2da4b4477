"""Cosine between two gradients: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math
import statistics

import torch


def flat(gradient):
    return torch.cat([layer.detach().double().reshape(-1) for layer in gradient])


def cosine(g1, g2):
    a, b = flat(g1), flat(g2)
    norms = a.norm().item() * b.norm().item()
    return (a @ b).item() / norms if norms else 0.0


SMALL = (1e-20, 1e-16, 1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)


def cosine_mistakes(g1, g2):
    """Sentence -> what that mistake returns."""
    first = [layer.detach().double() for layer in g1]
    second = [layer.detach().double() for layer in g2]
    pairs = list(zip(first, second, strict=True))
    a, b = flat(g1), flat(g2)
    dot, n1, n2 = (a @ b).item(), a.norm().item(), b.norm().item()
    right = dot / (n1 * n2)
    dots = torch.stack([(x * y).sum() for x, y in pairs])
    norms1 = torch.stack([x.norm() for x in first])
    norms2 = torch.stack([y.norm() for y in second])
    cosines = torch.where(norms1 * norms2 > 0, dots / (norms1 * norms2), torch.zeros_like(dots))
    sizes = torch.tensor([float(x.numel()) for x in first], dtype=torch.float64)
    one_vector = "all layers are one vector"

    def some(keep):
        kept = [(x, y) for x, y in pairs if keep(x)]
        return cosine([x for x, _ in kept], [y for _, y in kept])

    def rows():
        similar = [
            torch.nn.functional.cosine_similarity(
                x.reshape(1) if not x.ndim else x, y.reshape(1) if not y.ndim else y, -1
            )
            for x, y in pairs
        ]
        return torch.cat([s.reshape(-1) for s in similar]).mean().item()

    # What only small gradients show comes first for them: beside a result near zero many other values are small too.
    # Added or a lower bound, on both norms or on their product: for small norms these give the same number.
    small = {"Nearly zero for small gradients: no constant in the denominator, 0.0 for exact zeros alone": 0.0}
    for eps in SMALL:
        for kind, size, denominator in [
            ("A constant in the denominator of about", eps, n1 * n2 + eps),
            ("A constant or lower bound of the denominator of about", eps, max(n1 * n2, eps)),
            ("A constant under the roots of about", eps, math.sqrt((n1**2 + eps) * (n2**2 + eps))),
            ("A constant or lower bound of each norm of about", eps, max(n1, eps) * max(n2, eps)),
            ("A constant added to each norm of about", eps, (n1 + eps) * (n2 + eps)),
        ]:
            small[f"{kind} {size:g} takes over where norms are small: divide by the norms alone"] = dot / denominator

    return (small if min(n1, n2) < 1e-3 else {}) | {
        f"The cosines of the layers are averaged: {one_vector}, so add the inner products and squares of all first": (
            lambda: cosines.mean().item()
        ),
        f"The cosines of the layers are summed: {one_vector}, so add the inner products and squares of all first": (
            lambda: cosines.sum().item()
        ),
        f"The cosines of the layers are averaged by their numbers of entries: {one_vector}": lambda: (
            (cosines @ sizes).item() / sizes.sum().item()
        ),
        f"The cosines of the layers are averaged by their norms: {one_vector}": lambda: (
            cosines @ norms1 / norms1.sum()
        ).item(),
        f"The norms are multiplied layer by layer and then added: {one_vector}, with one norm for each gradient": (
            lambda: dot / (norms1 @ norms2).item()
        ),
        f"The norms of the layers are added: {one_vector}, so add their squares and take one root": lambda: (
            dot / (norms1.sum() * norms2.sum()).item()
        ),
        f"Only the first layer is used: {one_vector}": lambda: cosines[0].item(),
        f"Only the last layer is used: {one_vector}": lambda: cosines[-1].item(),
        f"The median of the layers' cosines came back: {one_vector}": lambda: statistics.median(cosines.tolist()),
        f"The smallest cosine of a layer came back: {one_vector}": lambda: cosines.min().item(),
        f"The largest cosine of a layer came back: {one_vector}": lambda: cosines.max().item(),
        f"The product of the layers' cosines came back: {one_vector}": lambda: cosines.prod().item(),
        f"The loop returns with its second layer: {one_vector}": lambda: cosine(first[:2], second[:2]),
        f"The last layer is left out: {one_vector}": lambda: cosine(first[:-1], second[:-1]),
        f"The first layer is left out: {one_vector}": lambda: cosine(first[1:], second[1:]),
        f"Only matrices are counted: {one_vector}, biases and single numbers included": lambda: some(
            lambda x: x.ndim >= 2
        ),
        f"Layers of one dimension or less only are counted: {one_vector}": lambda: some(lambda x: x.ndim < 2),
        f"Single numbers, tensors of shape (), are left out: {one_vector}": lambda: some(lambda x: x.ndim > 0),
        f"Tensors with more than two dimensions are left out: {one_vector}": lambda: some(lambda x: x.ndim <= 2),
        f"The cosines of rows are averaged: {one_vector}, so flatten everything first": rows,
        f"Only the first entries of the layers are compared: {one_vector}": lambda: cosine(
            [x.reshape(-1)[:1] for x in first], [y.reshape(-1)[:1] for y in second]
        ),
        f"Each layer is averaged to one number first: {one_vector} with all their entries": lambda: cosine(
            [x.mean() for x in first], [y.mean() for y in second]
        ),
        f"Each layer is summed to one number first: {one_vector} with all their entries": lambda: cosine(
            [x.sum() for x in first], [y.sum() for y in second]
        ),
        f"The vectors of the layers' norms are compared: {one_vector} with all their entries": lambda: (
            norms1 @ norms2 / (norms1.norm() * norms2.norm())
        ).item(),
        "The roots are missing: divide by the norms, not by their squares": lambda: dot / (n1 * n2) ** 2,
        "The root of the norms is taken once too often: divide by the norms": lambda: dot / math.sqrt(n1 * n2),
        "The second norm is not under a root: divide by both norms": lambda: dot / (n1 * n2**2),
        "The first norm is not under a root: divide by both norms": lambda: dot / (n1**2 * n2),
        "Only the norm of g1 is divided out: divide by both norms": lambda: dot / n1,
        "Only the norm of g2 is divided out: divide by both norms": lambda: dot / n2,
        "The squared norm of g1 is the denominator: divide by the norm of each gradient": lambda: dot / n1**2,
        "The squared norm of g2 is the denominator: divide by the norm of each gradient": lambda: dot / n2**2,
        "The inner product alone came back: divide by both norms": lambda: dot,
        "The denominator is the mean of the two squared norms: multiply the norms": lambda: 2 * dot / (n1**2 + n2**2),
        "The norms are added in the denominator: multiply them": lambda: dot / (n1 + n2),
        "The larger squared norm is the denominator: multiply the two norms": lambda: dot / max(n1, n2) ** 2,
        "The cosine distance 1 - cos came back: return the cosine": lambda: 1 - right,
        "The sign is lost: opposite gradients have cosine -1": lambda: abs(right),
        "The sign is wrong: equal gradients have cosine 1": lambda: -right,
        "The cosine is squared": lambda: right**2,
        "The angle in radians came back: return its cosine": lambda: math.acos(right),
        "The angle in degrees came back: return its cosine": lambda: math.degrees(math.acos(right)),
        "A negative cosine is set to zero: return it as it is": lambda: max(0.0, right),
        "The cosine is mapped to [0, 1]: return it as it is": lambda: (1 + right) / 2,
        "The inner product is averaged over the entries, the norms are not: sum all three": lambda: right / len(a),
        "The squares are averaged over the entries, the inner product is not: sum all three": lambda: right * len(a),
        "The gradients are centred first, which gives a correlation: the cosine subtracts no mean": lambda: cosine(
            [a - a.mean()], [b - b.mean()]
        ),
        "The layers are centred first, which gives a correlation: the cosine subtracts no mean": lambda: cosine(
            [x - x.mean() for x in first], [y - y.mean() for y in second]
        ),
        "1-norms are used: the cosine divides by 2-norms": lambda: dot / (a.abs().sum() * b.abs().sum()).item(),
        "Largest entries are used as norms: the cosine divides by 2-norms": lambda: (
            dot / (a.abs().max() * b.abs().max()).item()
        ),
        "The signs of the entries are compared: use their values": lambda: (a.sign() @ b.sign()).item() / len(a),
        "The share of entries of equal sign came back: use the inner product": lambda: (
            (a.sign() == b.sign()).double().mean().item()
        ),
        "The absolute values of the products are summed: products of opposite sign cancel": lambda: (
            (a * b).abs().sum().item() / (n1 * n2)
        ),
        "The cosine of g1 with itself came back: use both lists": 1.0,
    }
