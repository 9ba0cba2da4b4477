"""Comparisons that several exercises share, on top of those of `autograde.judge.expect`."""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.judge.expect import Mistake, evaluate, expect_close, expect_number, hidden, note


def near(value, other):
    """Equal as numbers to float32 precision."""
    try:
        value, other = float(value), float(other)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return False
    if not (math.isfinite(value) and math.isfinite(other)):
        return value == other or (math.isnan(value) and math.isnan(other))
    return abs(value - other) <= 2e-6 * abs(other)


def check_numbers(results, expected, tables, names, **tolerance):
    """Compare each result with its expected number.

    One number can be explained by several mistakes, so the one named is that which explains all the results together,
    if there is one, and else one that explains most of those that are wrong.
    """
    wrong = [i for i, (got, want) in enumerate(zip(results, expected, strict=True)) if not near(got, want)]
    values = [{sentence: evaluate(value) for sentence, value in table.items()} for table in tables]

    def explained(sentence, indices):
        return sum(near(results[i], values[i].get(sentence)) for i in indices)

    for i, (got, want) in enumerate(zip(results, expected, strict=True)):
        fitting = [s for s in values[i] if near(got, values[i][s]) and 2 * explained(s, wrong) > len(wrong)]
        best = max(fitting, key=lambda sentence: explained(sentence, range(len(results))), default=None)
        known = {best: values[i][best]} if best else {}
        # The allowance of `expect_number` for float32, relative to `want`, has no meaning where that is infinite.
        compare = expect_number if math.isfinite(want) else expect_close
        compare(got, want, name=names[i], mistakes=known, **tolerance)


def shown(call, hidden_call):
    """What was called; a hidden test does not show its arguments."""
    return hidden_call if hidden() else call


def pair_of(got, name, first, second):
    """The two entries of a result that should be a pair."""
    if got is None:
        raise Mistake(f"`{name}` returned None: is `return` missing?")
    if isinstance(got, (torch.Tensor, np.ndarray)) and tuple(got.shape) == (2,):
        note(f"`{name}` is a {type(got).__name__}; a pair of Python floats was asked for")
        return got[0], got[1]
    if isinstance(got, dict):
        raise Mistake(f"`{name}` returned a dict: return the pair ({first}, {second})")
    if not isinstance(got, (tuple, list)):
        raise Mistake(f"`{name}` returned one {type(got).__name__}: return the pair ({first}, {second})")
    if len(got) != 2:
        raise Mistake(f"`{name}` returned {len(got)} values: return the pair ({first}, {second})")
    return got[0], got[1]


def expect_vector(got, expected, *, name, mistakes, **tolerance):
    """`expect_close` that forgives a float32 step on the way.

    `torch.tensor([0.25, 0.75])` is float32, and a product of it with float64 shows as float64: what agrees to float32
    precision passes with a note, unless it is what a known mistake returns.
    """
    try:
        expect_close(got, expected, name=name, mistakes=mistakes, **tolerance)
    except Mistake as mistake:
        if str(mistake) in mistakes or not isinstance(got, (torch.Tensor, np.ndarray)):
            raise
        have, want = torch.as_tensor(got).detach().double(), expected.double()
        near = have.shape == want.shape and bool(((have - want).abs() <= 1e-5 * want.abs().max()).all())
        if not near:
            raise
        note(f"`{name}` is accurate to about six digits: was something on the way computed in float32?")


def check_form(got, like, name, mistakes=None):
    """Whether `got` is a finite tensor of the shape of `like`: any value is in tolerance. Mistakes have values one."""
    expect_close(got, torch.ones_like(like), name=name, mistakes=mistakes, rtol=math.inf, atol=math.inf)


def parts(got, count, name, what, numbers=True):
    """The entries of a returned tuple (or list, or, where they are numbers, a vector)."""
    if numbers and isinstance(got, (torch.Tensor, np.ndarray)) and tuple(got.shape) == (count,):
        return list(got)
    if isinstance(got, (list, tuple)) and len(got) == count:
        return list(got)
    if got is None:
        raise Mistake(f"`{name}` returned None: is `return` missing?")
    size = f" of {len(got)}" if isinstance(got, (list, tuple, dict)) else ""
    raise Mistake(f"`{name}` returned a {type(got).__name__}{size}: return the tuple {what}")
