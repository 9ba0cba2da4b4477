"""Stochastic quantization: the exercise and its tests.

The answer draws its own random numbers, so a right one can fail by chance. The shares of 4 groups of 800 entries, in
two calls, are each within 0.11 of their probabilities; Hoeffding: at most 8 x 2 exp(-2 x 800 x 0.11^2) = 6.3e-8. Two
results that must differ, in 200 entries of probability 0.15 to 0.85, are equal with probability at most 0.745^200 <
1e-25. An answer in float32 may see an entry 2e-7 beside the grid on which it lies, and move it with that probability:
below 1e-6 for the three such vectors.
"""

from __future__ import annotations

import numpy as np
import torch

from autograde.bank.comparisons import check_form
from autograde.bank.inputs import fresh, normal, strided, uniform
from autograde.bank.so_quantize.mistakes import on_grid, other_steps, quantize_forms
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import (
    AnswerError,
    Mistake,
    as_float64,
    as_tensor,
    expect_close,
    expect_error,
    low_precision,
)

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_6_advanced_topics",
    number=6,
    title="Stochastic quantization",
    functions=("stochastic_quantize",),
    difficulty=3,
    minutes=25,
)


def check_quantized(got, v, levels, name):
    """The result as float64, once it lies on the grid, next to v, with its signs."""
    check_form(got, v, name)
    value = as_tensor(got, name, v.shape)
    tolerance = 1e-2 if low_precision(value.dtype) or low_precision(v.dtype) else 1e-4
    value, v = as_float64(value), v.double()
    if on_grid(value, v, v.norm().item() / levels, tolerance):
        return value
    for sentence, shown in quantize_forms(value, v, levels, tolerance).items():
        if shown:
            raise Mistake(sentence)
    for sentence, step in other_steps(v, levels).items():
        if on_grid(value, v, step, tolerance):
            raise Mistake(sentence)
    units = value * levels / v.norm()
    if bool(((units - units.round()).abs() > tolerance).any()):
        raise Mistake(f"`{name}` has entries that are no multiples of norm(v)/levels")
    if bool((units * v < -tolerance).any()):
        raise Mistake(f"`{name}` has entries with another sign than v")
    raise Mistake(f"`{name}` has entries more than a step from v: round to the next level below or above")


def quantize(answer, v, levels, generator, name):
    try:
        got = answer.stochastic_quantize(v, levels, generator)
    except AnswerError as failure:
        if isinstance(failure.error, ZeroDivisionError):
            raise Mistake(f"{failure}: return zeros for the zero vector") from None
        raise
    return check_quantized(got, v, levels, name)


@grade(EXERCISE, points=2)
def test_quantize_grid(answer, generator):
    """Entries are multiples of norm/levels, next below or above v, with its sign"""
    for dim, levels in [(7, 4), (20, 9), (5, 1), (12, 100)]:
        v = uniform(generator, 0.5, 5.0) * (normal(generator, dim) + 0.2)
        quantize(answer, v, levels, fresh(generator), f"stochastic_quantize(v, {levels}, generator) with d = {dim}")


GROUP, SHARE = 800, 0.11


def groups(generator, floors, levels, size=GROUP):
    """(v, positions of each group, probabilities): groups of entries with the same place between two levels.

    Probabilities are well away from 0, 1/2 and 1; one more entry makes the norm what it must be.
    """
    low = torch.rand(len(floors), generator=generator, dtype=torch.float64) * 0.2
    chances = torch.where(torch.arange(len(floors)) % 2 == 0, 0.15 + low, 0.85 - low)
    places = torch.tensor(floors, dtype=torch.float64) + chances
    units = places.repeat_interleave(size)
    units = torch.cat([units, (levels**2 - units.square().sum()).sqrt()[None]])
    signs = torch.where(torch.rand(len(units), generator=generator) < 0.5, -1.0, 1.0).double()
    order = torch.randperm(len(units), generator=generator)
    v = (uniform(generator, 0.5, 2.0) / levels * units * signs)[order]
    where = torch.argsort(order)[:-1].reshape(len(floors), size)
    return v, where, chances


def shares_up(value, v, levels, where, floors):
    """Share of the entries of each group that were rounded up, and whether each entry was."""
    units = (value * levels / v.norm()).abs()
    up = units[where] - torch.tensor(floors, dtype=torch.float64)[:, None] > 0.5
    return up.double().mean(dim=1), up


FIXED = {
    "Entries are always rounded down: go up with probability l - floor(l)": lambda p: 0 * p,
    "Entries are always rounded up: go up with probability l - floor(l)": lambda p: 0 * p + 1,
    "Entries are rounded to the nearest level, always the same way: go up with probability l - floor(l)": torch.round,
    "Entries are rounded away from the nearest level: go up with probability l - floor(l)": lambda p: 1 - p.round(),
}


CHANCES = {
    "The probabilities are swapped: go up with probability l - floor(l), not down": lambda p: 1 - p,
    "Up and down are equally likely: go up with probability l - floor(l)": lambda p: 0 * p + 0.5,
    "The probability is squared: go up with probability l - floor(l)": lambda p: p**2,
    "The root of the probability is used: go up with probability l - floor(l)": torch.sqrt,
}


