"""Graders of assignment 1.3 Geometry and guarantees: predictions about a run, each a closed form.

Every input is drawn from `generator`; expected values come from the formula, or, for the stationary variance, from the
covariance recursion solved as a linear system. Nothing is estimated, so the probability that a right answer fails is
zero. Expected values and the tables of what typical mistakes return are in `mistakes_1_3_geometry_and_guarantees`.
"""

from __future__ import annotations

import torch

from autograde.graders.inputs import normal, strided, uniform
from autograde.graders.mistakes_1_3_geometry_and_guarantees import (
    descent_mistakes,
    distance_bound,
    distance_mistakes,
    lemma,
    limit_mistakes,
    square_norm,
    square_norm_mistakes,
    square_norm_tensors,
    stable_limit,
    stationary_mistakes,
    stationary_variance,
)
from autograde.judge.exercise import Exercise, grade
from autograde.judge.expect import AnswerError, Mistake, expect_close, expect_error, expect_number

EXPECTED_SQUARE_NORM = Exercise(
    id="so-expected-square-norm",
    notebook="1_3_geometry_and_guarantees",
    title="Expected squared norm",
    functions=("expected_square_norm",),
    difficulty=1,
    minutes=10,
    concepts=("geometry of the unbiased oracle",),
)
DESCENT_BOUND = Exercise(
    id="so-descent-bound",
    notebook="1_3_geometry_and_guarantees",
    title="Descent lemma with noise",
    functions=("descent_bound",),
    difficulty=2,
    minutes=10,
    concepts=("gradient-variance inequality",),
)
STEADY_STATE = Exercise(
    id="so-steady-state",
    notebook="1_3_geometry_and_guarantees",
    title="Where the noise settles",
    functions=("steady_state_variance",),
    difficulty=3,
    minutes=25,
    concepts=("role of the minibatch estimator",),
)
MAX_STABLE_LR = Exercise(
    id="so-max-stable-lr",
    notebook="1_3_geometry_and_guarantees",
    title="Noise that sets the speed limit",
    functions=("max_stable_lr",),
    difficulty=2,
    minutes=15,
    concepts=("failure when assumptions go", "role of the minibatch estimator"),
)
STRONGLY_CONVEX_BOUND = Exercise(
    id="so-strongly-convex-bound",
    notebook="1_3_geometry_and_guarantees",
    title="A guarantee for the distance",
    functions=("strongly_convex_bound",),
    difficulty=2,
    minutes=10,
    concepts=("strongly convex proof template",),
)


# so-expected-square-norm


def uneven(generator, dim):
    """A gradient whose norms and sums all differ, of length about 2."""
    g = normal(generator, dim) + 0.4
    return g * (uniform(generator, 1.6, 2.4) / g.norm())


def check_square_norm(answer, mean_grad, cov_trace, batch_size, name, rtol=None):
    expect_number(
        answer.expected_square_norm(mean_grad, cov_trace, batch_size),
        square_norm(mean_grad, cov_trace, batch_size),
        name=f"expected_square_norm(mean_grad, cov_trace, batch_size) with {name}",
        mistakes=square_norm_mistakes(mean_grad, cov_trace, batch_size, rtol or 1e-6),
        tensors=square_norm_tensors(mean_grad, cov_trace, batch_size),
        rtol=rtol,
    )


@grade(EXPECTED_SQUARE_NORM, points=2)
def test_expected_square_norm_formula(answer, generator):
    """norm(mean_grad)^2 + cov_trace / B"""
    for dim, size in [(3, 5), (6, 17)]:
        trace = uniform(generator, 5.0, 30.0)
        check_square_norm(answer, uneven(generator, dim), trace, size, f"d = {dim}, B = {size}")


@grade(EXPECTED_SQUARE_NORM, points=1)
def test_expected_square_norm_limits(answer, generator):
    """No noise leaves the signal, no signal leaves the noise"""
    check_square_norm(answer, uneven(generator, 4), 0.0, 7, "cov_trace = 0")
    trace = uniform(generator, 5.0, 30.0)
    check_square_norm(answer, torch.zeros(4, dtype=torch.float64), trace, 7, "a mean gradient of zero")


@grade(EXPECTED_SQUARE_NORM, points=1, hidden=True)
def test_expected_square_norm_sizes(answer, generator):
    """One coordinate, many coordinates, a batch of one, a huge batch, whole numbers"""
    check_square_norm(answer, uneven(generator, 1), uniform(generator, 3.0, 9.0), 6, "d = 1")
    check_square_norm(answer, uneven(generator, 50), uniform(generator, 3.0, 9.0), 11, "d = 50")
    check_square_norm(answer, uneven(generator, 5), uniform(generator, 3.0, 9.0), 1, "B = 1")
    check_square_norm(answer, uneven(generator, 5), uniform(generator, 300.0, 900.0), 4096, "B = 4096")
    whole = torch.randint(1, 5, (3,), generator=generator).double()
    check_square_norm(answer, whole, 7, 3, "whole numbers")


