"""Expected squared norm: the exercise and its tests."""

from __future__ import annotations

import torch

from autograde.bank.inputs import normal, strided, uniform
from autograde.bank.so_expected_square_norm.mistakes import square_norm, square_norm_mistakes, square_norm_tensors
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, expect_error, expect_number

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_3_geometry_and_guarantees",
    number=1,
    title="Expected squared norm",
    functions=("expected_square_norm",),
    difficulty=1,
    minutes=10,
)


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


@grade(EXERCISE, points=2)
def test_expected_square_norm_formula(answer, generator):
    """norm(mean_grad)^2 + cov_trace / B"""
    for dim, size in [(3, 5), (6, 17)]:
        trace = uniform(generator, 5.0, 30.0)
        check_square_norm(answer, uneven(generator, dim), trace, size, f"d = {dim}, B = {size}")


@grade(EXERCISE, points=1)
def test_expected_square_norm_limits(answer, generator):
    """No noise leaves the signal, no signal leaves the noise"""
    check_square_norm(answer, uneven(generator, 4), 0.0, 7, "cov_trace = 0")
    trace = uniform(generator, 5.0, 30.0)
    check_square_norm(answer, torch.zeros(4, dtype=torch.float64), trace, 7, "a mean gradient of zero")


@grade(EXERCISE, points=1, hidden=True)
def test_expected_square_norm_sizes(answer, generator):
    """One coordinate, many coordinates, a batch of one, a huge batch, whole numbers"""
    check_square_norm(answer, uneven(generator, 1), uniform(generator, 3.0, 9.0), 6, "d = 1")
    check_square_norm(answer, uneven(generator, 50), uniform(generator, 3.0, 9.0), 11, "d = 50")
    check_square_norm(answer, uneven(generator, 5), uniform(generator, 3.0, 9.0), 1, "B = 1")
    check_square_norm(answer, uneven(generator, 5), uniform(generator, 300.0, 900.0), 4096, "B = 4096")
    whole = torch.randint(1, 5, (3,), generator=generator).double()
    check_square_norm(answer, whole, 7, 3, "whole numbers")


@grade(EXERCISE, points=1)
def test_expected_square_norm_layouts(answer, generator):
    """float32 input, and a view that is not contiguous"""
    mean_grad, trace = uneven(generator, 5), uniform(generator, 3.0, 9.0)
    check_square_norm(answer, strided(mean_grad), trace, 6, "a strided view")
    check_square_norm(answer, mean_grad.float(), trace, 6, "float32 input", rtol=1e-4)


@grade(EXERCISE, points=1)
def test_expected_square_norm_arguments(answer, generator):
    """ValueError for a batch size below one and for a negative cov_trace"""
    mean_grad = uneven(generator, 3)
    norm = answer.expected_square_norm
    if norm(mean_grad, 2.0, 4) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    for size in (0, -4):
        expect_error(norm, mean_grad, 2.0, size, names=("batch_size",), what=f"batch size {size}")
    expect_error(norm, mean_grad, -2.0, 4, names=("cov_trace",), what="cov_trace = -2")
