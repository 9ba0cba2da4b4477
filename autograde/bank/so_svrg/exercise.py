"""SVRG: the exercise and its tests.

The answer draws its own indices: the iterates are replayed with those that the callable saw, so streams are never
compared. One test looks at the draws, and a right answer can fail it by chance: see
`autograde.bank.variance_reduction.check_draws`.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.bank.inputs import fresh, strided
from autograde.bank.so_svrg.mistakes import replay_svrg, svrg_mistakes, svrg_patterns
from autograde.bank.variance_reduction import check_draws, draws_of, optimum_of, problem, rejects
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, as_float64, expect_close, matches

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_6_advanced_topics",
    number=3,
    title="SVRG",
    functions=("svrg",),
    difficulty=4,
    minutes=30,
)


NO_SVRG = (
    "These are not the iterates of SVRG, and the calls fit no known mistake: in an epoch grad_i is asked for all n "
    "samples at the snapshot, then with one index at theta and at the snapshot in each inner step"
)


def run_svrg(answer, samples, theta0, lr, epochs, inner, generator):
    samples.start()
    got = answer.svrg(samples.grad_i, samples.n, theta0, lr, epochs, inner, fresh(generator))
    samples.check_indices()
    return got


def check_svrg(answer, samples, theta0, lr, epochs, inner, generator, name, **tolerance):
    got = run_svrg(answer, samples, theta0, lr, epochs, inner, generator)
    if isinstance(got, (list, tuple)):
        raise Mistake(f"`{name}` returned a {type(got).__name__}: stack the snapshots into a tensor (epochs + 1, d)")
    replay = replay_svrg(samples, theta0, lr, epochs, inner)
    if replay is not None and matches(got, replay[0].to(theta0.dtype), name):
        expect_close(got, replay[0].to(theta0.dtype), name=name, **tolerance)  # with its notes
        return
    if isinstance(got, np.ndarray):
        got = torch.from_numpy(np.array(got))
    rows = as_float64(got) if isinstance(got, torch.Tensor) else theta0.double()[None]
    rows = rows.reshape(-1, len(theta0)) if rows.numel() % len(theta0) == 0 else theta0.double()[None]
    table = svrg_mistakes(samples, theta0, lr, epochs, inner, rows)
    # Where the answer left the path of SVRG nothing is expected: any value that no mistake gives is as wrong.
    expected = replay[0] if replay else torch.full((epochs + 1, len(theta0)), math.inf, dtype=torch.float64)
    try:
        expect_close(got, expected, name=name, mistakes=table, **tolerance)
    except Mistake as mistake:
        shapes = isinstance(got, torch.Tensor) and got.shape == expected.shape
        if str(mistake) in table or replay is not None or not shapes or bool(torch.isnan(rows).any()):
            raise
        raise Mistake(NO_SVRG) from None


@grade(EXERCISE, points=2)
def test_svrg_snapshots(answer, generator):
    """Snapshots of two epochs, replayed with the indices that were asked for"""
    samples, theta0, lr = problem(generator, 4, 3)
    check_svrg(
        answer, samples, theta0, lr, 2, 5, generator, "svrg(grad_i, 4, theta0, lr, epochs=2, inner=5, generator)"
    )


@grade(EXERCISE, points=1, hidden=True)
def test_svrg_renewal(answer, generator):
    """Several epochs: snapshot and full gradient are renewed together"""
    samples, theta0, lr = problem(generator, 3, 4)
    check_svrg(answer, samples, theta0, lr, 3, 4, generator, "svrg(grad_i, n, theta0, lr, epochs, inner, generator)")


@grade(EXERCISE, points=1)
def test_svrg_calls(answer, generator):
    """n + 2 inner gradients an epoch"""
    epochs, inner = 2, 6
    samples, theta0, lr = problem(generator, 5, 2)
    got = run_svrg(answer, samples, theta0, lr, epochs, inner, generator)
    if got is None:
        raise Mistake("`svrg` returned None: is `return` missing?")
    count, allowed = len(samples.calls), epochs * (samples.n + 2 * inner)
    promised = f"n + 2 inner gradients an epoch are {allowed} with n = 5, epochs = 2, inner = 6"
    if count > allowed:
        raise Mistake(f"grad_i is called {count} times: {promised}")
    # The two gradients of an epoch's first step are equal: leaving out one or both of them is fine.
    if count < allowed - 2 * epochs:
        replay = replay_svrg(samples, theta0, lr, epochs, inner)
        kept = replay is not None and matches(got, replay[0], "svrg(...)")
        why = ", so the n gradients of the snapshot are kept in a table" if kept else ""
        raise Mistake(f"grad_i is called {count} times{why}: {promised}")


@grade(EXERCISE, points=1, hidden=True)
def test_svrg_draws(answer, generator):
    """Indices are uniform, with replacement, and come from the generator"""
    n, inner = 3, 21
    samples, theta0, _ = problem(generator, n, 3)
    lr = 0.05 / torch.linalg.eigvalsh(samples.hessians).max().item()
    seeds = [int(torch.randint(2**40, (), generator=generator)) for _ in range(2)]
    drawn, indices = [], []
    for seed in (seeds[0], seeds[0], seeds[1]):
        samples.start()
        answer.svrg(samples.grad_i, n, theta0, lr, 1, inner, torch.Generator().manual_seed(seed))
        samples.check_indices()
        replay = replay_svrg(samples, theta0, lr, 1, inner)
        drawn.append(draws_of(samples, replay, svrg_patterns(samples.indices, n, 1, inner)))
        indices.append(samples.indices)
    check_draws(drawn[0], drawn[2], indices[1], indices[0], n)


@grade(EXERCISE, points=1)
def test_svrg_edges(answer, generator):
    """No epoch, one sample, one inner step, float32 and a strided start"""
    samples, theta0, lr = problem(generator, 3, 2)
    check_svrg(answer, samples, theta0, lr, 0, 3, generator, "svrg(...) with epochs = 0")
    # One inner step is a step of gradient descent, whatever the index; with one sample every step is.
    check_svrg(answer, samples, theta0, lr, 3, 1, generator, "svrg(...) with inner = 1")
    single, start, rate = problem(generator, 1, 3)
    check_svrg(answer, single, start, rate, 2, 3, generator, "svrg(...) with n = 1")
    check_svrg(answer, samples, strided(theta0), lr, 2, 3, generator, "svrg(...) with a strided theta0")
    check_svrg(answer, samples, theta0.float(), lr, 2, 3, generator, "svrg(...) in float32", rtol=1e-4)


@grade(EXERCISE, points=1, hidden=True)
def test_svrg_optimum(answer, generator):
    """Other sizes; and started at the optimum, where sample gradients differ, the snapshots stay there"""
    samples, theta0, lr = problem(generator, 5, 2)
    epochs, inner = 2, 4
    name = "svrg(grad_i, n, theta0, lr, epochs, inner, generator)"
    check_svrg(answer, samples, theta0, lr, epochs, inner, generator, name)
    # The noise vanishes as theta and snapshot near the optimum together; that of plain SGD does not.
    optimum = optimum_of(samples)
    got = run_svrg(answer, samples, optimum, lr, epochs, inner, generator)
    table = svrg_mistakes(samples, optimum, lr, epochs, inner, optimum[None])
    stays = optimum.expand(epochs + 1, -1)
    expect_close(got, stays, name=f"{name} from the optimum", mistakes=table, atol=1e-5)


@grade(EXERCISE, points=1)
def test_svrg_arguments(answer, generator):
    """ValueError for n or inner below 1 and for negative epochs"""
    samples, theta0, lr = problem(generator, 3, 2)
    if run_svrg(answer, samples, theta0, lr, 1, 2, generator) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    changes = [("n", 0), ("inner", 0), ("inner", -3), ("epochs", -1)]
    rejects(answer.svrg, samples, theta0, changes, ("epochs", "inner"), {"n": 3, "epochs": 2, "inner": 2})
