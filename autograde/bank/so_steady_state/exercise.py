"""Where the noise settles: the exercise and its tests.

Expected values come from the covariance recursion solved as a linear system.
"""

from __future__ import annotations

import torch

from autograde.bank.inputs import strided, uniform
from autograde.bank.so_steady_state.mistakes import stationary_mistakes, stationary_variance
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import AnswerError, Mistake, expect_close, expect_error

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_3_geometry_and_guarantees",
    number=3,
    title="Where the noise settles",
    functions=("steady_state_variance",),
    difficulty=3,
    minutes=25,
)


def spectrum(generator, dim):
    """Eigenvalues between about 0.4 and 4, none near one, in no order; dim at least 2."""
    eigs = torch.linspace(0.4, 4.0, dim, dtype=torch.float64) if dim > 1 else torch.full((1,), 2.3).double()
    eigs = eigs * (0.9 + 0.2 * torch.rand(dim, generator=generator, dtype=torch.float64))
    order = torch.randperm(dim, generator=generator)
    # Sorted either way, an answer that sorts would not show.
    if dim > 2 and (order.diff() > 0).all():
        order = order.roll(1)
    return eigs[order]


def check_stationary(answer, eigs, noise_var, lr, batch_size, momentum, name, rtol=None):
    name = f"steady_state_variance(eigs, noise_var, lr, batch_size, momentum) with {name}"
    try:
        got = answer.steady_state_variance(eigs, noise_var, lr, batch_size, momentum=momentum)
    except AnswerError as failure:
        if isinstance(failure.error, ValueError) and momentum > 0 and (lr * eigs >= 2).any():
            raise Mistake("Refused a stable rate: with momentum the limit is lr lambda < 2 (1 + momentum)") from None
        raise
    expect_close(
        got,
        stationary_variance(eigs, noise_var, lr, batch_size, momentum),
        name=name,
        mistakes=stationary_mistakes(eigs, noise_var, lr, batch_size, momentum, rtol or 1e-6),
        rtol=rtol,
    )


@grade(EXERCISE, points=2)
def test_steady_state_plain(answer, generator):
    """Plain SGD: lr noise_var / (B lambda (2 - lr lambda))"""
    for dim, size in [(4, 3), (5, 10)]:
        eigs, noise = spectrum(generator, dim), uniform(generator, 2.0, 5.0)
        lr = uniform(generator, 0.2, 0.35)
        check_stationary(answer, eigs, noise, lr, size, 0.0, f"d = {dim}, B = {size}, momentum = 0")
    expect_close(
        answer.steady_state_variance(eigs, noise, lr, 6),
        stationary_variance(eigs, noise, lr, 6, 0.0),
        name="steady_state_variance(eigs, noise_var, lr, 6), where momentum is 0 by default",
        mistakes={
            f"The default of `momentum` is 0, not {b:g}: without a fifth argument it is plain SGD": (
                lambda b=b: stationary_variance(eigs, noise, lr, 6, b)
            )
            for b in (0.9, 0.5, 0.99)
        }
        | stationary_mistakes(eigs, noise, lr, 6, 0.0),
    )


@grade(EXERCISE, points=2)
def test_steady_state_momentum(answer, generator):
    """Heavy-ball momentum in PyTorch's form"""
    for dim, size, low, high in [(3, 4, 0.35, 0.6), (5, 7, 0.75, 0.93)]:
        eigs, noise = spectrum(generator, dim), uniform(generator, 2.0, 5.0)
        momentum, lr = uniform(generator, low, high), uniform(generator, 0.15, 0.3)
        name = f"d = {dim}, B = {size}, momentum = {momentum:.2g}"
        check_stationary(answer, eigs, noise, lr, size, momentum, name)