@grade(EXERCISE, points=2)
def test_quantize_unbiased(answer, generator):
    """Rounded up with probability l - floor(l), so that the mean is v"""
    for floors, levels in [((0, 1, 2, 0), 120), ((0, 0, 0, 1), 200)]:
        v, where, chances = groups(generator, floors, levels)
        name = f"stochastic_quantize(v, {levels}, generator) with d = {len(v)}"
        value = quantize(answer, v, levels, fresh(generator), name)
        shares, _ = shares_up(value, v, levels, where, floors)
        if bool(((shares - chances).abs() <= SHARE).all()):
            continue
        if bool(((shares == 0) | (shares == 1)).all()):
            # Without chance, or one random number for all entries? Then other seeds give other results.
            for _ in range(6):
                again = quantize(answer, v, levels, fresh(generator), name)
                if not torch.equal(again, value):
                    raise Mistake("One random number serves all entries: draw one for each")
            for sentence, rule in FIXED.items():
                if torch.equal(shares, rule(chances)):
                    raise Mistake(sentence)
        for sentence, rule in CHANCES.items():
            if bool(((shares - rule(chances)).abs() <= 0.08).all()):
                raise Mistake(sentence)
        group = int((shares - chances).abs().argmax())
        raise Mistake(
            f"Of {GROUP} entries with l - floor(l) = {chances[group]:.3f} the share {shares[group]:.3f} was rounded "
            "up: the result is biased"
        )


@grade(EXERCISE, points=1, hidden=True)
def test_quantize_generator(answer, generator):
    """Random numbers come from the generator, which moves on"""
    floors, levels = (0, 1, 0, 1), 150
    v, _, _ = groups(generator, floors, levels, size=50)
    name = "stochastic_quantize(v, levels, generator)"
    seeds = [int(torch.randint(2**40, (), generator=generator)) for _ in range(2)]

    def rounds(seed, count=1):
        source = torch.Generator().manual_seed(seed)
        return [quantize(answer, v, levels, source, name) for _ in range(count)]

    one, next_one = rounds(seeds[0], 2)
    if not torch.equal(one, rounds(seeds[0])[0]):
        raise Mistake("Two generators of the same seed give different results: draw from `generator` alone")
    if torch.equal(one, rounds(seeds[1])[0]):
        raise Mistake("Generators of different seeds give the same result: draw from `generator`")
    if torch.equal(one, next_one):
        raise Mistake("Two calls with one generator round alike: use it up, do not seed anything with it again")


@grade(EXERCISE, points=1)
def test_quantize_zero(answer, generator):
    """The zero vector gives zeros; a vector on the grid comes back as it is"""
    for levels in (1, 6):
        name = f"stochastic_quantize(torch.zeros(4), {levels}, generator)"
        try:
            got = answer.stochastic_quantize(torch.zeros(4, dtype=torch.float64), levels, fresh(generator))
        except AnswerError as failure:
            if isinstance(failure.error, (ZeroDivisionError, ValueError, RuntimeError)):
                raise Mistake("The zero vector has norm 0: return zeros before dividing by it") from None
            raise
        if isinstance(got, (torch.Tensor, np.ndarray)) and bool(
            np.isnan(np.asarray(torch.as_tensor(got).detach())).any()
        ):
            raise Mistake("NaN for the zero vector, whose norm is 0: return zeros before dividing by it")
        expect_close(got, torch.zeros(4, dtype=torch.float64), name=name)
    # 3-4-5: with 5 steps from 0 to the norm 5 every entry lies on the grid. A single entry is the norm itself.
    size = float(torch.randint(1, 9, (), generator=generator))
    exact = size * torch.tensor([0.0, 3.0, 0.0, -4.0], dtype=torch.float64)[torch.randperm(4, generator=generator)]
    alone = normal(generator, 1) + 3.0
    for v, levels in [(exact, 5), (alone, 3), (-alone, 1)]:
        name = f"stochastic_quantize(v, {levels}, generator) with v on the grid"
        value = quantize(answer, v, levels, fresh(generator), name)
        expect_close(value, v, name=name, atol=1e-5)


@grade(EXERCISE, points=1)
def test_quantize_layouts(answer, generator):
    """float32 input, and views that are not contiguous"""
    v = normal(generator, 14)
    quantize(answer, strided(v), 6, fresh(generator), "stochastic_quantize(v, 6, generator) with a strided v")
    quantize(answer, v.float(), 6, fresh(generator), "stochastic_quantize(v, 6, generator) in float32")


@grade(EXERCISE, points=1)
def test_quantize_arguments(answer, generator):
    """ValueError for levels below 1"""
    call, v = answer.stochastic_quantize, normal(generator, 6)
    if call(v, 3, fresh(generator)) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(call, v, 0, fresh(generator), names=("levels",), what="levels = 0")
    expect_error(call, v, -3, fresh(generator), names=("levels",), what="levels = -3")
