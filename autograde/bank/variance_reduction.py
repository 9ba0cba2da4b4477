"""A finite sum of quadratics that records which sample gradients were asked for, and checks of the draws."""

from __future__ import annotations

import torch

from autograde.bank.inputs import uniform
from autograde.judge.expect import Mistake, expect_error


class SampleGradients:
    """Gradients of n quadratic sample losses 1/2 (theta - c_i)' A_i (theta - c_i), and a record of who asked for what.

    `calls` holds the points (float64 copies) and indices that `grad_i` was asked for, in order.
    """

    def __init__(self, generator, n, dim):
        self.n, self.dim = n, dim
        factors = torch.randn(n, dim, dim, generator=generator, dtype=torch.float64) / dim**0.5
        self.hessians = factors @ factors.mT + 0.5 * torch.eye(dim, dtype=torch.float64)
        self.centres = 1.5 * torch.randn(n, dim, generator=generator, dtype=torch.float64)
        self.calls: list[tuple[torch.Tensor, int]] = []
        self.outside: int | None = None

    def gradient(self, theta, i):
        return self.hessians[i] @ (theta - self.centres[i])

    def all_gradients(self, theta):
        return torch.stack([self.gradient(theta, i) for i in range(self.n)])

    def grad_i(self, theta, i):
        """What the answer calls; an index that does not exist is remembered, and taken modulo n for the moment."""
        point = torch.as_tensor(theta).detach()
        index = int(i)
        if not 0 <= index < self.n:
            self.outside, index = index, index % self.n
        self.calls.append((point.double().clone().reshape(self.dim), index))
        return self.gradient(self.calls[-1][0], index).to(point.dtype)

    def start(self):
        self.calls, self.outside = [], None

    def check_indices(self):
        if self.outside is not None:
            which = "n" if self.outside == self.n else ("-1" if self.outside == -1 else "an index outside")
            raise Mistake(f"grad_i is asked for sample {which}: samples are counted from 0 to n - 1")

    @property
    def indices(self):
        return [index for _, index in self.calls]

    def index_at(self, theta):
        """The index that was asked for at the point theta; None where there was none, or more than one."""
        scale = max(1.0, theta.abs().max().item())
        if not self.calls:
            return None
        points = torch.stack([point for point, _ in self.calls])
        near = ((points - theta).abs().amax(dim=1) <= 1e-5 * scale).tolist()
        found = {index for (_, index), here in zip(self.calls, near, strict=True) if here}
        return found.pop() if len(found) == 1 else None


def problem(generator, n, dim):
    """Sample gradients, a start away from the optimum, and a learning rate at which every step is seen."""
    samples = SampleGradients(generator, n, dim)
    theta0 = 3.0 + torch.rand(dim, generator=generator, dtype=torch.float64)
    lr = uniform(generator, 0.3, 0.5) / torch.linalg.eigvalsh(samples.hessians).max().item()
    return samples, theta0, lr


def optimum_of(samples):
    total = torch.einsum("nij,nj->i", samples.hessians, samples.centres)
    return torch.linalg.solve(samples.hessians.sum(dim=0), total)


def draws_of(samples, replay, patterns):
    """The indices drawn in each epoch, from the replay or else from the order of the calls."""
    if replay is not None:
        return replay[1]
    if not patterns:
        raise Mistake("the calls of grad_i show no index for each step: see the other tests first")
    return patterns[0][1]


def check_draws(first, second, repeated, indices, n):
    """The draws of two runs from different seeds, each a list of epochs; `repeated` the indices of the first again.

    The tests of SVRG and SAGA look at two independent runs with n = 3 samples, 40 draws in all. That one of the three
    samples is never drawn has probability at most 3 (2/3)^40 = 2.7e-7; that all twelve blocks of three draws, from any
    of three offsets, hold three different samples, at most 3 (6/27)^12 = 4.4e-8; that both runs draw the same,
    3^-20 = 3e-10. So a right answer fails by chance with probability at most 3.2e-7 in each exercise.
    """
    if indices != repeated:
        raise Mistake("Two runs with generators of the same seed differ: draw the indices from `generator` alone")
    epochs = first + second
    seen = {i for drawn in epochs for i in drawn}
    count = sum(map(len, epochs))
    if all(len(set(drawn)) == 1 for drawn in epochs):
        raise Mistake("One index serves a whole run of steps: draw afresh in each of them")
    if first == second:
        raise Mistake("Generators of different seeds give the same indices: draw them from `generator`")
    if len(seen) < n:
        missing = "The last sample" if seen == set(range(n - 1)) else "Some sample"
        missing = "The first sample" if seen == set(range(1, n)) else missing
        raise Mistake(f"{missing} is never drawn in {count} draws from {n}: indices are uniform on 0, ..., n - 1")
    for offset in range(n):
        blocks = [drawn[k : k + n] for drawn in epochs for k in range(offset, len(drawn) - n + 1, n)]
        if all(len(set(block)) == n for block in blocks):
            raise Mistake(
                "Every sample comes once before any comes again: draw with replacement, each index independently"
            )


def rejects(call, samples, theta0, changes, order, valid):
    """`expect_error` for each (argument, value) in `changes`."""
    for argument, value in changes:
        arguments = dict(valid, **{argument: value})
        expect_error(
            call,
            samples.grad_i,
            arguments["n"],
            theta0,
            0.1,
            *(arguments[key] for key in order),
            torch.Generator().manual_seed(0),
            names=(argument,),
            what=f"{argument} = {value}",
        )
