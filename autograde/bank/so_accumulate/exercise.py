"""Accumulate micro-batches: the exercise and its tests."""

from __future__ import annotations

import torch

from autograde.bank.comparisons import expect_vector
from autograde.bank.inputs import normal, strided
from autograde.bank.so_accumulate.mistakes import MICRO
from autograde.bank.weighted_means import check_weighted, draw_gradients, draw_sizes, weighted_mistakes
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, expect_error

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_5_practical_variants",
    number=3,
    title="Accumulate micro-batches",
    functions=("accumulate",),
    difficulty=1,
    minutes=10,
)


@grade(EXERCISE, points=2)
def test_accumulate_unequal(answer, generator):
    """Micro-batches with different numbers of tokens"""
    for parts, dim in [(4, 3), (5, 6)]:
        counts = draw_sizes(generator, parts, low=10, high=200)
        grads = draw_gradients(generator, parts, dim)
        name = f"accumulate(micro_grads, {counts})"
        check_weighted(answer.accumulate, grads, counts, MICRO, name)


@grade(EXERCISE, points=1)
def test_accumulate_one_batch(answer, generator):
    """The same gradient as one large batch with the mean over all its tokens"""
    theta = normal(generator, 3)
    lengths = draw_sizes(generator, 5, low=6, high=30)
    grads, errors = [], []
    for length in lengths:
        # A token of a long text is easier here, as later tokens are: the means of the micro-batches differ.
        x = normal(generator, length, 3)
        slope = x * (x @ theta - normal(generator, length) - 20.0 / length)[:, None]
        grads.append(slope.mean(dim=0))
        errors.append(slope)
    name = f"accumulate(micro_grads, micro_counts) for {len(lengths)} texts of unequal length"
    mistakes = weighted_mistakes(grads, lengths, MICRO)
    expect_vector(answer.accumulate(grads, lengths), torch.cat(errors).mean(dim=0), name=name, mistakes=mistakes)


@grade(EXERCISE, points=1, hidden=True)
def test_accumulate_sizes(answer, generator):
    """One micro-batch, equal lengths, a single token beside a long text, one coordinate"""
    long = 3000 + int(torch.randint(1000, (), generator=generator))
    equal = 8 + int(torch.randint(50, (), generator=generator))
    for counts, dim in [([12], 4), ([equal] * 3, 3), ([19, 1, long, 11], 4), (draw_sizes(generator, 6), 1)]:
        grads = draw_gradients(generator, len(counts), dim)
        name = f"accumulate(micro_grads, micro_counts) with {len(counts)} micro-batches, d = {dim}"
        check_weighted(answer.accumulate, grads, counts, MICRO, name)


@grade(EXERCISE, points=1)
def test_accumulate_layouts(answer, generator):
    """float32 gradients, views that are not contiguous, and the same call twice"""
    counts = draw_sizes(generator, 4)
    grads = draw_gradients(generator, 4, 5)
    views = [strided(g) for g in grads]
    for _ in range(2):
        name = "accumulate(micro_grads, micro_counts) with strided views"
        check_weighted(answer.accumulate, views, counts, MICRO, name)
    name = "accumulate(micro_grads, micro_counts) in float32"
    check_weighted(answer.accumulate, [g.float() for g in grads], counts, MICRO, name, rtol=1e-4)


@grade(EXERCISE, points=1)
def test_accumulate_arguments(answer, generator):
    """ValueError for a micro-batch without tokens, for lists that do not match, and for empty ones"""
    accumulate = answer.accumulate
    grads = [normal(generator, 4) for _ in range(3)]
    if accumulate(grads, [3, 8, 5]) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    names = ("micro_counts", "count")
    expect_error(accumulate, grads, [3, 0, 5], names=names, what="a micro-batch with 0 tokens")
    expect_error(accumulate, grads, [3, 8, -5], names=names, what="a token count of -5")
    both = ("micro_counts", "micro_grads")
    expect_error(accumulate, grads, [3, 8], names=both, what="3 gradients with 2 token counts")
    expect_error(accumulate, [], [], names=both, what="no micro-batch at all")
    uneven = [*grads[:2], normal(generator, 3)]
    expect_error(accumulate, uneven, [3, 8, 5], names=("micro_grads", "shape"), what="gradients of different shapes")