@grade(EXPECTED_SQUARE_NORM, points=1)
def test_expected_square_norm_layouts(answer, generator):
    """float32 input, and a view that is not contiguous"""
    mean_grad, trace = uneven(generator, 5), uniform(generator, 3.0, 9.0)
    check_square_norm(answer, strided(mean_grad), trace, 6, "a strided view")
    check_square_norm(answer, mean_grad.float(), trace, 6, "float32 input", rtol=1e-4)


@grade(EXPECTED_SQUARE_NORM, points=1)
def test_expected_square_norm_arguments(answer, generator):
    """ValueError for a batch size below one and for a negative cov_trace"""
    mean_grad = uneven(generator, 3)
    norm = answer.expected_square_norm
    if norm(mean_grad, 2.0, 4) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    for size in (0, -4):
        expect_error(norm, mean_grad, 2.0, size, names=("batch_size",), what=f"batch size {size}")
    expect_error(norm, mean_grad, -2.0, 4, names=("cov_trace",), what="cov_trace = -2")


# so-descent-bound


def check_descent(answer, f, grad_sq, lr, L, cov_trace, batch_size, name):
    expect_number(
        answer.descent_bound(f, grad_sq, lr, L, cov_trace, batch_size),
        lemma(f, grad_sq, lr, L, cov_trace, batch_size),
        name=f"descent_bound(f, grad_sq, lr, L, cov_trace, batch_size) with {name}",
        mistakes=descent_mistakes(f, grad_sq, lr, L, cov_trace, batch_size),
    )


def point(generator):
    """f, grad_sq, L, cov_trace: none of them near one, where a square would not show."""
    return uniform(generator, 3, 6), uniform(generator, 2, 4), uniform(generator, 5, 9), uniform(generator, 20, 50)


@grade(DESCENT_BOUND, points=2)
def test_descent_bound_formula(answer, generator):
    """f - lr (1 - lr L/2) grad_sq + lr^2 L/2 cov_trace/B"""
    for size in (4, 9, 30):
        f, grad_sq, L, trace = point(generator)
        lr = uniform(generator, 0.2, 0.8) / L
        check_descent(answer, f, grad_sq, lr, L, trace, size, f"B = {size}")


@grade(DESCENT_BOUND, points=1)
def test_descent_bound_noise(answer, generator):
    """Where the gradient is zero, noise alone raises the bound"""
    for size in (1, 12):
        f, _, L, trace = point(generator)
        lr = uniform(generator, 0.2, 0.8) / L
        check_descent(answer, f, 0.0, lr, L, trace, size, f"grad_sq = 0, B = {size}")


@grade(DESCENT_BOUND, points=1)
def test_descent_bound_noiseless(answer, generator):
    """Without noise: the deterministic lemma, whatever the batch size"""
    for size in (1, 25):
        f, grad_sq, L, _ = point(generator)
        lr = uniform(generator, 0.3, 0.9) / L
        check_descent(answer, f, grad_sq, lr, L, 0.0, size, f"cov_trace = 0, B = {size}")


@grade(DESCENT_BOUND, points=2, hidden=True)
def test_descent_bound_large_rates(answer, generator):
    """Rates beyond 1/L and beyond 2/L, an objective below zero, whole numbers, arguments by name"""
    for factor, size in [(1.5, 6), (2.6, 5), (2.6, 3)]:
        f, grad_sq, L, trace = point(generator)
        lr = factor * uniform(generator, 0.95, 1.05) / L
        check_descent(answer, f, grad_sq, lr, L, trace, size, "lr above 1/L" if factor < 2 else "lr above 2/L")
    f, grad_sq, L, trace = point(generator)
    check_descent(answer, -2 * f, grad_sq, 0.4 / L, L, trace, 7, "f below zero")
    check_descent(answer, 11, 3, 2, 5, 7, 3, "whole numbers")
    named = {"f": f, "grad_sq": grad_sq, "lr": 0.6 / L, "L": L, "cov_trace": trace, "batch_size": 13}
    expect_number(
        answer.descent_bound(**named),
        lemma(**named),
        name="descent_bound(f=.., grad_sq=.., lr=.., L=.., cov_trace=.., batch_size=..)",
        mistakes=descent_mistakes(**named),
    )


