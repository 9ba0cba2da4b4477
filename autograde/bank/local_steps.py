"""Workers that take local steps: their gradients, and the paths they walk.

Workers and clients are given as functions (theta, i) -> gradient, i counting the calls of that worker from 0. Where an
oracle is random, its noise is drawn beforehand and handed out call by call, so that no test is stochastic beyond its
seeded inputs."""

from __future__ import annotations

import torch

from autograde.bank.comparisons import expect_vector
from autograde.bank.inputs import away_from_zero, normal
from autograde.judge.expect import Mistake


class Oracle:
    """A worker's gradient A (theta - c) + 0.3 sin(theta), and noise of its own that every call takes the next of.

    Called with theta it is what the answer gets; `replay(theta, i)` is the gradient of call i.
    """

    def __init__(self, generator, dim, scale, draws=0):
        factor = normal(generator, dim, dim) / dim**0.5
        self.hessian = scale * (factor @ factor.T + 0.4 * torch.eye(dim, dtype=torch.float64))
        self.optimum = away_from_zero(2.0 * normal(generator, dim))
        self.noise = 2.0 * normal(generator, draws, dim) if draws else None
        self.calls = 0

    def __call__(self, theta):
        theta = torch.as_tensor(theta).detach()
        gradient = self.replay(theta, self.calls)
        self.calls += 1
        return gradient

    def replay(self, theta, index):
        value = self.hessian.to(theta) @ (theta - self.optimum.to(theta)) + 0.3 * torch.sin(theta)
        return value if self.noise is None else value + self.noise[index % len(self.noise)].to(theta)


def draw_oracles(generator, count, dim, draws=0):
    """Workers with different curvature and different optima, and a start away from all of them."""
    oracles = [Oracle(generator, dim, scale=0.5 + 0.4 * index, draws=draws) for index in range(count)]
    return oracles, 2.0 + torch.rand(dim, generator=generator, dtype=torch.float64)


def callables(oracles):
    """Plain functions for the answer."""
    return [lambda theta, oracle=oracle: oracle(theta) for oracle in oracles]


def walk(gradient, theta, lr, steps, first=0):
    """Iterates theta_0 .. theta_steps of one worker; `first` is the number of its calls so far."""
    path = [theta.double()]
    for index in range(steps):
        path.append(path[-1] - lr * gradient(path[-1], first + index))
    return path


def stale_walk(gradient, theta, lr, steps, first=0):
    """As `walk`, with every gradient taken at the start."""
    path = [theta.double()]
    for index in range(steps):
        path.append(path[-1] - lr * gradient(path[0], first + index))
    return path


def unit_walk(gradient, theta, lr, steps, first=0):
    """As `walk`, with gradients of length one."""
    path = [theta.double()]
    for index in range(steps):
        step = gradient(path[-1], first + index)
        path.append(path[-1] - lr * step / step.norm())
    return path


def in_sequence(gradients, server, lr, steps, first):
    """The paths of workers each of which starts where the one before ended."""
    paths, theta = [], server
    for gradient in gradients:
        paths.append(walk(gradient, theta, lr, steps, first))
        theta = paths[-1][-1]
    return paths


def compare(got, expected, oracles, calls, mistakes, name, what, **tolerance):
    """`expect_close`, which says so when a worker was asked too often and that may be why the result is wrong."""
    try:
        expect_vector(got, expected, name=name, mistakes=mistakes, **tolerance)
    except Mistake as mistake:
        most = max(oracle.calls for oracle in oracles)
        if most <= calls or str(mistake) in mistakes:
            raise
        often = f"A {what} is called {most} times in {calls} local steps"
        raise Mistake(f"{often}: ask once a step, minibatches differ from call to call") from None
