"""Population risk with an error bar: the exercise and its tests."""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.bank.inputs import strided, uniform
from autograde.bank.so_population_risk.mistakes import mean_and_half_width, mean_mistakes, width_mistakes
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, expect_error, expect_number

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_2_formal_definitions",
    number=2,
    title="Population risk with an error bar",
    functions=("population_risk",),
    difficulty=2,
    minutes=15,
)


def fresh_losses(generator, n):
    """Positive and skewed, as losses are."""
    return 0.5 + uniform(generator, 1.0, 3.0) * torch.rand(n, generator=generator, dtype=torch.float64).square()


def call_population(answer, loss_samples, name, *confidence):
    """The two numbers that came back."""
    got = answer.population_risk(loss_samples, *confidence)
    if got is None:
        raise Mistake(f"`{name}` returned None: is `return` missing?")
    if isinstance(got, (tuple, list)) and len(got) == 2:
        return got
    if isinstance(got, (torch.Tensor, np.ndarray)) and tuple(got.shape) == (2,):
        return got[0], got[1]
    kind = f"a {type(got).__name__}"
    if isinstance(got, (tuple, list)):
        kind += f" of {len(got)}"
    raise Mistake(f"`{name}` returned {kind}: return the pair (mean, half-width)")


def check_mean(answer, loss_samples, *confidence, rtol=None):
    c = confidence[0] if confidence else 0.95
    name = f"population_risk(loss_samples{', confidence' * len(confidence)}) with n = {len(loss_samples)}"
    mean, _ = call_population(answer, loss_samples, name, *confidence)
    expect_number(
        mean,
        mean_and_half_width(loss_samples, c)[0],
        name=f"{name}: the mean",
        mistakes=mean_mistakes(loss_samples, c, rtol or 1e-6),
        tensors={"The losses themselves came back: return their mean": loss_samples},
        rtol=rtol,
    )


def check_width(answer, loss_samples, *confidence, rtol=1e-5, atol=0.0):
    """1e-5 lets a quantile pass that was computed in float32, and stops 1.96, which is off by 2e-5."""
    c = confidence[0] if confidence else 0.95
    name = f"population_risk(loss_samples{', confidence' * len(confidence)}) with n = {len(loss_samples)}"
    _, half = call_population(answer, loss_samples, name, *confidence)
    expected = mean_and_half_width(loss_samples, c)[1]
    mistakes = width_mistakes(loss_samples, c, rtol)
    try:
        expect_number(half, expected, name=f"{name}: the half-width", mistakes=mistakes, rtol=rtol, atol=atol)
    except Mistake as mistake:
        _, again = call_population(answer, loss_samples, name, *confidence)
        different = type(half) is type(again) is float and half != again and math.isfinite(half)
        if str(mistake) not in mistakes and different:
            raise Mistake("Two equal calls differ: the formula needs no random numbers") from None
        raise


@grade(EXERCISE, points=1)
def test_population_risk_mean(answer, generator):
    """The mean of the losses comes first"""
    for n in (11, 40):
        check_mean(answer, fresh_losses(generator, n))
    check_mean(answer, fresh_losses(generator, 6), uniform(generator, 0.7, 0.9))


@grade(EXERCISE, points=2)
def test_population_risk_half_width(answer, generator):
    """Half-width at 95 %: normal quantile times the n - 1 standard error"""
    for n in (7, 30):
        check_width(answer, fresh_losses(generator, n))
    check_width(answer, fresh_losses(generator, 5), 0.95)


@grade(EXERCISE, points=2)
def test_population_risk_confidence(answer, generator):
    """Half-width at other confidences"""
    for n, low, high in [(8, 0.55, 0.8), (20, 0.82, 0.93), (35, 0.965, 0.995)]:
        check_width(answer, fresh_losses(generator, n), uniform(generator, low, high))


@grade(EXERCISE, points=1, hidden=True)
def test_population_risk_extremes(answer, generator):
    """Two losses, many losses, equal losses, losses below zero"""
    c = uniform(generator, 0.8, 0.9)
    check_width(answer, fresh_losses(generator, 2), c)
    check_width(answer, fresh_losses(generator, 500), c)
    check_mean(answer, fresh_losses(generator, 500), c)
    # A log density can be negative, and a loss small in all digits.
    check_width(answer, fresh_losses(generator, 9) - 4.0, c)
    check_mean(answer, fresh_losses(generator, 9) - 4.0, c)
    check_width(answer, 1e-3 * fresh_losses(generator, 12), 0.3)
    equal = torch.full((6,), float(torch.randint(1, 9, (), generator=generator)), dtype=torch.float64)
    check_width(answer, equal, c, atol=1e-9)


@grade(EXERCISE, points=1)
def test_population_risk_layouts(answer, generator):
    """float32 input, and views that are not contiguous"""
    losses = fresh_losses(generator, 14)
    c = uniform(generator, 0.6, 0.9)
    check_mean(answer, strided(losses), c)
    check_width(answer, strided(losses), c)
    check_mean(answer, losses.float(), c, rtol=1e-4)
    check_width(answer, losses.float(), c, rtol=1e-4)


@grade(EXERCISE, points=1)
def test_population_risk_arguments(answer, generator):
    """ValueError for no losses and for a matrix of them"""
    losses = fresh_losses(generator, 6)
    risk = answer.population_risk
    if risk(losses) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(risk, losses[:0], names=("loss_samples",), what="no losses")
    expect_error(risk, losses.reshape(2, 3), names=("loss_samples",), what="a matrix of losses")