@grade(EXERCISE, points=1, hidden=True)
def test_steady_state_noise(answer, generator):
    """noise_var with an entry for each direction, or a float, or no noise at all"""
    for momentum in (0.0, uniform(generator, 0.3, 0.8)):
        eigs, lr = spectrum(generator, 4), uniform(generator, 0.15, 0.3)
        noise = 1.5 + 3 * torch.rand(4, generator=generator, dtype=torch.float64)
        name = "a noise_var (d,)" if momentum == 0 else "a noise_var (d,) and momentum"
        check_stationary(answer, eigs, noise, lr, 5, momentum, name)
    check_stationary(answer, eigs, 0.0, lr, 5, 0.0, "noise_var = 0")
    noise[1] = 0.0
    check_stationary(answer, eigs, noise, lr, 5, 0.0, "a noise_var (d,) with a zero")


@grade(EXERCISE, points=1, hidden=True)
def test_steady_state_edge(answer, generator):
    """Near the edge of stability, which momentum moves; tiny rates; a single direction"""
    eigs = spectrum(generator, 3)
    top = eigs.max().item()
    for momentum in (0.0, uniform(generator, 0.4, 0.6), uniform(generator, 0.85, 0.95)):
        lr = uniform(generator, 0.95, 0.98) * 2 * (1 + momentum) / top
        name = "lr near the edge of stability" + (" and momentum" if momentum else "")
        check_stationary(answer, eigs, 3.5, lr, 6, momentum, name)
    check_stationary(answer, eigs, 3.5, 1e-4, 6, 0.6, "a small learning rate and momentum")
    check_stationary(answer, spectrum(generator, 1), 2.5, 0.3, 4, 0.4, "d = 1")
    check_stationary(answer, eigs, 3, 0.25, 1, 0.0, "B = 1 and a whole number as noise_var")


@grade(EXERCISE, points=1)
def test_steady_state_layouts(answer, generator):
    """float32 input, and views that are not contiguous"""
    eigs, lr = spectrum(generator, 5), uniform(generator, 0.2, 0.3)
    noise = 1.5 + 3 * torch.rand(5, generator=generator, dtype=torch.float64)
    check_stationary(answer, strided(eigs), strided(noise), lr, 3, 0.7, "strided views")
    check_stationary(answer, eigs.float(), noise.float(), lr, 3, 0.7, "float32 input", rtol=1e-4)
    check_stationary(answer, eigs.float(), 2.5, lr, 3, 0.0, "float32 eigenvalues", rtol=1e-4)


@grade(EXERCISE, points=1)
def test_steady_state_arguments(answer, generator):
    """ValueError for an unstable direction, batch sizes below one, momentum outside [0, 1), a misfitting noise_var"""
    eigs = spectrum(generator, 4)
    variance = answer.steady_state_variance
    if variance(eigs, 2.0, 0.2, 4) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    edge = 2 / eigs.max().item()
    unstable = ("lr", "learning rate", "eig", "lam", "momentum", "beta")
    expect_error(variance, eigs, 2.0, 1.1 * edge, 4, names=unstable, what="lr lambda above 2 in one direction")
    expect_error(
        variance,
        eigs,
        2.0,
        1.6 * edge,
        4,
        0.5,
        names=unstable,
        what="lr lambda above 2 (1 + momentum) in one direction",
    )
    two = torch.tensor([1.0, 4.0, 3.0], dtype=torch.float64)
    expect_error(variance, two, 2.0, 0.5, 4, names=unstable, what="lr lambda equal to 2")
    for size in (0, -3):
        expect_error(variance, eigs, 2.0, 0.2, size, names=("batch_size",), what=f"batch size {size}")
    for momentum in (-0.1, 1.0, 1.5):
        expect_error(variance, eigs, 2.0, 0.2, 4, momentum, names=("momentum", "beta"), what=f"momentum {momentum:g}")
    expect_error(variance, eigs, -2.0, 0.2, 4, names=("noise_var",), what="noise_var = -2")
    wrong = torch.full((3,), 2.0, dtype=torch.float64)
    expect_error(variance, eigs, wrong, 0.2, 4, names=("noise_var", "eig"), what="3 noise variances, 4 eigenvalues")
