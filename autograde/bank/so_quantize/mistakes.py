"""Stochastic quantization: the reference, and what typical mistakes return on the same input."""

from __future__ import annotations

import math


def other_steps(v, levels):
    """Sentence -> the step of a wrong grid."""
    norm = v.norm().item()
    one, largest_entry, size = v.abs().sum().item(), v.abs().max().item(), v.numel()
    return {
        "The largest entry is taken for the norm: QSGD divides by the l2 norm": largest_entry / levels,
        "The l1 norm is used: QSGD divides by the l2 norm": one / levels,
        "The squared norm is used: QSGD divides by the l2 norm itself": norm**2 / levels,
        "The root mean square is taken for the norm: the l2 norm is the root of the sum of squares": (
            norm / math.sqrt(size) / levels
        ),
        "The mean magnitude is taken for the norm: QSGD divides by the l2 norm": one / size / levels,
        "The range max - min is divided into levels: QSGD divides by the l2 norm": (v.max() - v.min()).item() / levels,
        "The norm is left out: the grid is that of multiples of norm/levels": 1 / levels,
        "The grid has levels - 1 steps: there are `levels` steps from 0 to the norm": norm / max(levels - 1, 0.5),
        "The grid has levels + 1 steps: there are `levels` steps from 0 to the norm": norm / (levels + 1),
        "The grid has 2 * levels steps: there are `levels` steps from 0 to the norm": norm / (2 * levels),
        "The grid has levels/2 steps: there are `levels` steps from 0 to the norm": 2 * norm / levels,
        "levels is taken for a number of bits: there are `levels` steps from 0 to the norm, not 2**levels": (
            norm / 2 ** min(levels, 60)
        ),
        "levels is taken for a number of bits: there are `levels` steps from 0 to the norm, not 2**levels - 1": (
            norm / (2 ** min(levels, 60) - 1)
        ),
        "levels is ignored: entries are rounded to 0 or the norm, not to multiples of norm/levels": norm,
        "Entries are rounded to whole numbers: the grid is that of multiples of norm/levels": 1.0,
    }


def on_grid(values, v, step, tolerance):
    """Whether `values` are multiples of step, next above or below v, with its signs."""
    units = values / step
    exact = (units - units.round()).abs().max().item() <= tolerance
    near = ((units - v / step).abs() < 1 + tolerance).all().item()
    return exact and near and bool((units * v >= -tolerance).all())


def quantize_forms(values, v, levels, tolerance):
    """Sentence -> whether the values show that mistake of form."""
    norm = v.norm()
    step = norm.item() / levels
    return {
        "v came back as it was: round its entries to multiples of norm/levels": bool(
            ((values - v).abs() <= 1e-6 * v.abs().max()).all()
        ),
        "The signs are lost: multiply the level by sign(v)": on_grid(values, v.abs(), step, tolerance),
        "All signs are flipped: multiply the level by sign(v)": on_grid(-values, v, step, tolerance),
        "The levels xi came back without signs: return norm(v) sign(v) xi/levels": on_grid(
            values * step, v.abs(), step, tolerance
        ),
        "The integer levels came back: return norm(v) sign(v) xi/levels": on_grid(values * step, v, step, tolerance),
        "The norm is missing in the result: return norm(v) sign(v) xi/levels": on_grid(
            values * norm, v, step, tolerance
        ),
        "The division by levels is missing in the result: return norm(v) sign(v) xi/levels": on_grid(
            values / levels, v, step, tolerance
        ),
        "The result is divided by levels twice: return norm(v) sign(v) xi/levels": on_grid(
            values * levels, v, step, tolerance
        ),
        "The result is divided by the norm: multiply by it": on_grid(values * norm**2, v, step, tolerance),
    }