@grade(DESCENT_BOUND, points=1)
def test_descent_bound_arguments(answer, generator):
    """ValueError for a batch size below one, a negative lr and a negative cov_trace"""
    f, grad_sq, L, trace = point(generator)
    bound = answer.descent_bound
    if bound(f, grad_sq, 0.5 / L, L, trace, 4) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    for size in (0, -2):
        expect_error(bound, f, grad_sq, 0.5 / L, L, trace, size, names=("batch_size",), what=f"batch size {size}")
    expect_error(bound, f, grad_sq, -0.01, L, trace, 4, names=("lr", "learning rate"), what="lr = -0.01")
    expect_error(bound, f, grad_sq, 0.5 / L, L, -trace, 4, names=("cov_trace",), what="a negative cov_trace")


# so-steady-state


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


@grade(STEADY_STATE, points=2)
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


@grade(STEADY_STATE, points=2)
def test_steady_state_momentum(answer, generator):
    """Heavy-ball momentum in PyTorch's form"""
    for dim, size, low, high in [(3, 4, 0.35, 0.6), (5, 7, 0.75, 0.93)]:
        eigs, noise = spectrum(generator, dim), uniform(generator, 2.0, 5.0)
        momentum, lr = uniform(generator, low, high), uniform(generator, 0.15, 0.3)
        name = f"d = {dim}, B = {size}, momentum = {momentum:.2g}"
        check_stationary(answer, eigs, noise, lr, size, momentum, name)


@grade(STEADY_STATE, points=1, hidden=True)
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


@grade(STEADY_STATE, points=1, hidden=True)
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


@grade(STEADY_STATE, points=1)
def test_steady_state_layouts(answer, generator):
    """float32 input, and views that are not contiguous"""
    eigs, lr = spectrum(generator, 5), uniform(generator, 0.2, 0.3)
    noise = 1.5 + 3 * torch.rand(5, generator=generator, dtype=torch.float64)
    check_stationary(answer, strided(eigs), strided(noise), lr, 3, 0.7, "strided views")
    check_stationary(answer, eigs.float(), noise.float(), lr, 3, 0.7, "float32 input", rtol=1e-4)
    check_stationary(answer, eigs.float(), 2.5, lr, 3, 0.0, "float32 eigenvalues", rtol=1e-4)


@grade(STEADY_STATE, points=1)
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


# so-max-stable-lr


def check_limit(answer, lam, batch_size, name):
    expect_number(
        answer.max_stable_lr(lam, batch_size),
        stable_limit(lam, batch_size),
        name=f"max_stable_lr({name})",
        mistakes=limit_mistakes(lam, batch_size),
    )


@grade(MAX_STABLE_LR, points=2)
def test_max_stable_lr_formula(answer, generator):
    """2 / (lam (1 + 2/B))"""
    for size, low, high in [(5, 0.2, 0.6), (10, 2.0, 5.0), (20, 0.5, 0.9)]:
        lam = uniform(generator, low, high)
        check_limit(answer, lam, size, f"{lam:.3g}, {size}")


@grade(MAX_STABLE_LR, points=1)
def test_max_stable_lr_one_sample(answer, generator):
    """A single sample a step: a third of the full-batch limit"""
    for low, high in [(0.2, 0.8), (3.0, 7.0)]:
        lam = uniform(generator, low, high)
        check_limit(answer, lam, 1, f"{lam:.3g}, 1")


@grade(MAX_STABLE_LR, points=1, hidden=True)
def test_max_stable_lr_large_batch(answer, generator):
    """A huge batch: nearly 2/lam; steep and flat problems; whole numbers"""
    check_limit(answer, uniform(generator, 2.0, 5.0), 1024, "lam, 1024")
    check_limit(answer, uniform(generator, 1e3, 4e3), 6, "lam, 6")
    check_limit(answer, uniform(generator, 1e-3, 4e-3), 6, "lam, 6")
    check_limit(answer, 3, 5, "lam, 5")


@grade(MAX_STABLE_LR, points=1, hidden=True)
def test_max_stable_lr_second_moment(answer, generator):
    """At this rate the mean squared error neither shrinks nor grows"""
    for size in (6, 11, 40):
        lam = uniform(generator, 0.3, 4.0)
        limit = answer.max_stable_lr(lam, size)
        # The number itself is compared first, for a diagnosis; then what it is for.
        name = f"max_stable_lr(lam, {size})"
        expect_number(limit, stable_limit(lam, size), name=name, mistakes=limit_mistakes(lam, size))
        rate = float(limit)
        factor = 1 - 2 * rate * lam + (rate * lam) ** 2 * (1 + 2 / size)
        expect_close(factor, 1.0, name=f"the factor of the mean squared error at {name}", rtol=1e-5)


