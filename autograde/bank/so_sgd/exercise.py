"""SGD with a schedule: the exercise and its tests."""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.bank.inputs import normal, strided, uniform
from autograde.bank.so_sgd.mistakes import sgd_mistakes, sgd_trajectory
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, expect_close, expect_error, matches

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_1_intuition",
    number=3,
    title="SGD with a schedule",
    functions=("sgd",),
    difficulty=2,
    minutes=20,
)


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


@grade(EXERCISE, points=2)
def test_sgd_trajectory(answer, generator):
    """The trajectory (steps + 1, d), theta0 first"""
    grad, theta0 = descent_problem(generator, 3)
    peak = uniform(generator, 0.1, 0.2)
    check_sgd(answer, grad, theta0, lambda t: peak, 6, "sgd(grad, theta0, lr, steps=6) with a constant learning rate")
    check_sgd(
        answer, grad, theta0, lambda t: peak / (t + 1), 6, "sgd(grad, theta0, lr, steps=6) with lr(t) = peak/(t + 1)"
    )


@grade(EXERCISE, points=2)
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


@grade(EXERCISE, points=1, hidden=True)
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


@grade(EXERCISE, points=1)
def test_sgd_sizes(answer, generator):
    """No step, one step, one coordinate"""
    for dim, steps in [(3, 0), (3, 1), (1, 5), (1, 0)]:
        grad, theta0 = descent_problem(generator, dim)
        peak = uniform(generator, 0.1, 0.2)
        name = f"sgd(grad, theta0, lr, steps={steps}) with d = {dim}"
        check_sgd(answer, grad, theta0, lambda t, peak=peak: peak / (t + 2), steps, name)


@grade(EXERCISE, points=1, hidden=True)
def test_sgd_layouts(answer, generator):
    """float32 and strided theta0; the same call again gives the same result"""
    grad, theta0 = descent_problem(generator, 4)

    def lr(t):
        return 0.2 / (t + 1)

    check_sgd(answer, grad, theta0.float(), lr, 5, "sgd(grad, theta0, lr, steps=5) in float32", rtol=1e-4)
    view = strided(theta0)
    for _ in range(2):
        check_sgd(answer, grad, view, lr, 5, "sgd(grad, theta0, lr, steps=5) with a strided theta0")


@grade(EXERCISE, points=1)
def test_sgd_arguments(answer, generator):
    """ValueError for a negative number of steps"""
    grad, theta0 = descent_problem(generator, 2)
    if answer.sgd(grad, theta0, lambda t: 0.1, 2) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(answer.sgd, grad, theta0, lambda t: 0.1, -1, names=("steps",), what="steps = -1")
    expect_error(answer.sgd, grad, theta0, lambda t: 0.1, -5, names=("steps",), what="steps = -5")
