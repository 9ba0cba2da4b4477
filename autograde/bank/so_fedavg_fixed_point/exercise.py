"""Where federated averaging settles: the exercise and its tests."""

from __future__ import annotations

import torch

from autograde.bank.comparisons import expect_vector
from autograde.bank.inputs import away_from_zero, columns_first, normal, strided, uniform
from autograde.bank.so_fedavg_fixed_point.mistakes import fixed_point, fixed_point_mistakes
from autograde.bank.weighted_means import draw_sizes, draw_weights
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import AnswerError, Mistake, expect_error

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_5_practical_variants",
    number=6,
    title="Where federated averaging settles",
    functions=("fedavg_fixed_point",),
    difficulty=4,
    minutes=30,
)


def draw_quadratics(generator, clients, dim, lr, low=0.2, high=1.3):
    """Hessians (K, d, d) whose eigenvalues times lr lie between `low` and `high`, optima (K, d), weights (K,)."""
    hessians = []
    for _ in range(clients):
        basis = torch.linalg.qr(normal(generator, dim, dim)).Q
        eigenvalues = low + (high - low) * torch.rand(dim, generator=generator, dtype=torch.float64)
        hessian = basis @ torch.diag(eigenvalues / lr) @ basis.T
        hessians.append((hessian + hessian.T) / 2)
    weights = torch.tensor(draw_weights(generator, clients), dtype=torch.float64)
    optima = torch.stack([away_from_zero(1.0 + 2.0 * normal(generator, dim)) for _ in range(clients)])
    return torch.stack(hessians), optima, weights


def check_fixed_point(answer, problem, lr, steps, name, handed=None, **tolerance):
    """`handed` are hessians, optima and weights as the answer gets them, by default `problem` itself."""
    try:
        got = answer.fedavg_fixed_point(*(handed or problem), lr, steps)
    except AnswerError as failure:
        if (
            not isinstance(failure.error, (AttributeError, TypeError))
            or not handed
            or isinstance(handed[0], torch.Tensor)
        ):
            raise
        raise Mistake(f"{failure}: hessians, optima and weights may be lists as well as tensors") from None
    if isinstance(got, (list, tuple)):
        raise Mistake(f"`{name}` returned a {type(got).__name__}: return the fixed point alone, (d,)")
    mistakes = fixed_point_mistakes(*problem, lr, steps) if len(problem[0]) > 1 else {}
    expected = fixed_point(*problem, lr, steps).to(problem[0].dtype)
    expect_vector(got, expected, name=name, mistakes=mistakes, **tolerance)


@grade(EXERCISE, points=3)
def test_fixed_point_solution(answer, generator):
    """The point that a round leaves where it is"""
    for clients, dim, steps in [(3, 3, 3), (4, 2, 5)]:
        lr = uniform(generator, 0.3, 0.7)
        problem = draw_quadratics(generator, clients, dim, lr)
        name = f"fedavg_fixed_point(hessians, optima, weights, lr, {steps}) with K = {clients}, d = {dim}"
        check_fixed_point(answer, problem, lr, steps, name)


@grade(EXERCISE, points=1)
def test_fixed_point_weights(answer, generator):
    """Weights that are numbers of samples"""
    lr = uniform(generator, 0.3, 0.7)
    hessians, optima, _ = draw_quadratics(generator, 3, 4, lr)
    counts = draw_sizes(generator, 3, low=50, high=400)
    problem = hessians, optima, torch.tensor(counts, dtype=torch.float64)
    check_fixed_point(answer, problem, lr, 4, f"fedavg_fixed_point(hessians, optima, weights, lr, 4), weights {counts}")


@grade(EXERCISE, points=1, hidden=True)
def test_fixed_point_limits(answer, generator):
    """One local step, very many, one client, one coordinate"""
    for clients, dim, steps in [(3, 3, 1), (3, 3, 120), (1, 3, 2), (3, 1, 4)]:
        lr = uniform(generator, 0.3, 0.7)
        problem = draw_quadratics(generator, clients, dim, lr)
        name = f"fedavg_fixed_point with K = {clients}, d = {dim}, {steps} local steps"
        check_fixed_point(answer, problem, lr, steps, name)


@grade(EXERCISE, points=1, hidden=True)
def test_fixed_point_rates(answer, generator):
    """Rates at which local steps overshoot, or hardly move"""
    for low, high, steps in [(1.05, 1.75, 2), (1.05, 1.75, 3), (0.02, 0.08, 2)]:
        lr = uniform(generator, 0.1, 2.0)
        problem = draw_quadratics(generator, 3, 3, lr, low, high)
        what = "that overshoot" if low > 1 else "that hardly move"
        check_fixed_point(answer, problem, lr, steps, f"fedavg_fixed_point with {steps} local steps {what}")


@grade(EXERCISE, points=1)
def test_fixed_point_layouts(answer, generator):
    """Lists of matrices, of vectors and of weights; float32; views that are not contiguous"""
    lr = uniform(generator, 0.3, 0.7)
    problem = draw_quadratics(generator, 3, 3, lr)
    hessians, optima, weights = problem
    lists = list(hessians.unbind()), list(optima.unbind()), weights.tolist()
    check_fixed_point(answer, problem, lr, 3, "fedavg_fixed_point with lists in place of tensors", handed=lists)
    views = strided(hessians), columns_first(optima), strided(weights)
    check_fixed_point(answer, problem, lr, 3, "fedavg_fixed_point with views that are not contiguous", handed=views)
    single = tuple(part.float() for part in problem)
    check_fixed_point(answer, single, lr, 3, "fedavg_fixed_point in float32", rtol=1e-4)


@grade(EXERCISE, points=1)
def test_fixed_point_arguments(answer, generator):
    """ValueError for numbers and shapes that do not match, no local step, a negative learning rate"""
    hessians, optima, weights = draw_quadratics(generator, 3, 2, 0.5)
    settle = answer.fedavg_fixed_point
    if settle(hessians, optima, weights, 0.5, 2) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    names = ("hessians", "optima", "weights")
    expect_error(settle, hessians, optima[:2], weights, 0.5, 2, names=names, what="3 hessians with 2 optima")
    expect_error(settle, hessians, optima, weights[:2], 0.5, 2, names=names, what="3 hessians with 2 weights")
    expect_error(settle, hessians[:2], optima, weights, 0.5, 2, names=names, what="2 hessians with 3 optima")
    wide = torch.cat([hessians, hessians[:, :, :1]], dim=2)
    expect_error(settle, wide, optima, weights, 0.5, 2, names=names, what="hessians of shape (3, 2, 3)")
    longer = torch.cat([optima, optima[:, :1]], dim=1)
    expect_error(settle, hessians, longer, weights, 0.5, 2, names=names, what="optima with one coordinate too many")
    expect_error(settle, hessians, optima, weights, 0.5, 0, names=("local_steps",), what="local_steps = 0")
    expect_error(settle, hessians, optima, weights, 0.5, -1, names=("local_steps",), what="local_steps = -1")
    expect_error(settle, hessians, optima, weights, -0.5, 2, names=("lr", "learning_rate"), what="lr = -0.5")
