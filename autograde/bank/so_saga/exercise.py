"""SAGA: the exercise and its tests.

The answer draws its own indices: the iterates are replayed with those that the callable saw, so streams are never
compared. One test looks at the draws, and a right answer can fail it by chance: see
`autograde.bank.variance_reduction.check_draws`.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.bank.comparisons import parts
from autograde.bank.inputs import fresh, strided
from autograde.bank.so_saga.mistakes import replay_saga, saga_mistakes, saga_patterns, table_mistakes
from autograde.bank.variance_reduction import check_draws, draws_of, optimum_of, problem, rejects
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, as_float64, expect_close, matches

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_6_advanced_topics",
    number=4,
    title="SAGA",
    functions=("saga",),
    difficulty=4,
    minutes=30,
)


NO_SAGA = (
    "These are not the iterates of SAGA, and the calls fit no known mistake: grad_i is asked for all n samples at "
    "theta0, then for one sample at the current theta in each step"
)


SAGA_WHAT = "(theta, table)"


def run_saga(answer, samples, theta0, lr, steps, generator, name):
    samples.start()
    got = answer.saga(samples.grad_i, samples.n, theta0, lr, steps, fresh(generator))
    samples.check_indices()
    return parts(got, 2, name, SAGA_WHAT, numbers=False)


def check_saga(answer, samples, theta0, lr, steps, generator, name, **tolerance):
    theta, _ = run_saga(answer, samples, theta0, lr, steps, generator, name)
    replay = replay_saga(samples, theta0, lr, steps)
    if replay is not None and matches(theta, replay[0].to(theta0.dtype), name):
        expect_close(theta, replay[0].to(theta0.dtype), name=f"{name}[0]", **tolerance)
        return
    table = saga_mistakes(samples, theta0, lr, steps)
    expected = replay[0] if replay else torch.full_like(theta0.double(), math.inf)
    try:
        expect_close(theta, expected, name=f"{name}[0]", mistakes=table, **tolerance)
    except Mistake as mistake:
        shapes = isinstance(theta, (torch.Tensor, np.ndarray)) and tuple(theta.shape) == tuple(theta0.shape)
        if str(mistake) in table or replay is not None or not shapes:
            raise
        raise Mistake(NO_SAGA) from None


def check_table(answer, samples, theta0, lr, steps, generator, name, **tolerance):
    theta, table = run_saga(answer, samples, theta0, lr, steps, generator, name)
    if isinstance(table, (list, tuple)):
        raise Mistake(f"`{name}[1]` is a {type(table).__name__}: stack the gradients into a tensor (n, d)")
    last = as_float64(theta) if isinstance(theta, torch.Tensor) else theta0.double()
    expected, mistakes = table_mistakes(samples, theta0, last, steps)
    expect_close(table, expected.to(theta0.dtype), name=f"{name}[1]", mistakes=mistakes, **tolerance)


@grade(EXERCISE, points=2)
def test_saga_theta(answer, generator):
    """The last theta, replayed with the indices that were asked for"""
    for n, dim, steps in [(4, 3, 9), (3, 2, 12)]:
        samples, theta0, lr = problem(generator, n, dim)
        name = f"saga(grad_i, {n}, theta0, lr, steps={steps}, generator)"
        check_saga(answer, samples, theta0, lr, steps, generator, name)


@grade(EXERCISE, points=1)
def test_saga_table(answer, generator):
    """Row i of the table is the gradient that was last computed for sample i"""
    for n, dim, steps in [(4, 3, 6), (6, 2, 5)]:
        samples, theta0, lr = problem(generator, n, dim)
        name = f"saga(grad_i, {n}, theta0, lr, steps={steps}, generator)"
        check_table(answer, samples, theta0, lr, steps, generator, name)


@grade(EXERCISE, points=1, hidden=True)
def test_saga_optimum(answer, generator):
    """Other sizes; and started at the optimum with gradients that differ, theta stays there"""
    samples, theta0, lr = problem(generator, 5, 2)
    name = "saga(grad_i, n, theta0, lr, steps, generator)"
    check_saga(answer, samples, theta0, lr, 7, generator, name)
    optimum = optimum_of(samples)
    theta, _ = run_saga(answer, samples, optimum, lr, 8, generator, name)
    table = saga_mistakes(samples, optimum, lr, 8)
    expect_close(theta, optimum, name=f"{name}[0] from the optimum", mistakes=table, atol=1e-5)


@grade(EXERCISE, points=1)
def test_saga_calls(answer, generator):
    """n + steps gradients in all"""
    steps = 8
    samples, theta0, lr = problem(generator, 5, 2)
    run_saga(answer, samples, theta0, lr, steps, generator, "saga(grad_i, 5, theta0, lr, steps=8, generator)")
    count, allowed = len(samples.calls), samples.n + steps
    if count == allowed:
        return
    promised = f"n + steps gradients are {allowed} with n = 5 and steps = 8"
    if count == steps:
        raise Mistake(f"grad_i is called {count} times, so the table does not start with the n gradients: {promised}")
    if count == samples.n + 2 * steps:
        raise Mistake(
            f"grad_i is called {count} times, twice in each step: use its result for the table too, {promised}"
        )
    if count >= samples.n * steps:
        raise Mistake(f"grad_i is called {count} times, for all samples in each step: {promised}")
    if count == allowed - 1:
        return  # the first step follows the mean of the table, whatever its index: nothing is lost by not asking
    raise Mistake(f"grad_i is called {count} times: {promised}")


@grade(EXERCISE, points=1, hidden=True)
def test_saga_draws(answer, generator):
    """Indices are uniform, with replacement, and come from the generator"""
    n, steps = 3, 21
    samples, theta0, _ = problem(generator, n, 3)
    lr = 0.05 / torch.linalg.eigvalsh(samples.hessians).max().item()
    seeds = [int(torch.randint(2**40, (), generator=generator)) for _ in range(2)]
    drawn, indices = [], []
    for seed in (seeds[0], seeds[0], seeds[1]):
        samples.start()
        answer.saga(samples.grad_i, n, theta0, lr, steps, torch.Generator().manual_seed(seed))
        samples.check_indices()
        replay = replay_saga(samples, theta0, lr, steps)
        replay = replay and (replay[0], [replay[1]])
        patterns = [(pattern, [found]) for pattern, found in saga_patterns(samples.indices, n, steps)]
        drawn.append(draws_of(samples, replay, patterns))
        indices.append(samples.indices)
    check_draws(drawn[0], drawn[2], indices[1], indices[0], n)


@grade(EXERCISE, points=1)
def test_saga_edges(answer, generator):
    """No step, one step, one sample, float32 and a strided start"""
    samples, theta0, lr = problem(generator, 3, 2)
    for steps in (0, 1):
        check_saga(answer, samples, theta0, lr, steps, generator, f"saga(...) with steps = {steps}")
        check_table(answer, samples, theta0, lr, steps, generator, f"saga(...) with steps = {steps}")
    single, start, rate = problem(generator, 1, 3)
    check_saga(answer, single, start, rate, 4, generator, "saga(...) with n = 1")
    check_saga(answer, samples, strided(theta0), lr, 5, generator, "saga(...) with a strided theta0")
    check_saga(answer, samples, theta0.float(), lr, 5, generator, "saga(...) in float32", rtol=1e-4)
    check_table(answer, samples, theta0.float(), lr, 5, generator, "saga(...) in float32", rtol=1e-4)


@grade(EXERCISE, points=1)
def test_saga_arguments(answer, generator):
    """ValueError for n below 1 and for negative steps"""
    samples, theta0, lr = problem(generator, 3, 2)
    run_saga(answer, samples, theta0, lr, 2, generator, "saga(grad_i, 3, theta0, lr, 2, generator)")
    changes = [("n", 0), ("n", -2), ("steps", -1)]
    rejects(answer.saga, samples, theta0, changes, ("steps",), {"n": 3, "steps": 2})
