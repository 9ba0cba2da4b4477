"""Inputs of the tests: seeded numbers, kept away from where mistakes cannot be told apart, and other memory layouts."""

from __future__ import annotations

import torch


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def uniform(generator, low, high):
    return low + (high - low) * torch.rand((), generator=generator, dtype=torch.float64).item()


def strided(tensor):
    """The same numbers in memory that is not contiguous."""
    spread = torch.stack([tensor, torch.full_like(tensor, 77)], dim=-1)
    return spread[..., 0]


def columns_first(matrix):
    """The same matrix as a transposed view."""
    return matrix.T.contiguous().T


def gradients(generator, n_rows, dim, scale=1.0):
    """Rows with a mean that is not zero and correlated coordinates of unequal size."""
    spread = torch.linspace(0.4, 2.0, dim, dtype=torch.float64) if dim > 1 else torch.ones(1, dtype=torch.float64)
    noise = normal(generator, n_rows, dim) + 0.5 * normal(generator, n_rows, 1)
    return scale * (noise * spread + 0.7 + 0.5 * torch.rand(dim, generator=generator, dtype=torch.float64))


def minima(generator):
    """s_min and e_min, not whole, with a critical batch size between about 15 and 120."""
    s_min = uniform(generator, 100.0, 300.0)
    return s_min, s_min * uniform(generator, 15.0, 120.0)


def away_from_zero(vector):
    """The vector with its first entry at 1 or above, so that means are not tiny beside what goes into them.

    Otherwise an answer that works in float32 could be thought wrong, by chance.
    """
    vector[0] = 1.0 + vector[0].abs()
    return vector


def extremes_inside(values):
    """The values with the largest away from both ends, and the smallest too where there are four or more.

    So "the first" and "the largest" are never the same, and a message cannot name one for the other.
    """
    low, high = min(values), max(values)
    if len(values) == 3:
        rest = [value for value in values if value != high]
        return [rest[0], high, rest[1]]
    rest = [value for value in values if value not in (low, high)]
    return [rest[0], high, low, *rest[1:]] if len(values) > 3 else values


def fresh(generator):
    """Another generator, seeded by this one."""
    return torch.Generator().manual_seed(int(torch.randint(2**40, (), generator=generator)))
