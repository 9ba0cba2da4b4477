"""Graders of assignment 1.2 Formal definitions: risks, a confidence interval, a bias test, importance weights.

Every input is drawn from `generator` and every expected value is computed in closed form in float64: no test is
stochastic beyond its seeded inputs, so the probability that a right answer fails is zero. The row numbers of a
minibatch and the samples of an interval are inputs too, never drawn by the answer. Expected values and the tables of
what typical mistakes return are in `mistakes_1_2_formal_definitions`.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.graders.inputs import columns_first, normal, strided, uniform
from autograde.graders.mistakes_1_2_formal_definitions import (
    bias_mistakes,
    importance_mistakes,
    logistic_risk,
    mean_and_half_width,
    mean_mistakes,
    risk_mistakes,
    risk_tensors,
    unstable_mistakes,
    weighted_gradient,
    width_mistakes,
    z_scores,
)
from autograde.judge.exercise import Exercise, grade
from autograde.judge.expect import AnswerError, Mistake, expect_close, expect_error, expect_number

EMPIRICAL_RISK = Exercise(
    id="so-empirical-risk",
    notebook="1_2_formal_definitions",
    title="Empirical risk",
    functions=("empirical_risk",),
    difficulty=2,
    minutes=15,
    concepts=("empirical risk",),
)
POPULATION_RISK = Exercise(
    id="so-population-risk",
    notebook="1_2_formal_definitions",
    title="Population risk with an error bar",
    functions=("population_risk",),
    difficulty=2,
    minutes=15,
    concepts=("population risk", "stochastic objective"),
)
BIAS_TEST = Exercise(
    id="so-bias-test",
    notebook="1_2_formal_definitions",
    title="A test for bias",
    functions=("bias_z",),
    difficulty=2,
    minutes=10,
    concepts=("unbiased gradient oracle",),
)
IMPORTANCE_SAMPLING = Exercise(
    id="so-importance-sampling",
    notebook="1_2_formal_definitions",
    title="Importance sampling",
    functions=("importance_gradient",),
    difficulty=3,
    minutes=15,
    concepts=("importance sampling",),
)


# so-empirical-risk


def labelled_data(generator, n_rows, dim):
    """theta, rows and labels of both kinds; entries of theta are of unequal size, so that no norm equals another."""
    theta, rows = normal(generator, dim) + 0.3, normal(generator, n_rows, dim)
    labels = torch.where(torch.rand(n_rows, generator=generator) < 0.6, 1.0, -1.0).double()
    labels[0], labels[-1] = -1.0, 1.0
    return theta, rows, labels


def check_risk(answer, theta, rows, labels, l2, name, rtol=None, **how):
    """Compare; the arguments after `labels` are handed over as `how` says, by default l2 by name."""
    got = answer.empirical_risk(theta, rows, labels, **(how or {"l2": l2}))
    expect_number(
        got,
        logistic_risk(theta, rows, labels, l2),
        name=name,
        mistakes=risk_mistakes(theta, rows, labels, l2, rtol or 1e-6),
        tensors=risk_tensors(theta, rows, labels, l2),
        rtol=rtol,
    )


@grade(EMPIRICAL_RISK, points=2)
def test_empirical_risk_loss(answer, generator):
    """Mean logistic loss, without a penalty"""
    for n_rows, dim in [(9, 4), (31, 7)]:
        theta, rows, labels = labelled_data(generator, n_rows, dim)
        name = f"empirical_risk(theta, X, y) with N = {n_rows}, d = {dim}"
        expect_number(
            answer.empirical_risk(theta, rows, labels),
            logistic_risk(theta, rows, labels, 0.0),
            name=name,
            mistakes=risk_mistakes(theta, rows, labels, 0.0)
            | {
                f"The default of `l2` is 0, not {l2:g}: without a fourth argument there is no penalty": (
                    logistic_risk(theta, rows, labels, l2)
                )
                for l2 in (1.0, 0.1, 0.01, 1e-3, 1e-4)
            },
            tensors=risk_tensors(theta, rows, labels, 0.0),
        )
        check_risk(answer, theta, rows, labels, 0.0, name.replace("y)", "y, l2=0.0)"))


@grade(EMPIRICAL_RISK, points=2)
def test_empirical_risk_penalty(answer, generator):
    """Plus l2/2 norm(theta)^2"""
    for n_rows, dim in [(8, 3), (23, 5)]:
        theta, rows, labels = labelled_data(generator, n_rows, dim)
        l2 = uniform(generator, 0.3, 0.8)
        check_risk(answer, theta, rows, labels, l2, f"empirical_risk(theta, X, y, l2={l2:.3g}) with N = {n_rows}")
    theta, rows, labels = labelled_data(generator, 6, 4)
    check_risk(answer, theta, rows, labels, 3, "empirical_risk(theta, X, y, l2=3)")


@grade(EMPIRICAL_RISK, points=1, hidden=True)
def test_empirical_risk_shapes(answer, generator):
    """One coordinate, one row, more columns than rows, one class only"""
    for n_rows, dim in [(7, 1), (1, 4), (5, 12)]:
        theta, rows, labels = labelled_data(generator, n_rows, dim)
        l2 = uniform(generator, 0.05, 0.2)
        name = f"empirical_risk(theta, X, y, l2) with N = {n_rows}, d = {dim}"
        check_risk(answer, theta, rows, labels, l2, name)
    theta, rows, labels = labelled_data(generator, 10, 3)
    for sign in (1.0, -1.0):
        name = f"empirical_risk(theta, X, y, l2) with all labels {sign:+g}"
        check_risk(answer, theta, rows, torch.full_like(labels, sign), 0.25, name)


@grade(EMPIRICAL_RISK, points=1)
def test_empirical_risk_stable(answer, generator):
    """Finite and accurate for margins up to 1e4"""
    overflow = "exp of a large number overflows, or log of 0 is taken: use a stable form such as `torch.logaddexp`"
    for wanted in [
        [-1e4, -900.0, -120.0, -60.0, 25.0, 45.0, 800.0, 1e4],  # rows of both kinds
        [-1e4, -5e3, -750.0, -95.0, -720.0],  # all wrong: the loss is minus the margin
        [1e4, 5e3, 900.0, 750.0, 120.0],  # all right: nothing is left
    ]:
        theta, rows, labels = labelled_data(generator, len(wanted), 4)
        theta = theta * (400.0 / theta.norm())
        l2 = uniform(generator, 1e-3, 4e-3)
        # Move each row along theta until its margin is the one wanted.
        wanted = torch.tensor(wanted, dtype=torch.float64)
        rows = rows + torch.outer(wanted * labels - rows @ theta, theta) / theta.square().sum()
        try:
            got = answer.empirical_risk(theta, rows, labels, l2=l2)
        except AnswerError as failure:
            # math.log(0.0) raises a ValueError, math.exp of a large number an OverflowError.
            if isinstance(failure.error, (OverflowError, ValueError)):
                raise Mistake(f"{type(failure.error).__name__}: {overflow}") from None
            raise
        if type(got) in (float, np.float64, torch.Tensor) and not math.isfinite(torch.as_tensor(got).double().sum()):
            raise Mistake(f"NaN or infinite: {overflow}")
        margins = labels * (rows @ theta)
        penalty = 0.5 * l2 * theta.square().sum()
        expect_number(
            got,
            logistic_risk(theta, rows, labels, l2),
            name="empirical_risk(theta, X, y, l2) with margins up to 1e4",
            mistakes=unstable_mistakes(margins, labels, penalty) | risk_mistakes(theta, rows, labels, l2),
            tensors=risk_tensors(theta, rows, labels, l2),
        )


@grade(EMPIRICAL_RISK, points=1)
def test_empirical_risk_layouts(answer, generator):
    """float32 input, views that are not contiguous, l2 without its name"""
    theta, rows, labels = labelled_data(generator, 13, 4)
    name = "empirical_risk(theta, X, y, l2) with strided views"
    check_risk(answer, strided(theta), columns_first(rows), strided(labels), 0.3, name)
    name = "empirical_risk(theta, X, y, l2) in float32"
    check_risk(answer, theta.float(), rows.float(), labels.float(), 0.3, name, rtol=1e-4)
    expect_number(
        answer.empirical_risk(theta, rows, labels, 0.7),
        logistic_risk(theta, rows, labels, 0.7),
        name="empirical_risk(theta, X, y, 0.7)",
        mistakes=risk_mistakes(theta, rows, labels, 0.7),
    )


@grade(EMPIRICAL_RISK, points=1)
def test_empirical_risk_arguments(answer, generator):
    """ValueError for shapes that disagree and for no rows"""
    theta, rows, labels = labelled_data(generator, 8, 3)
    risk = answer.empirical_risk
    if risk(theta, rows, labels, l2=0.1) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(risk, theta, rows[:, 0], labels, names=("X", "theta"), what="an X with one dimension")
    expect_error(risk, theta[:2], rows, labels, names=("theta", "X"), what="theta of 2 entries with X of 3 columns")
    expect_error(risk, theta, rows, labels[:5], names=("y", "X", "labels"), what="5 labels y for 8 rows of X")
    expect_error(risk, theta, rows[:0], labels[:0], names=("X", "y"), what="an X without rows")


# so-population-risk


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


@grade(POPULATION_RISK, points=1)
def test_population_risk_mean(answer, generator):
    """The mean of the losses comes first"""
    for n in (11, 40):
        check_mean(answer, fresh_losses(generator, n))
    check_mean(answer, fresh_losses(generator, 6), uniform(generator, 0.7, 0.9))


@grade(POPULATION_RISK, points=2)
def test_population_risk_half_width(answer, generator):
    """Half-width at 95 %: normal quantile times the n - 1 standard error"""
    for n in (7, 30):
        check_width(answer, fresh_losses(generator, n))
    check_width(answer, fresh_losses(generator, 5), 0.95)


@grade(POPULATION_RISK, points=2)
def test_population_risk_confidence(answer, generator):
    """Half-width at other confidences"""
    for n, low, high in [(8, 0.55, 0.8), (20, 0.82, 0.93), (35, 0.965, 0.995)]:
        check_width(answer, fresh_losses(generator, n), uniform(generator, low, high))


@grade(POPULATION_RISK, points=1, hidden=True)
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


@grade(POPULATION_RISK, points=1)
def test_population_risk_layouts(answer, generator):
    """float32 input, and views that are not contiguous"""
    losses = fresh_losses(generator, 14)
    c = uniform(generator, 0.6, 0.9)
    check_mean(answer, strided(losses), c)
    check_width(answer, strided(losses), c)
    check_mean(answer, losses.float(), c, rtol=1e-4)
    check_width(answer, losses.float(), c, rtol=1e-4)


@grade(POPULATION_RISK, points=1)
def test_population_risk_arguments(answer, generator):
    """ValueError for no losses and for a matrix of them"""
    losses = fresh_losses(generator, 6)
    risk = answer.population_risk
    if risk(losses) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(risk, losses[:0], names=("loss_samples",), what="no losses")
    expect_error(risk, losses.reshape(2, 3), names=("loss_samples",), what="a matrix of losses")


# so-bias-test


def noisy_estimates(generator, n, dim, scale=1.0):
    """Estimates and a truth that is missed by one or a few standard errors, differently in every coordinate."""
    spread = torch.linspace(0.5, 2.5, dim, dtype=torch.float64) if dim > 1 else torch.full((1,), 1.5).double()
    truth = normal(generator, dim) + 1.7
    bias = spread * (0.3 + 0.5 * torch.rand(dim, generator=generator, dtype=torch.float64))
    bias[::2] *= -1.0
    estimates = truth + bias + spread * (normal(generator, n, dim) + 0.3 * normal(generator, n, 1))
    return scale * estimates, scale * truth


def check_bias(answer, estimates, truth, name, rtol=None):
    n, dim = estimates.shape
    expect_close(
        answer.bias_z(estimates, truth),
        z_scores(estimates, truth),
        name=f"bias_z(estimates, truth) with {name or f'n = {n}, d = {dim}'}",
        mistakes=bias_mistakes(estimates, truth, rtol or 1e-6),
        rtol=rtol,
    )


@grade(BIAS_TEST, points=2)
def test_bias_z_formula(answer, generator):
    """(mean - truth) over the n - 1 standard error"""
    for n, dim in [(7, 3), (18, 5)]:
        check_bias(answer, *noisy_estimates(generator, n, dim), "")


@grade(BIAS_TEST, points=1)
def test_bias_z_spreads(answer, generator):
    """Each coordinate is measured against its own spread, with its sign"""
    estimates, truth = noisy_estimates(generator, 12, 4)
    scales = torch.tensor([1.0, 30.0, 0.02, 4.0], dtype=torch.float64)
    scales = scales[torch.randperm(4, generator=generator)]
    check_bias(answer, estimates * scales, truth * scales, "coordinates of very different size")
    # The same draws about a truth on the other side.
    mirrored = 2 * estimates.mean(dim=0) - truth
    check_bias(answer, estimates, mirrored, "the truth on the other side")


@grade(BIAS_TEST, points=1, hidden=True)
def test_bias_z_shapes(answer, generator):
    """Two draws, one coordinate, more coordinates than draws, many draws"""
    for n, dim in [(2, 3), (9, 1), (5, 21), (300, 2)]:
        check_bias(answer, *noisy_estimates(generator, n, dim), "")


@grade(BIAS_TEST, points=1, hidden=True)
def test_bias_z_sizes(answer, generator):
    """Small and large gradients, and a truth of zero"""
    for scale in (1e-6, 1e4):
        check_bias(answer, *noisy_estimates(generator, 10, 3, scale), f"gradients of the order {scale:g}")
    estimates, truth = noisy_estimates(generator, 8, 3)
    check_bias(answer, estimates - truth, torch.zeros_like(truth), "truth zero, as at an optimum")


@grade(BIAS_TEST, points=1)
def test_bias_z_layouts(answer, generator):
    """float32 input, and views that are not contiguous"""
    estimates, truth = noisy_estimates(generator, 11, 4)
    check_bias(answer, columns_first(estimates), strided(truth), "a transposed view")
    check_bias(answer, strided(estimates), truth, "a strided view")
    check_bias(answer, estimates.float(), truth.float(), "float32 input", rtol=2e-4)


@grade(BIAS_TEST, points=1)
def test_bias_z_arguments(answer, generator):
    """ValueError for estimates that are no matrix or have no rows, and for a truth of another shape"""
    estimates, truth = noisy_estimates(generator, 6, 3)
    z = answer.bias_z
    if z(estimates, truth) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(z, estimates[0], truth, names=("estimates",), what="estimates with one dimension")
    expect_error(z, estimates[:0], truth, names=("estimates",), what="no estimates")
    expect_error(z, estimates, truth[:2], names=("truth", "estimates"), what="a truth of 2 entries with d = 3")
    expect_error(z, estimates, truth[:1], names=("truth", "estimates"), what="a truth of 1 entry with d = 3")


# so-importance-sampling


def sampling_problem(generator, n_rows, dim, steepness=1.0):
    """Gradients with a mean that is not zero, and probabilities that differ by a factor of about exp(2 steepness)."""
    per_sample = normal(generator, n_rows, dim) + 0.8
    p = torch.exp(steepness * (2 * torch.rand(n_rows, generator=generator, dtype=torch.float64) - 1))
    return per_sample, p / p.sum()


def check_importance(answer, per_sample, p, idx, name, rtol=None):
    name = f"importance_gradient(per_sample, p, idx) with {name}"
    expect_close(
        answer.importance_gradient(per_sample, p, idx),
        weighted_gradient(per_sample, p, idx),
        name=name,
        mistakes=importance_mistakes(per_sample, p, idx, rtol or 1e-6),
        rtol=rtol,
    )


@grade(IMPORTANCE_SAMPLING, points=2)
def test_importance_gradient_formula(answer, generator):
    """Mean over the drawn rows of g / (N p)"""
    for n_rows, dim, size in [(9, 3, 5), (20, 6, 8)]:
        per_sample, p = sampling_problem(generator, n_rows, dim)
        idx = torch.randperm(n_rows, generator=generator)[:size]
        check_importance(answer, per_sample, p, idx, f"N = {n_rows}, d = {dim}, B = {size}")


@grade(IMPORTANCE_SAMPLING, points=1)
def test_importance_gradient_repeats(answer, generator):
    """A row drawn twice counts twice"""
    per_sample, p = sampling_problem(generator, 7, 4)
    first, second, third = torch.randperm(7, generator=generator)[:3].tolist()
    for idx in [[first, second, first, third, first, second], [*range(7), first, first, second, third]]:
        check_importance(answer, per_sample, p, torch.tensor(idx), "repeated rows in idx")


@grade(IMPORTANCE_SAMPLING, points=1, hidden=True)
def test_importance_gradient_steep(answer, generator):
    """Probabilities from tiny to large, and rows that are never drawn"""
    for steepness in (2.5, 5.0):
        per_sample, p = sampling_problem(generator, 12, 3, steepness)
        order = p.argsort()
        # The rarest row, the most frequent ones, and some in between.
        idx = order[torch.tensor([0, 11, 10, 11, 5, 3])]
        check_importance(answer, per_sample, p, idx, "probabilities of very different size")
    per_sample, p = sampling_problem(generator, 8, 3)
    zero = torch.randperm(8, generator=generator)
    p[zero[:2]] = 0.0
    check_importance(answer, per_sample, p / p.sum(), zero[torch.tensor([3, 7, 2, 5, 3])], "p = 0 for rows not in idx")


@grade(IMPORTANCE_SAMPLING, points=1, hidden=True)
def test_importance_gradient_shapes(answer, generator):
    """One draw, one coordinate, more draws than rows, equal probabilities"""
    for n_rows, dim, size in [(6, 4, 1), (9, 1, 4), (3, 2, 11), (5, 14, 3)]:
        per_sample, p = sampling_problem(generator, n_rows, dim)
        idx = torch.randint(n_rows, (size,), generator=generator)
        check_importance(answer, per_sample, p, idx, f"N = {n_rows}, d = {dim}, B = {size}")
    per_sample, p = sampling_problem(generator, 10, 3)
    idx = torch.randint(10, (4,), generator=generator)
    check_importance(answer, per_sample, torch.full_like(p, 0.1), idx, "equal probabilities")


@grade(IMPORTANCE_SAMPLING, points=1)
def test_importance_gradient_layouts(answer, generator):
    """float32 input, views that are not contiguous, and a p that sums to one up to rounding"""
    per_sample, p = sampling_problem(generator, 11, 4)
    idx = torch.randint(11, (6,), generator=generator)
    check_importance(answer, columns_first(per_sample), strided(p), strided(idx), "strided views")
    check_importance(answer, per_sample.float(), p.float(), idx, "float32 input", rtol=1e-4)
    # Rounded probabilities may be taken as they are or be normalised: the two differ by less than is compared.
    for error in (4e-4, -4e-4):
        try:
            got = answer.importance_gradient(per_sample, p * (1 + error), idx)
        except AnswerError as failure:
            if isinstance(failure.error, ValueError):
                raise Mistake("refused a p that sums to one within 1e-3: probabilities carry rounding errors") from None
            raise
        name = "importance_gradient(per_sample, p, idx) with a p that sums to one within 1e-3"
        mistakes = importance_mistakes(per_sample, p, idx, 2e-3)
        expect_close(got, weighted_gradient(per_sample, p, idx), name=name, mistakes=mistakes, rtol=2e-3)


@grade(IMPORTANCE_SAMPLING, points=1)
def test_importance_gradient_arguments(answer, generator):
    """ValueError for a p that is no distribution over the rows, a drawn row without probability, an empty idx"""
    per_sample, p = sampling_problem(generator, 8, 3)
    idx = torch.tensor([5, 1, 2])
    gradient = answer.importance_gradient
    if gradient(per_sample, p, idx) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(gradient, per_sample, 1.5 * p, idx, names=("p",), what="a p that sums to 1.5")
    expect_error(gradient, per_sample, 0.9 * p, idx, names=("p",), what="a p that sums to 0.9")
    seven = p[:7] / p[:7].sum()
    expect_error(gradient, per_sample, seven, idx, names=("p", "per_sample"), what="a p of 7 entries for 8 rows")
    never = p.clone()
    never[1] = 0.0
    expect_error(gradient, per_sample, never / never.sum(), idx, names=("p", "idx"), what="a drawn row with p = 0")
    empty = torch.empty(0, dtype=torch.int64)
    expect_error(gradient, per_sample, p, empty, names=("idx",), what="an empty idx")
    expect_error(gradient, per_sample[:, 0], p, idx, names=("per_sample",), what="a per_sample with one dimension")
