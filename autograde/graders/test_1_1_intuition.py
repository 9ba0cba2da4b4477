"""Graders of assignment 1.1 Intuition: minibatch gradients, their variance, SGD, and what they cost.

Every input is drawn from `generator`, every expected value is computed in closed form or by replaying the same
recursion, and nothing is estimated: no test is stochastic beyond its seeded inputs, so the probability that a right
answer fails is zero. Expected values, and the tables of what typical mistakes return on the same input, so that a
failed test can name the mistake, are in `mistakes_1_1_intuition`.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.graders.inputs import columns_first, normal, strided, uniform
from autograde.graders.mistakes_1_1_intuition import (
    RANGES,
    knee_mistakes,
    logistic_gradient,
    logistic_mistakes,
    minibatch_variance,
    noise_to_signal,
    rate_mistakes,
    samples_mistakes,
    samples_seen,
    sgd_mistakes,
    sgd_trajectory,
    variance_mistakes,
    variance_tensors,
)
from autograde.judge.exercise import Exercise, grade
from autograde.judge.expect import (
    AnswerError,
    Mistake,
    expect_close,
    expect_equal,
    expect_error,
    expect_number,
    matches,
    note,
)

MINIBATCH_GRADIENT = Exercise(
    id="so-minibatch-gradient",
    notebook="1_1_intuition",
    title="Gradient of a minibatch",
    functions=("minibatch_gradient",),
    difficulty=2,
    minutes=15,
    concepts=("minibatch estimator",),
)
GRADIENT_VARIANCE = Exercise(
    id="so-gradient-variance",
    notebook="1_1_intuition",
    title="Gradient variance",
    functions=("gradient_variance",),
    difficulty=2,
    minutes=15,
    concepts=("gradient variance",),
)
SGD = Exercise(
    id="so-sgd",
    notebook="1_1_intuition",
    title="SGD with a schedule",
    functions=("sgd",),
    difficulty=2,
    minutes=20,
    concepts=("minibatch estimator", "Robbins-Monro schedule"),
)
SAMPLES_TO_TARGET = Exercise(
    id="so-samples-to-target",
    notebook="1_1_intuition",
    title="Samples to a target loss",
    functions=("samples_to_target",),
    difficulty=1,
    minutes=10,
    concepts=("batch-size scaling",),
)
CRITICAL_BATCH_KNEE = Exercise(
    id="so-critical-batch-knee",
    notebook="1_1_intuition",
    title="The knee: critical batch size",
    functions=("simple_critical_batch",),
    difficulty=2,
    minutes=10,
    concepts=("critical batch size",),
)
ROBBINS_MONRO = Exercise(
    id="so-robbins-monro",
    notebook="1_1_intuition",
    title="A Robbins-Monro schedule",
    functions=("robbins_monro", "satisfies_robbins_monro"),
    difficulty=2,
    minutes=15,
    concepts=("Robbins-Monro schedule",),
)


# so-minibatch-gradient


def logistic_data(generator, n_rows, dim):
    theta, rows = normal(generator, dim), normal(generator, n_rows, dim)
    labels = torch.where(torch.rand(n_rows, generator=generator) < 0.5, -1.0, 1.0).double()
    labels[0] = -1.0  # some mistakes show on one label only
    labels[-1] = 1.0 if n_rows > 1 else -1.0
    return theta, rows, labels


def check_minibatch(answer, theta, rows, labels, idx, name, **tolerance):
    got = answer.minibatch_gradient(theta, rows, labels, idx)
    mistakes = logistic_mistakes(theta, rows, labels, idx)
    expect_close(got, logistic_gradient(theta, rows, labels, idx), name=name, mistakes=mistakes, **tolerance)


@grade(MINIBATCH_GRADIENT, points=2)
def test_minibatch_gradient_formula(answer, generator):
    """Gradient of the mean logistic loss over the rows idx"""
    for n_rows, dim, size in [(12, 3, 5), (40, 6, 16)]:
        theta, rows, labels = logistic_data(generator, n_rows, dim)
        idx = torch.randperm(n_rows, generator=generator)[:size]
        name = f"minibatch_gradient(theta, X, y, idx) with N = {n_rows}, d = {dim}, B = {size}"
        check_minibatch(answer, theta, rows, labels, idx, name)


@grade(MINIBATCH_GRADIENT, points=1)
def test_minibatch_gradient_repeats(answer, generator):
    """A row drawn twice counts twice"""
    theta, rows, labels = logistic_data(generator, 6, 4)
    # One row three times, another twice; then a batch larger than the data.
    first, second, third = torch.randperm(6, generator=generator)[:3].tolist()
    for idx in [[first, second, first, third, first, second], [*range(6), *range(6), first, first, first]]:
        name = "minibatch_gradient(theta, X, y, idx) with repeated rows in idx"
        check_minibatch(answer, theta, rows, labels, torch.tensor(idx), name)


@grade(MINIBATCH_GRADIENT, points=1, hidden=True)
def test_minibatch_gradient_shapes(answer, generator):
    """One coordinate, one row, all rows in another order"""
    for n_rows, dim, size in [(9, 1, 4), (7, 5, 1), (1, 3, 1), (10, 3, 10), (25, 30, 6)]:
        theta, rows, labels = logistic_data(generator, n_rows, dim)
        idx = torch.randperm(n_rows, generator=generator)[:size]
        name = f"minibatch_gradient(theta, X, y, idx) with N = {n_rows}, d = {dim}, B = {size}"
        check_minibatch(answer, theta, rows, labels, idx, name)


@grade(MINIBATCH_GRADIENT, points=1, hidden=True)
def test_minibatch_gradient_stable(answer, generator):
    """Finite and accurate for margins up to 1e4"""
    overflow = "exp of a large margin overflows: use a stable form of the sigmoid, as in `torch.sigmoid`"
    # No margin near zero: beside theta of length 4e3 its rounding would be visible in an answer that works in float32.
    for margins in [
        [-1e4, -900.0, -60.0, -40.0, 35.0, 45.0, 800.0, 1e4],  # some rows right, some wrong
        [-1e4, -5e3, -750.0, -720.0],  # all wrong: the weights are one
        [1e4, 5e3, 900.0, 750.0],  # all right: nothing is left
    ]:
        size, dim = len(margins), 4
        theta, rows, labels = logistic_data(generator, size, dim)
        theta = theta * (4e3 / theta.norm())
        # Move each row along theta until its margin is the one wanted.
        wanted = torch.tensor(margins, dtype=torch.float64) * labels
        rows = rows + torch.outer(wanted - rows @ theta, theta) / theta.square().sum()
        idx = torch.randperm(size, generator=generator)
        try:
            got = answer.minibatch_gradient(theta, rows, labels, idx)
        except AnswerError as failure:
            if isinstance(failure.error, OverflowError):
                raise Mistake(f"OverflowError: {overflow}") from None
            raise
        if isinstance(got, (torch.Tensor, np.ndarray)) and not bool(torch.isfinite(torch.as_tensor(got)).all()):
            raise Mistake(f"NaN or infinite: {overflow}")
        x, y = rows[idx], labels[idx]
        exact = y * (x @ theta)

        def clipped(limit, x=x, y=y, exact=exact):
            return ((-y * torch.sigmoid(-exact.clamp(-limit, limit)))[:, None] * x).mean(dim=0)

        def dropped(limit, x=x, y=y, exact=exact):
            return ((-y * torch.sigmoid(-exact) * (exact > -limit))[:, None] * x).mean(dim=0)

        def dead(limit, x=x, y=y, exact=exact):
            return ((-y * torch.sigmoid(-exact) * (exact.abs() <= limit))[:, None] * x).mean(dim=0)

        mistakes = logistic_mistakes(theta, rows, labels, idx)
        for limit in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0):
            mistakes[f"The margin is clamped at {limit:g}, which changes the result: a stable form needs no clamp"] = (
                lambda limit=limit: clipped(limit)
            )
        for limit in (709.0, 88.0, 50.0, 30.0, 20.0, 10.0):
            mistakes[f"Rows with a margin below -{limit:g} are lost (an overflow turned into 0): each must weigh 1"] = (
                lambda limit=limit: dropped(limit)
            )
            mistakes[f"The gradient is zero for rows with a margin beyond {limit:g}, as behind a clamp"] = (
                lambda limit=limit: dead(limit)
            )
        name = "minibatch_gradient(theta, X, y, idx) with margins up to 1e4"
        expect_close(got, logistic_gradient(theta, rows, labels, idx), name=name, mistakes=mistakes, atol=1e-11)


@grade(MINIBATCH_GRADIENT, points=1)
def test_minibatch_gradient_layouts(answer, generator):
    """float32 input, and views that are not contiguous"""
    theta, rows, labels = logistic_data(generator, 14, 4)
    idx = torch.randint(14, (6,), generator=generator)
    name = "minibatch_gradient(theta, X, y, idx) with strided views"
    check_minibatch(answer, strided(theta), columns_first(rows), strided(labels), strided(idx), name)
    name = "minibatch_gradient(theta, X, y, idx) in float32"
    check_minibatch(answer, theta.float(), rows.float(), labels.float(), idx, name, rtol=1e-4)


@grade(MINIBATCH_GRADIENT, points=1)
def test_minibatch_gradient_arguments(answer, generator):
    """ValueError for shapes that disagree and for an empty idx"""
    theta, rows, labels = logistic_data(generator, 8, 3)
    idx = torch.tensor([1, 4, 2])
    gradient = answer.minibatch_gradient
    if gradient(theta, rows, labels, idx) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    empty = torch.empty(0, dtype=torch.int64)
    expect_error(gradient, theta, rows, labels, empty, names=("idx",), what="an empty idx")
    expect_error(gradient, theta, rows[:, 0], labels, idx, names=("X", "theta"), what="an X with one dimension")
    expect_error(
        gradient, theta[:2], rows, labels, idx, names=("theta", "X"), what="theta of 2 entries with X of 3 columns"
    )
    expect_error(gradient, theta, rows, labels[:5], idx, names=("y", "X", "labels"), what="5 labels y for 8 rows of X")


# so-gradient-variance


def check_variance(answer, per_sample, batch_size, replacement, rtol=None):
    n_rows, dim = per_sample.shape
    got = answer.gradient_variance(per_sample, batch_size, replacement=replacement)
    mistakes = variance_mistakes(per_sample, batch_size, replacement)
    try:
        expect_number(
            got,
            minibatch_variance(per_sample, batch_size, replacement),
            name=f"gradient_variance(per_sample, {batch_size}, replacement={replacement}) with N = {n_rows}, d = {dim}",
            mistakes=mistakes,
            tensors=variance_tensors(per_sample, batch_size, replacement),
            rtol=rtol,
        )
    except Mistake as mistake:
        again = answer.gradient_variance(per_sample, batch_size, replacement=replacement)
        different = type(got) is type(again) is float and got != again and math.isfinite(got)
        if str(mistake) not in mistakes and different:
            raise Mistake(
                "Two equal calls differ: minibatches are drawn at random where a formula is asked for"
            ) from None
        raise


def gradients(generator, n_rows, dim, scale=1.0):
    """Rows with a mean that is not zero and correlated coordinates of unequal size."""
    spread = torch.linspace(0.4, 2.0, dim, dtype=torch.float64) if dim > 1 else torch.ones(1, dtype=torch.float64)
    noise = normal(generator, n_rows, dim) + 0.5 * normal(generator, n_rows, 1)
    return scale * (noise * spread + 0.7 + 0.5 * torch.rand(dim, generator=generator, dtype=torch.float64))


@grade(GRADIENT_VARIANCE, points=2)
def test_gradient_variance_with_replacement(answer, generator):
    """With replacement: trace of the population covariance over B"""
    for n_rows, dim, size in [(10, 3, 4), (24, 5, 7), (6, 2, 20)]:
        check_variance(answer, gradients(generator, n_rows, dim), size, True)
    per_sample = gradients(generator, 10, 3)
    expect_number(
        answer.gradient_variance(per_sample, 4),
        minibatch_variance(per_sample, 4, True),
        name="gradient_variance(per_sample, 4), where replacement is True by default",
        mistakes={
            "The default of `replacement` is True: without the third argument draws are with replacement": (
                minibatch_variance(per_sample, 4, False)
            )
        }
        | variance_mistakes(per_sample, 4, True),
    )


@grade(GRADIENT_VARIANCE, points=2)
def test_gradient_variance_without_replacement(answer, generator):
    """Without replacement: times (N - B)/(N - 1)"""
    for n_rows, dim, size in [(10, 3, 4), (24, 5, 7), (9, 2, 8)]:
        check_variance(answer, gradients(generator, n_rows, dim), size, False)


@grade(GRADIENT_VARIANCE, points=1, hidden=True)
def test_gradient_variance_edges(answer, generator):
    """Batch of one, the whole data set, a single row, a single coordinate"""
    per_sample = gradients(generator, 7, 3)
    for size, replacement in [(1, True), (1, False), (7, True)]:
        check_variance(answer, per_sample, size, replacement)
    expect_number(
        answer.gradient_variance(per_sample, 7, replacement=False),
        0.0,
        name="gradient_variance(per_sample, N, replacement=False)",
        mistakes={
            "With B = N and no replacement every batch is the whole data set, so the variance is 0: "
            "the factor (N - B)/(N - 1) is missing": minibatch_variance(per_sample, 7, True)
        }
        | variance_mistakes(per_sample, 7, False),
        atol=1e-6,
    )
    check_variance(answer, gradients(generator, 8, 1), 3, True)
    check_variance(answer, gradients(generator, 8, 1), 3, False)
    for scale in (1e-3, 1e3):
        check_variance(answer, gradients(generator, 12, 4, scale), 5, True)
    single = "With one row the population variance is 0: dividing by N - 1 = 0 gives NaN"
    expect_number(
        answer.gradient_variance(per_sample[:1], 2),
        0.0,
        name="gradient_variance(per_sample, 2) with N = 1",
        mistakes={single: math.nan} | variance_mistakes(per_sample[:1], 2, True),
        atol=1e-6,
    )


@grade(GRADIENT_VARIANCE, points=1)
def test_gradient_variance_layouts(answer, generator):
    """float32 input, and views that are not contiguous"""
    per_sample = gradients(generator, 11, 4)
    for replacement in (True, False):
        check_variance(answer, columns_first(per_sample), 3, replacement)
        check_variance(answer, strided(per_sample), 3, replacement)
        check_variance(answer, per_sample.float(), 3, replacement, rtol=1e-4)


@grade(GRADIENT_VARIANCE, points=1)
def test_gradient_variance_arguments(answer, generator):
    """ValueError for a batch size that is not positive and for a per_sample that is not a matrix with rows"""
    per_sample = gradients(generator, 6, 3)
    variance = answer.gradient_variance
    if variance(per_sample, 2) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(variance, per_sample, 0, names=("batch_size",), what="batch size 0")
    expect_error(variance, per_sample, -4, names=("batch_size",), what="batch size -4")
    expect_error(variance, per_sample, 0, False, names=("batch_size",), what="batch size 0 without replacement")
    expect_error(variance, per_sample[0], 2, names=("per_sample",), what="a per_sample with one dimension")
    expect_error(variance, per_sample[None], 2, names=("per_sample",), what="a per_sample with three dimensions")
    expect_error(variance, per_sample[:0], 2, names=("per_sample",), what="a per_sample without rows")


# so-sgd


def descent_problem(generator, dim):
    """A gradient oracle without noise that depends on theta and on t, and a start away from the optimum."""
    factor = normal(generator, dim, dim) / dim**0.5
    hessian = factor @ factor.T + 0.5 * torch.eye(dim, dtype=torch.float64)
    optimum, drift = normal(generator, dim), normal(generator, dim)
    theta0 = optimum + 2.0 + torch.rand(dim, generator=generator, dtype=torch.float64)

    def grad(theta, t):
        theta = torch.as_tensor(theta).detach()
        return hessian.to(theta) @ (theta - optimum.to(theta)) + math.sin(1.0 + t) * drift.to(theta)

    return grad, theta0


def check_sgd(answer, grad, theta0, lr, steps, name, **tolerance):
    got = answer.sgd(grad, theta0, lr, steps)
    if isinstance(got, (list, tuple)):
        raise Mistake(f"`{name}` returned a {type(got).__name__}: stack the iterates into one tensor (steps + 1, d)")
    mistakes = sgd_mistakes(grad, theta0, lr, steps)
    expect_close(got, sgd_trajectory(grad, theta0, lr, steps), name=name, mistakes=mistakes, **tolerance)


@grade(SGD, points=2)
def test_sgd_trajectory(answer, generator):
    """The trajectory (steps + 1, d), theta0 first"""
    grad, theta0 = descent_problem(generator, 3)
    peak = uniform(generator, 0.1, 0.2)
    check_sgd(answer, grad, theta0, lambda t: peak, 6, "sgd(grad, theta0, lr, steps=6) with a constant learning rate")
    check_sgd(
        answer, grad, theta0, lambda t: peak / (t + 1), 6, "sgd(grad, theta0, lr, steps=6) with lr(t) = peak/(t + 1)"
    )


@grade(SGD, points=2)
def test_sgd_schedule(answer, generator):
    """The step from theta_t uses lr(t) and grad(theta_t, t)"""
    for warmup, steps in [(3, 8), (2, 5)]:
        grad, theta0 = descent_problem(generator, 4)
        peak = uniform(generator, 0.1, 0.2)

        def lr(t, warmup=warmup, peak=peak):
            return peak * min((t + 1) / warmup, warmup / (t + 1) ** 1.5)

        check_sgd(
            answer, grad, theta0, lr, steps, f"sgd(grad, theta0, lr, steps={steps}) with warmup over {warmup} steps"
        )


@grade(SGD, points=1, hidden=True)
def test_sgd_random_oracle(answer, generator):
    """A random oracle is asked once a step, in order"""
    steps, dim = 7, 3
    smooth, theta0 = descent_problem(generator, dim)
    noise = normal(generator, 4 * steps + 4, dim)
    peak = uniform(generator, 0.1, 0.2)
    calls = []

    def drawing(theta, t):
        # Like a data loader: every call takes the next draw, whatever t says.
        calls.append(t)
        return smooth(theta, t) + noise[(len(calls) - 1) % len(noise)]

    def replayed(theta, t):
        return smooth(theta, t) + noise[t]

    def lr(t):
        return peak / (t + 1) ** 0.5

    name = "sgd(grad, theta0, lr, steps) with a random oracle"
    got = answer.sgd(drawing, theta0, lr, steps)
    expected = sgd_trajectory(replayed, theta0, lr, steps)
    if isinstance(got, (torch.Tensor, np.ndarray)) and len(calls) > steps and not matches(got, expected, name):
        raise Mistake(f"grad is called {len(calls)} times in {steps} steps: a random oracle must be asked once a step")
    expect_close(got, expected, name=name, mistakes=sgd_mistakes(replayed, theta0, lr, steps))


@grade(SGD, points=1)
def test_sgd_sizes(answer, generator):
    """No step, one step, one coordinate"""
    for dim, steps in [(3, 0), (3, 1), (1, 5), (1, 0)]:
        grad, theta0 = descent_problem(generator, dim)
        peak = uniform(generator, 0.1, 0.2)
        name = f"sgd(grad, theta0, lr, steps={steps}) with d = {dim}"
        check_sgd(answer, grad, theta0, lambda t, peak=peak: peak / (t + 2), steps, name)


@grade(SGD, points=1, hidden=True)
def test_sgd_layouts(answer, generator):
    """float32 and strided theta0; the same call again gives the same result"""
    grad, theta0 = descent_problem(generator, 4)

    def lr(t):
        return 0.2 / (t + 1)

    check_sgd(answer, grad, theta0.float(), lr, 5, "sgd(grad, theta0, lr, steps=5) in float32", rtol=1e-4)
    view = strided(theta0)
    for _ in range(2):
        check_sgd(answer, grad, view, lr, 5, "sgd(grad, theta0, lr, steps=5) with a strided theta0")


@grade(SGD, points=1)
def test_sgd_arguments(answer, generator):
    """ValueError for a negative number of steps"""
    grad, theta0 = descent_problem(generator, 2)
    if answer.sgd(grad, theta0, lambda t: 0.1, 2) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(answer.sgd, grad, theta0, lambda t: 0.1, -1, names=("steps",), what="steps = -1")
    expect_error(answer.sgd, grad, theta0, lambda t: 0.1, -5, names=("steps",), what="steps = -5")


# so-samples-to-target


def check_samples(answer, cases, container=list):
    """Compare on `cases`, tuples (losses, batch_size, target); `container` makes of a list what the answer gets.

    Small whole numbers coincide easily, so the mistake that is named is the one that explains most of the results.
    """
    results = []
    for losses, batch_size, target in cases:
        got = answer.samples_to_target(container(losses), batch_size, target)
        results.append(got.item() if isinstance(got, (torch.Tensor, np.generic)) and got.ndim == 0 else got)
    tables = [samples_mistakes(*case) for case in cases]
    expected = [samples_seen(*case) for case in cases]
    wrong = [index for index, (got, want) in enumerate(zip(results, expected, strict=True)) if not alike(got, want)]

    def explained(sentence, indices):
        return sum(alike(results[i], tables[i].get(sentence, expected[i])) for i in indices)

    for index, (got, want) in enumerate(zip(results, expected, strict=True)):
        losses, batch_size, target = cases[index]
        shown = ", ".join(f"{loss:.3g}" for loss in losses[:6]) + (", ..." if len(losses) > 6 else "")
        # The sentence must explain this result and most of the others.
        fitting = [s for s in tables[index] if explained(s, [index]) and 2 * explained(s, wrong) > len(wrong)]
        best = max(fitting, key=lambda sentence: explained(sentence, range(len(cases))), default=None)
        name = f"samples_to_target([{shown}], {batch_size}, {target:.3g})"
        expect_equal(got, want, name=name, mistakes={best: tables[index][best]} if best else {})


def alike(got, value):
    """Equal as plain values, where NaN equals NaN and a truth value is no number."""
    if isinstance(got, float) and math.isnan(got):
        return isinstance(value, float) and math.isnan(value)
    return (type(got) is bool) == (type(value) is bool) and type(got) in (int, float, bool, type(None)) and got == value


def noisy_curve(generator, length):
    """Falling losses whose noise makes them come back above any level."""
    curve = 3.0 * torch.exp(-0.25 * torch.arange(length, dtype=torch.float64)) + 0.5
    return (curve + 0.3 * torch.rand(length, generator=generator, dtype=torch.float64)).tolist()


def as_tensor(losses):
    return torch.tensor(losses, dtype=torch.float64)


@grade(SAMPLES_TO_TARGET, points=2)
def test_samples_to_target_first(answer, generator):
    """Steps to the first loss <= target, times the batch size"""
    level = uniform(generator, 0.6, 0.8)
    falling = [5 * level, 4 * level, 3 * level, 2 * level, 1.5 * level, 0.9 * level, 0.5 * level]
    # In the last two the loss equals the target: these numbers are exact in binary.
    exact = [3.0, 2.25, 1.5, 0.75, 1.25]
    cases = [
        (falling, 32, level),
        (falling, 7, 2.5 * level),
        (falling, 10, 0.6 * level),
        (exact, 16, 1.5),
        (exact, 20, 2.25),
    ]
    check_samples(answer, cases)


@grade(SAMPLES_TO_TARGET, points=1, hidden=True)
def test_samples_to_target_noisy(answer, generator):
    """A loss that rises above the target again"""
    cases = [([4.0, 1.5, 3.0, 3.5, 0.5, 1.0, 6.0], 10, 2.0), ([4.0, math.inf, 3.0, 1.0, 2.5], 4, 2.0)]
    for batch_size in (8, 5):
        losses = noisy_curve(generator, 14)
        target = losses[6]
        losses[9], losses[12], losses[13] = 2 * target, 0.4 * target, 3 * target
        cases += [(losses, batch_size, target), (losses[:13], batch_size, target)]
    check_samples(answer, cases)


@grade(SAMPLES_TO_TARGET, points=1)
def test_samples_to_target_ends(answer, generator):
    """No step needed gives 0, a target never met gives None"""
    start = uniform(generator, 1.0, 2.0)
    cases = [
        ([start, 0.8 * start, 0.5 * start], 64, start + 0.5),
        ([start, 2.0 * start, 1.5 * start, 0.5 * start], 64, start),
        ([start], 64, 2 * start),
        ([start, 0.8 * start, 0.7 * start, 0.75 * start], 64, 0.5 * start),
        ([start], 64, 0.5 * start),
        # Losses can be negative (a log density), and so can targets.
        ([start, 0.0, -start, -2 * start], 3, -1.5 * start),
    ]
    check_samples(answer, cases)


@grade(SAMPLES_TO_TARGET, points=1)
def test_samples_to_target_containers(answer, generator):
    """losses as a list or as a tensor"""
    for container in (list, as_tensor, lambda losses: strided(as_tensor(losses))):
        losses = noisy_curve(generator, 9)
        check_samples(answer, [(losses, 12, losses[5] + 1e-9), (losses, 12, losses[7]), (losses, 12, 0.1)], container)


@grade(SAMPLES_TO_TARGET, points=1)
def test_samples_to_target_arguments(answer, generator):
    """ValueError for empty losses and for a batch size that is not positive"""
    samples = answer.samples_to_target
    start = uniform(generator, 1.0, 2.0)
    samples([start, 0.5 * start], 4, 0.7 * start)
    expect_error(samples, [], 4, start, names=("losses",), what="empty losses")
    expect_error(
        samples, torch.empty(0, dtype=torch.float64), 4, start, names=("losses",), what="an empty tensor of losses"
    )
    expect_error(samples, [start, 0.5 * start], 0, 0.7 * start, names=("batch_size",), what="batch size 0")
    expect_error(samples, [start, 0.5 * start], -8, 0.7 * start, names=("batch_size",), what="batch size -8")


# so-critical-batch-knee


def check_knee(answer, per_sample, **tolerance):
    n_rows, dim = per_sample.shape
    g = per_sample.double()
    mean = g.mean(dim=0)
    variances = (g - mean).square().mean(dim=0)
    expect_number(
        answer.simple_critical_batch(per_sample),
        noise_to_signal(per_sample),
        name=f"simple_critical_batch(per_sample) with N = {n_rows}, d = {dim}",
        mistakes=knee_mistakes(per_sample),
        tensors={
            "One ratio a coordinate, shape (d,), came back: sum the variances and the squares first, then divide": (
                variances / mean.square()
            ),
            "One number a coordinate, shape (d,), came back: the trace is the sum of the variances": (
                variances / mean.square().sum()
            ),
            "The whole covariance matrix (d, d) is divided by the squared norm: take its trace first": (
                (g - mean).T @ (g - mean) / n_rows / mean.square().sum()
            ),
        },
        **tolerance,
    )


@grade(CRITICAL_BATCH_KNEE, points=2)
def test_critical_batch_formula(answer, generator):
    """tr(Cov) / norm(mean)^2 with the population covariance"""
    for n_rows, dim in [(8, 3), (20, 6), (5, 4)]:
        check_knee(answer, gradients(generator, n_rows, dim))


@grade(CRITICAL_BATCH_KNEE, points=1, hidden=True)
def test_critical_batch_shapes(answer, generator):
    """One coordinate, many coordinates, large and small gradients"""
    for n_rows, dim, scale in [(9, 1, 1.0), (3, 25, 1.0), (12, 4, 100.0), (12, 4, 1e-3)]:
        check_knee(answer, gradients(generator, n_rows, dim, scale))


@grade(CRITICAL_BATCH_KNEE, points=1)
def test_critical_batch_extremes(answer, generator):
    """A zero mean gradient gives inf, rows that all agree give 0"""
    # Whole numbers in pairs of opposite sign: the mean is exactly zero in any order of summation.
    half = torch.randint(1, 9, (4, 3), generator=generator).double()
    expected = "The mean gradient is zero: return float('inf')"
    try:
        got = answer.simple_critical_batch(torch.cat([half, -half]))
    except AnswerError as failure:
        if isinstance(failure.error, (ZeroDivisionError, ValueError)):
            raise Mistake(f"{expected} instead of raising {type(failure.error).__name__}") from None
        raise
    if got is None:
        raise Mistake(f"{expected}, not None")
    if type(got) in (float, int) and got != math.inf:
        found = "a large number" if math.isfinite(got) and got > 1e3 else f"{got:.6g}"
        raise Mistake(f"{expected}, not {found}")
    expect_close(got, math.inf, name="simple_critical_batch(per_sample) with mean zero")
    row = torch.randint(1, 9, (1, 4), generator=generator).double()
    single = "With one row the population variance is 0: dividing by N - 1 = 0 gives NaN"
    mistakes = {single: math.nan}
    for per_sample, name in [
        (row.repeat(4, 1), "simple_critical_batch(per_sample) with four equal rows"),
        (row, "simple_critical_batch(per_sample) with one row"),
    ]:
        table = mistakes if len(per_sample) == 1 else {}
        got = answer.simple_critical_batch(per_sample)
        expect_close(got, 0.0, name=name, mistakes=table | knee_mistakes(per_sample), atol=1e-6)


@grade(CRITICAL_BATCH_KNEE, points=1)
def test_critical_batch_layouts(answer, generator):
    """float32 input, and views that are not contiguous"""
    per_sample = gradients(generator, 13, 3)
    check_knee(answer, columns_first(per_sample))
    check_knee(answer, strided(per_sample))
    check_knee(answer, per_sample.float(), rtol=1e-4)


@grade(CRITICAL_BATCH_KNEE, points=1)
def test_critical_batch_arguments(answer, generator):
    """ValueError for a per_sample that is not a matrix with rows"""
    per_sample = gradients(generator, 6, 3)
    knee = answer.simple_critical_batch
    if knee(per_sample) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(knee, per_sample[0], names=("per_sample",), what="a per_sample with one dimension")
    expect_error(knee, per_sample[None], names=("per_sample",), what="a per_sample with three dimensions")
    expect_error(knee, per_sample[:0], names=("per_sample",), what="a per_sample without rows")


# so-robbins-monro

STEPS = (0, 1, 2, 3, 7, 20, 100, 1000)


def rates(schedule, steps, c, t0, power, name):
    """The values of a returned schedule at `steps`, each checked to be a number."""
    if not callable(schedule) or isinstance(schedule, torch.Tensor):
        kind = type(schedule).__name__
        returned = "None: is `return` missing?" if schedule is None else f"a {kind}: return a function that takes t"
        raise Mistake(f"`{name}` returned {returned}")
    values = []
    for t in steps:
        try:
            value = schedule(t)
        except AnswerError as failure:
            if isinstance(failure.error, ZeroDivisionError):
                raise Mistake(
                    f"{failure}: the denominator (t + t0)**power is positive at t = {t}, is the offset t0 missing?"
                ) from None
            raise
        # With any value in tolerance, `expect_close` checks no more than that it is a number.
        expect_close(value, c / (t + t0) ** power, name=f"{name}({t})", rtol=math.inf, atol=math.inf)
        values.append(float(value))
    return torch.tensor(values, dtype=torch.float64)


def check_rates(answer, c, t0, power, steps=STEPS):
    name = f"robbins_monro({c:.3g}, {t0:.3g}, power={power:.3g})"
    steps = [t for t in steps if t + t0 > 0]
    got = rates(answer.robbins_monro(c, t0, power=power), steps, c, t0, power, name)
    expected = torch.tensor([c / (t + t0) ** power for t in steps], dtype=torch.float64)
    compare_rates(got, expected, steps, f"{name}(t)", rate_mistakes(c, t0, power, steps))


def compare_rates(got, expected, steps, name, mistakes):
    # Small late rates must not hide behind a large first one, so every step is compared relative to its own rate.
    relative = {sentence: (lambda value=value: value() / expected) for sentence, value in mistakes.items()}
    try:
        expect_close(got / expected, torch.ones_like(expected), name=name, mistakes=relative)
    except Mistake as mistake:
        if str(mistake) in mistakes:
            raise
        if bool(((got / expected - 1).abs() <= 2e-6).all()):
            note(f"`{name}` is accurate to about six digits: was it computed in float32?")
            return
        worst = int((got / expected - 1).abs().nan_to_num(nan=math.inf).argmax())
        ratio = got[worst] / expected[worst]
        raise Mistake(f"`{name}` is {ratio:.6g} times c / (t + t0)**power at t = {steps[worst]}") from None


@grade(ROBBINS_MONRO, points=2)
def test_robbins_monro_rates(answer, generator):
    """The rate is c / (t + t0)**power, and power is 1 by default"""
    for t0, power in [(10, 0.75), (3, 0.6), (5, 1.0)]:
        check_rates(answer, uniform(generator, 0.5, 3.0), t0, power)
    c, t0 = uniform(generator, 0.5, 3.0), 4
    name = f"robbins_monro({c:.3g}, {t0})"
    got = rates(answer.robbins_monro(c, t0), STEPS, c, t0, 1.0, name)
    half = "The default of `power` is 1.0"
    mistakes = {f"{half}, not {power:g}": [c / (t + t0) ** power for t in STEPS] for power in (0.5, 0.75, 2.0, 0.0)}
    mistakes = {
        sentence: (lambda value=value: torch.tensor(value, dtype=torch.float64)) for sentence, value in mistakes.items()
    }
    expected = torch.tensor([c / (t + t0) for t in STEPS], dtype=torch.float64)
    compare_rates(got, expected, STEPS, f"{name}(t)", mistakes | rate_mistakes(c, t0, 1.0, STEPS))


@grade(ROBBINS_MONRO, points=1, hidden=True)
def test_robbins_monro_parameters(answer, generator):
    """Other powers and offsets: t0 a fraction, t0 = 0 from step 1 on, powers outside the Robbins-Monro range"""
    for t0, power in [
        (uniform(generator, 1.2, 8.0), uniform(generator, 0.55, 0.95)),
        (0, 0.8),
        (0.5, 1.0),
        (2, 0.3),
        (2, 1.7),
    ]:
        check_rates(answer, uniform(generator, 0.01, 0.4), t0, power)
    check_rates(answer, uniform(generator, 20.0, 50.0), 3, 0.7)


@grade(ROBBINS_MONRO, points=1, hidden=True)
def test_robbins_monro_calls(answer, generator):
    """Steps in any order, the same step twice, two schedules at once"""
    c, t0, power = uniform(generator, 0.5, 3.0), 6, 0.7
    first, second = answer.robbins_monro(c, t0, power), answer.robbins_monro(2 * c, t0 + 3, 0.9)
    for steps in [(0, 1, 2), (5, 2, 9, 2, 0), (1000, 0)]:
        expected = torch.tensor([c / (t + t0) ** power for t in steps], dtype=torch.float64)
        rates(second, steps, 2 * c, t0 + 3, 0.9, "second schedule")
        got = rates(first, steps, c, t0, power, "schedule")
        counted = "The schedule counts its own calls: the rate must depend on the t it is given"
        if steps != (0, 1, 2) and not matches(got, expected, "schedule"):
            in_order = rates(answer.robbins_monro(c, t0, power), range(3), c, t0, power, "schedule")
            if matches(
                in_order, torch.tensor([c / (t + t0) ** power for t in range(3)], dtype=torch.float64), "schedule"
            ):
                raise Mistake(counted)
        shared = "Two schedules share their settings: each must keep the c, t0 and power it was built with"
        mistakes = {
            shared: lambda steps=steps: torch.tensor([2 * c / (t + t0 + 3) ** 0.9 for t in steps], dtype=torch.float64)
        }
        compare_rates(got, expected, steps, "schedule(t)", mistakes | rate_mistakes(c, t0, power, steps))


@grade(ROBBINS_MONRO, points=1)
def test_robbins_monro_arguments(answer, generator):
    """ValueError for a negative t0 when built, and where t + t0 <= 0 when called"""
    build, c = answer.robbins_monro, uniform(generator, 0.5, 2.0)
    if not callable(build(c, 2)):
        raise Mistake("`robbins_monro` must return a function that takes t")
    expect_error(build, c, -1, names=("t0",), what="t0 = -1")
    expect_error(build, c, -0.5, 0.8, names=("t0",), what="t0 = -0.5")
    try:
        schedule = build(c, 0)
    except AnswerError as failure:
        if isinstance(failure.error, ValueError):
            raise Mistake(
                "refused t0 = 0 when the schedule was built: it is undefined at t = 0 only, so raise at that call"
            ) from None
        raise
    expect_error(schedule, 0, names=("t", "t0", "step"), what="t = 0 with t0 = 0, where the rate is undefined,")
    expect_error(build(c, 2), -3, names=("t", "t0", "step"), what="t = -3 with t0 = 2, where t + t0 <= 0,")


# Well inside and outside; the two ends and close neighbours.
INTERIOR = (-1.0, 0.0, 0.1, 0.3, 0.45, 0.55, 0.6, 0.75, 0.9, 0.97, 1.05, 1.3, 2.0, 3.0)
ENDS = (0.5, 0.5 - 1e-6, 0.5 + 1e-6, 1.0, 1, 1.0 - 1e-6, 1.0 + 1e-6)


def check_range(answer, powers):
    """Compare on `powers`; a failure is explained by the answers on all powers together."""
    everything = list(INTERIOR) + list(ENDS)
    got = {power: answer.satisfies_robbins_monro(power) for power in everything}
    for power in powers:
        try:
            expect_equal(got[power], 0.5 < power <= 1, name=f"satisfies_robbins_monro({power!r})")
        except Mistake as failure:
            for sentence, rule in RANGES.items():
                if all(answered(got[p]) is bool(rule(p)) for p in everything):
                    raise Mistake(sentence) from None
            raise failure from None


def answered(value):
    """True, False, or None for anything that is not a truth value."""
    if type(value) in (torch.Tensor, np.ndarray) and value.ndim == 0:
        value = value.item()
    return bool(value) if type(value) in (bool, np.bool_) else None


@grade(ROBBINS_MONRO, points=1)
def test_satisfies_robbins_monro_inside(answer):
    """satisfies_robbins_monro well inside and well outside the range"""
    check_range(answer, INTERIOR)


@grade(ROBBINS_MONRO, points=1, hidden=True)
def test_satisfies_robbins_monro_ends(answer):
    """satisfies_robbins_monro at the two ends of the range"""
    check_range(answer, ENDS)
