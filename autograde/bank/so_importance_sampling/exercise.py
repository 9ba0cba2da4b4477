"""Importance sampling: the exercise and its tests."""

from __future__ import annotations

import torch

from autograde.bank.inputs import columns_first, normal, strided
from autograde.bank.so_importance_sampling.mistakes import importance_mistakes, weighted_gradient
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import AnswerError, Mistake, expect_close, expect_error

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_2_formal_definitions",
    number=4,
    title="Importance sampling",
    functions=("importance_gradient",),
    difficulty=3,
    minutes=15,
)


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


@grade(EXERCISE, points=2)
def test_importance_gradient_formula(answer, generator):
    """Mean over the drawn rows of g / (N p)"""
    for n_rows, dim, size in [(9, 3, 5), (20, 6, 8)]:
        per_sample, p = sampling_problem(generator, n_rows, dim)
        idx = torch.randperm(n_rows, generator=generator)[:size]
        check_importance(answer, per_sample, p, idx, f"N = {n_rows}, d = {dim}, B = {size}")


@grade(EXERCISE, points=1)
def test_importance_gradient_repeats(answer, generator):
    """A row drawn twice counts twice"""
    per_sample, p = sampling_problem(generator, 7, 4)
    first, second, third = torch.randperm(7, generator=generator)[:3].tolist()
    for idx in [[first, second, first, third, first, second], [*range(7), first, first, second, third]]:
        check_importance(answer, per_sample, p, torch.tensor(idx), "repeated rows in idx")


@grade(EXERCISE, points=1, hidden=True)
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


@grade(EXERCISE, points=1, hidden=True)
def test_importance_gradient_shapes(answer, generator):
    """One draw, one coordinate, more draws than rows, equal probabilities"""
    for n_rows, dim, size in [(6, 4, 1), (9, 1, 4), (3, 2, 11), (5, 14, 3)]:
        per_sample, p = sampling_problem(generator, n_rows, dim)
        idx = torch.randint(n_rows, (size,), generator=generator)
        check_importance(answer, per_sample, p, idx, f"N = {n_rows}, d = {dim}, B = {size}")
    per_sample, p = sampling_problem(generator, 10, 3)
    idx = torch.randint(10, (4,), generator=generator)
    check_importance(answer, per_sample, torch.full_like(p, 0.1), idx, "equal probabilities")


@grade(EXERCISE, points=1)
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


@grade(EXERCISE, points=1)
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