@grade(MAX_STABLE_LR, points=1)
def test_max_stable_lr_arguments(answer, generator):
    """ValueError for a batch size below one"""
    lam = uniform(generator, 0.5, 2.0)
    limit = answer.max_stable_lr
    if limit(lam, 4) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    for size in (0, -2, -8):
        expect_error(limit, lam, size, names=("batch_size",), what=f"batch size {size}")


# so-strongly-convex-bound


def check_distance(answer, d0_sq, lr, mu, noise_trace, batch_size, steps, name):
    expect_number(
        answer.strongly_convex_bound(d0_sq, lr, mu, noise_trace, batch_size, steps),
        distance_bound(d0_sq, lr, mu, noise_trace, batch_size, steps),
        name=f"strongly_convex_bound(d0_sq, lr, mu, noise_trace, batch_size, steps) with {name}",
        mistakes=distance_mistakes(d0_sq, lr, mu, noise_trace, batch_size, steps),
    )


def convex_run(generator):
    """d0_sq, lr, mu, noise_trace: a floor and a start that both show after a few steps."""
    mu = uniform(generator, 0.3, 0.7)
    return uniform(generator, 6.0, 12.0), uniform(generator, 0.15, 0.4), mu, uniform(generator, 8.0, 20.0)


@grade(STRONGLY_CONVEX_BOUND, points=2)
def test_strongly_convex_bound_formula(answer, generator):
    """(1 - lr mu)^t d0_sq + lr noise_trace / (mu B)"""
    for size, steps in [(4, 3), (7, 9), (12, 5)]:
        check_distance(answer, *convex_run(generator), size, steps, f"B = {size}, steps = {steps}")


@grade(STRONGLY_CONVEX_BOUND, points=1)
def test_strongly_convex_bound_noiseless(answer, generator):
    """Without noise the start fades geometrically"""
    d0_sq, lr, mu, _ = convex_run(generator)
    for steps in (4, 10):
        check_distance(answer, d0_sq, lr, mu, 0.0, 5, steps, f"noise_trace = 0, steps = {steps}")


@grade(STRONGLY_CONVEX_BOUND, points=1)
def test_strongly_convex_bound_ends(answer, generator):
    """No step, many steps, a start at the optimum"""
    d0_sq, lr, mu, noise = convex_run(generator)
    check_distance(answer, d0_sq, lr, mu, noise, 6, 0, "steps = 0")
    check_distance(answer, d0_sq, lr, mu, noise, 6, 5000, "steps = 5000")
    check_distance(answer, 0.0, lr, mu, noise, 6, 7, "d0_sq = 0")


@grade(STRONGLY_CONVEX_BOUND, points=2, hidden=True)
def test_strongly_convex_bound_large_rates(answer, generator):
    """lr mu above one, after an even and an odd number of steps; a batch of one; whole numbers"""
    d0_sq, _, mu, noise = convex_run(generator)
    for steps in (3, 4, 1):
        # Far enough above one that no power of 1 - lr mu fades beside the floor.
        lr = uniform(generator, 1.65, 1.9) / mu
        check_distance(answer, d0_sq, lr, mu, noise, 5, steps, "lr mu above one")
    d0_sq, lr, mu, noise = convex_run(generator)
    check_distance(answer, d0_sq, lr, 6 * mu, noise, 1, 2, "B = 1")
    check_distance(answer, 7, 0.25, 3, 11, 4, 5, "whole numbers")
    named = {"d0_sq": d0_sq, "lr": lr, "mu": mu, "noise_trace": noise, "batch_size": 9, "steps": 6}
    expect_number(
        answer.strongly_convex_bound(**named),
        distance_bound(**named),
        name="strongly_convex_bound(d0_sq=.., lr=.., mu=.., noise_trace=.., batch_size=.., steps=..)",
        mistakes=distance_mistakes(**named),
    )


@grade(STRONGLY_CONVEX_BOUND, points=1)
def test_strongly_convex_bound_arguments(answer, generator):
    """ValueError for batch sizes below one, and for negative steps, lr or noise_trace"""
    d0_sq, lr, mu, noise = convex_run(generator)
    bound = answer.strongly_convex_bound
    if bound(d0_sq, lr, mu, noise, 4, 3) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    for size in (0, -3):
        expect_error(bound, d0_sq, lr, mu, noise, size, 3, names=("batch_size",), what=f"batch size {size}")
    expect_error(bound, d0_sq, lr, mu, noise, 4, -1, names=("steps",), what="steps = -1")
    expect_error(bound, d0_sq, -lr, mu, noise, 4, 3, names=("lr", "learning rate"), what="a negative lr")
    expect_error(bound, d0_sq, lr, mu, -noise, 4, 3, names=("noise_trace",), what="a negative noise_trace")
