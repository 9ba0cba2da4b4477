"""A test for bias: the exercise and its tests."""

from __future__ import annotations

import torch

from autograde.bank.inputs import columns_first, normal, strided
from autograde.bank.so_bias_test.mistakes import bias_mistakes, z_scores
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, expect_close, expect_error

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_2_formal_definitions",
    number=3,
    title="A test for bias",
    functions=("bias_z",),
    difficulty=2,
    minutes=10,
)


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


@grade(EXERCISE, points=2)
def test_bias_z_formula(answer, generator):
    """(mean - truth) over the n - 1 standard error"""
    for n, dim in [(7, 3), (18, 5)]:
        check_bias(answer, *noisy_estimates(generator, n, dim), "")


@grade(EXERCISE, points=1)
def test_bias_z_spreads(answer, generator):
    """Each coordinate is measured against its own spread, with its sign"""
    estimates, truth = noisy_estimates(generator, 12, 4)
    scales = torch.tensor([1.0, 30.0, 0.02, 4.0], dtype=torch.float64)
    scales = scales[torch.randperm(4, generator=generator)]
    check_bias(answer, estimates * scales, truth * scales, "coordinates of very different size")
    # The same draws about a truth on the other side.
    mirrored = 2 * estimates.mean(dim=0) - truth
    check_bias(answer, estimates, mirrored, "the truth on the other side")


@grade(EXERCISE, points=1, hidden=True)
def test_bias_z_shapes(answer, generator):
    """Two draws, one coordinate, more coordinates than draws, many draws"""
    for n, dim in [(2, 3), (9, 1), (5, 21), (300, 2)]:
        check_bias(answer, *noisy_estimates(generator, n, dim), "")


@grade(EXERCISE, points=1, hidden=True)
def test_bias_z_sizes(answer, generator):
    """Small and large gradients, and a truth of zero"""
    for scale in (1e-6, 1e4):
        check_bias(answer, *noisy_estimates(generator, 10, 3, scale), f"gradients of the order {scale:g}")
    estimates, truth = noisy_estimates(generator, 8, 3)
    check_bias(answer, estimates - truth, torch.zeros_like(truth), "truth zero, as at an optimum")


@grade(EXERCISE, points=1)
def test_bias_z_layouts(answer, generator):
    """float32 input, and views that are not contiguous"""
    estimates, truth = noisy_estimates(generator, 11, 4)
    check_bias(answer, columns_first(estimates), strided(truth), "a transposed view")
    check_bias(answer, strided(estimates), truth, "a strided view")
    check_bias(answer, estimates.float(), truth.float(), "float32 input", rtol=2e-4)


@grade(EXERCISE, points=1)
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
