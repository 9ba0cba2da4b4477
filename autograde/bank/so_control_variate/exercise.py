"""The best control variate: the exercise and its tests."""

from __future__ import annotations

import torch

from autograde.bank.comparisons import parts
from autograde.bank.inputs import normal, strided, uniform
from autograde.bank.so_control_variate.mistakes import controlled, estimate_mistakes, ratio_mistakes
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import expect_error, expect_number

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_6_advanced_topics",
    number=2,
    title="The best control variate",
    functions=("control_variate",),
    difficulty=2,
    minutes=20,
)


def correlated(generator, n, slope, noise=1.0, offset=2.0):
    """Samples f that follow h up to noise, h, and a known mean of h that is not the sample's."""
    h = 1.0 + uniform(generator, 0.5, 1.5) * normal(generator, n)
    f = offset + slope * h + noise * normal(generator, n)
    return f, h, h.mean().item() + uniform(generator, 0.4, 0.9)


CONTROL_WHAT = "(estimate, variance_ratio)"


# An answer may work in float32: an estimate near zero, or a ratio near zero, then has only its absolute accuracy.
SINGLE = 1e-6


def check_estimate(answer, f, h, h_mean, name, **tolerance):
    got = parts(answer.control_variate(f, h, h_mean), 2, name, CONTROL_WHAT)
    slope = (f.double().mean().item() - controlled(f, h, h_mean)[0]) / (h.double().mean().item() - h_mean)
    adjusted = f.double() - slope * (h.double() - h_mean)
    expect_number(
        got[0],
        controlled(f, h, h_mean)[0],
        name=f"{name}[0]",
        mistakes=estimate_mistakes(f, h, h_mean),
        tensors={"All corrected samples came back: the estimate is their mean": adjusted},
        atol=SINGLE * f.abs().max().item(),
        **tolerance,
    )


def check_ratio(answer, f, h, h_mean, name, **tolerance):
    got = parts(answer.control_variate(f, h, h_mean), 2, name, CONTROL_WHAT)
    expected = controlled(f, h, h_mean)[1]
    tolerance = {"atol": SINGLE} | tolerance
    expect_number(got[1], expected, name=f"{name}[1]", mistakes=ratio_mistakes(f, h, h_mean), **tolerance)


@grade(EXERCISE, points=2)
def test_control_variate_estimate(answer, generator):
    """The estimate with the best coefficient"""
    for n, slope in [(12, 1.7), (30, -0.6)]:
        f, h, h_mean = correlated(generator, n, slope)
        check_estimate(answer, f, h, h_mean, f"control_variate(f, h, h_mean) with n = {n}")


@grade(EXERCISE, points=2)
def test_control_variate_ratio(answer, generator):
    """Variance after over variance before, 1 - rho^2"""
    for n, slope in [(12, 1.7), (30, -0.6)]:
        f, h, h_mean = correlated(generator, n, slope)
        check_ratio(answer, f, h, h_mean, f"control_variate(f, h, h_mean) with n = {n}")


@grade(EXERCISE, points=1, hidden=True)
def test_control_variate_extremes(answer, generator):
    """f on a line in h, weak correlation, very different scales, three samples"""
    f, h, h_mean = correlated(generator, 9, -2.3, noise=0.0)
    check_estimate(answer, f, h, h_mean, "control_variate(f, h, h_mean) with f a line in h")
    # Nothing is left; 1 - rho^2 then is rounding error, of float32 where that was used.
    check_ratio(answer, f, h, h_mean, "control_variate(f, h, h_mean) with f a line in h", atol=1e-5)
    for n, slope, unit in [(25, 0.2, 1.0), (10, 0.8, 1e-3), (14, 1.2, 1e3), (3, 1.4, 1.0)]:
        f, h, h_mean = correlated(generator, n, slope)
        check_estimate(answer, unit * f, h, h_mean, "control_variate(f, h, h_mean)")
        check_estimate(answer, f, unit * h, unit * h_mean, "control_variate(f, h, h_mean)")
        check_ratio(answer, unit * f, h, h_mean, "control_variate(f, h, h_mean)")


@grade(EXERCISE, points=1)
def test_control_variate_layouts(answer, generator):
    """float32 input, and views that are not contiguous"""
    f, h, h_mean = correlated(generator, 15, 1.3)
    for one, other, what in [(strided(f), strided(h), "strided views"), (f.float(), h.float(), "float32")]:
        tolerance = {"rtol": 1e-4} if what == "float32" else {}
        name = f"control_variate(f, h, h_mean) with {what}"
        check_estimate(answer, one, other, h_mean, name, **tolerance)
        check_ratio(answer, one, other, h_mean, name, **tolerance)


@grade(EXERCISE, points=1)
def test_control_variate_arguments(answer, generator):
    """ValueError for shapes that do not fit and for a constant h"""
    call = answer.control_variate
    f, h, h_mean = correlated(generator, 8, 1.3)
    parts(call(f, h, h_mean), 2, "control_variate(f, h, h_mean)", CONTROL_WHAT)
    names = ("h", "f")
    expect_error(call, f, h[:5], h_mean, names=names, what="8 samples f and 5 samples h")
    expect_error(call, f, h[:, None], h_mean, names=names, what="an h of shape (n, 1)")
    expect_error(call, f[:, None], h[:, None], h_mean, names=names, what="f and h of shape (n, 1)")
    # Whole numbers: the sample mean is exact, and so is the variance 0.
    constant = torch.full_like(h, float(torch.randint(1, 9, (), generator=generator)))
    expect_error(call, f, constant, h_mean, names=("h",), what="a constant h")
    expect_error(call, f[:1], h[:1], h_mean, names=names, what="a single sample")
