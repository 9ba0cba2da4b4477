"""Cosine between two gradients: the exercise and its tests."""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.bank.comparisons import near
from autograde.bank.inputs import columns_first, strided
from autograde.bank.so_gradient_cosine.mistakes import cosine, cosine_mistakes
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import AnswerError, Mistake, evaluate, expect_error, expect_number, note

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_4_algorithms_and_dynamics",
    number=5,
    title="Cosine between two gradients",
    functions=("gradient_cosine",),
    difficulty=2,
    minutes=15,
)


SHAPES = ((4, 3), (3,), (2, 3, 2), (), (5,))


# How much of g1 there is in each layer of g2: the layers disagree, and the sizes of layers differ too.
SHARES = (1.4, -0.6, 0.5, 1.3, 0.2)


SIZES = (0.5, 2.0, 1.0, 3.0, 0.7)


def gradient_pair(generator, shapes=SHAPES, scale=1.0):
    """Two gradients whose cosine is neither near 0 nor near 1, and differs from layer to layer."""

    def noise(shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    g1 = [size * (noise(shape) + 0.3) for shape, size in zip(shapes, SIZES, strict=False)]
    g2 = [
        share * layer + 0.5 * size * noise(layer.shape) for layer, share, size in zip(g1, SHARES, SIZES, strict=False)
    ]
    return [scale * layer for layer in g1], [2.5 * scale * layer for layer in g2]


def check_cosine(answer, g1, g2, name, rtol=None, atol=0.0):
    got = answer.gradient_cosine(g1, g2)
    a, b = (torch.cat([layer.double().reshape(-1) for layer in gradient]) for gradient in (g1, g2))
    tensors = {"One cosine a layer came back: all layers are one vector, return one number": torch.zeros(len(g1))}
    if isinstance(got, (list, tuple)) and len(got) == len(g1):
        raise Mistake(next(iter(tensors)))
    if isinstance(got, (torch.Tensor, np.ndarray)) and got.ndim > 0 and got.shape == (len(g1),):
        raise Mistake(next(iter(tensors)))
    mistakes = cosine_mistakes(g1, g2) if a.any() and b.any() else {}
    want = cosine(g1, g2)
    # An answer that sums in float32 inside is off by a few 1e-7, absolutely; a number shows no precision.
    single = type(got) in (float, np.float64) and abs(got - want) < 2e-6
    if (
        single
        and abs(got - want) > max(atol, 1e-9)
        and not any(near(got, evaluate(value)) for value in mistakes.values())
    ):
        note(f"`{name}` is accurate to about six digits: was it computed in float32?")
        return
    expect_number(got, want, name=name, mistakes=mistakes, rtol=rtol, atol=atol)


@grade(EXERCISE, points=3)
def test_gradient_cosine_formula(answer, generator):
    """One inner product and two norms over all layers together"""
    for shapes in (SHAPES[:2], SHAPES[:3], ((6,), (2, 5))):
        g1, g2 = gradient_pair(generator, shapes)
        name = f"gradient_cosine(g1, g2) with layers of shapes {', '.join(map(str, shapes))}"
        check_cosine(answer, g1, g2, name)
        check_cosine(answer, g2, [-layer for layer in g1], name)


@grade(EXERCISE, points=1, hidden=True)
def test_gradient_cosine_shapes(answer, generator):
    """One layer, many layers, single numbers, tuples, equal and opposite gradients"""
    g1, g2 = gradient_pair(generator)
    check_cosine(answer, g1, g2, "gradient_cosine(g1, g2) with layers of up to three dimensions")
    check_cosine(answer, g1[:1], g2[:1], "gradient_cosine(g1, g2) with one layer")
    check_cosine(answer, tuple(g1), tuple(g2), "gradient_cosine(g1, g2) with tuples")
    check_cosine(answer, g1, g1, "gradient_cosine(g1, g1)")
    check_cosine(answer, g1, [-3 * layer for layer in g1], "gradient_cosine(g1, -3 g1)")


@grade(EXERCISE, points=1)
def test_gradient_cosine_zero(answer, generator):
    """0.0 when either gradient is zero; a layer of zeros among others is nothing special"""
    g1, g2 = gradient_pair(generator)
    zero = [torch.zeros_like(layer) for layer in g1]
    expected = "return 0.0 when either gradient is zero"
    for one, other, which in [(zero, g2, "g1"), (g1, zero, "g2"), (zero, zero, "g1 and g2")]:
        try:
            got = answer.gradient_cosine(one, other)
        except AnswerError as failure:
            if isinstance(failure.error, (ZeroDivisionError, ValueError)):
                raise Mistake(f"raised {type(failure.error).__name__} for a zero {which}: {expected}") from None
            raise
        if got is None:
            raise Mistake(f"returned None for a zero {which}: {expected}")
        table = {f"0/0 gives NaN for a zero {which}: {expected}": math.nan}
        table[f"1 came back for a zero {which}: {expected}"] = 1.0
        expect_number(got, 0.0, name=f"gradient_cosine(g1, g2) with a zero {which}", mistakes=table)
    for place in range(2):
        partly = [torch.zeros_like(layer) if i == place else layer for i, layer in enumerate(g2)]
        name = "gradient_cosine(g1, g2) with one layer of zeros"
        got = answer.gradient_cosine(g1, partly)
        layer = "A layer of zeros spoils the result: only a gradient that is zero in all its layers has no direction"
        if near(got, math.nan) or (type(got) in (int, float) and got == 0.0):
            raise Mistake(layer)
        check_cosine(answer, g1, partly, name)


@grade(EXERCISE, points=1, hidden=True)
def test_gradient_cosine_scale(answer, generator):
    """Small and large gradients have a direction too"""
    name = "gradient_cosine(g1, g2) with gradients"
    for norm, text in [(1e-9, "of norm 1e-9"), (1e-4, "of norm 1e-4"), (1e5, "of norm 1e5")]:
        g1, g2 = gradient_pair(generator, SHAPES[:3])
        total = math.sqrt(sum(layer.square().sum().item() for layer in g1))
        g1, g2 = ([layer * (norm / total) for layer in gradient] for gradient in (g1, g2))
        check_cosine(answer, g1, g2, f"{name} {text}")
    g1, g2 = gradient_pair(generator, SHAPES[:3])
    check_cosine(answer, [1e-9 * layer for layer in g1], g2, f"{name} of very different norms")


@grade(EXERCISE, points=1)
def test_gradient_cosine_layouts(answer, generator):
    """float32 tensors, and views that are not contiguous"""
    g1, g2 = gradient_pair(generator)
    single1, single2 = ([layer.float() for layer in gradient] for gradient in (g1, g2))
    check_cosine(answer, single1, single2, "gradient_cosine(g1, g2) in float32", rtol=1e-4, atol=1e-5)
    views1, views2 = ([strided(layer) for layer in gradient] for gradient in (g1, g2))
    check_cosine(answer, views1, views2, "gradient_cosine(g1, g2) with strided views")
    # The same entries in another memory order on one side only.
    turned = [columns_first(layer) if layer.ndim == 2 else layer for layer in g2]
    check_cosine(answer, g1, turned, "gradient_cosine(g1, g2) with a matrix stored by columns in g2")


@grade(EXERCISE, points=1)
def test_gradient_cosine_arguments(answer, generator):
    """ValueError for lists of different lengths and for layers of different shapes"""
    g1, g2 = gradient_pair(generator, SHAPES[:3])
    call = answer.gradient_cosine
    if call(g1, g2) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    names = ("g2", "g1")
    expect_error(call, g1, g2[:2], names=names, what="3 tensors in g1 and 2 in g2")
    expect_error(call, g1[:1], g2[:2], names=names, what="1 tensor in g1 and 2 in g2")
    other = [g2[0], g2[1][:1], g2[2]]
    expect_error(call, g1, other, names=names, what="a layer of shape (3,) in g1 and (1,) in g2")
    turned = [g2[0].T, *g2[1:]]
    expect_error(call, g1, turned, names=names, what="a layer of shape (4, 3) in g1 and (3, 4) in g2")
