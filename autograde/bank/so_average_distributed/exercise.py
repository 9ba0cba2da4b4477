"""One gradient from many workers: the exercise and its tests."""

from __future__ import annotations

import torch

from autograde.bank.comparisons import expect_vector
from autograde.bank.inputs import normal, strided
from autograde.bank.so_average_distributed.mistakes import WORKERS
from autograde.bank.weighted_means import check_weighted, draw_gradients, draw_sizes, weighted_mistakes
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, expect_error

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_5_practical_variants",
    number=2,
    title="One gradient from many workers",
    functions=("average_gradients",),
    difficulty=2,
    minutes=15,
)


@grade(EXERCISE, points=2)
def test_average_gradients_unequal(answer, generator):
    """Means of unequal shards, weighted by their batch sizes"""
    for workers, dim in [(4, 5), (5, 3)]:
        sizes = draw_sizes(generator, workers)
        grads = draw_gradients(generator, workers, dim)
        name = f"average_gradients(local_grads, {sizes})"
        check_weighted(answer.average_gradients, grads, sizes, WORKERS, name)


@grade(EXERCISE, points=2)
def test_average_gradients_of_rows(answer, generator):
    """The full-batch mean of the rows that the workers share"""
    for workers in (4, 6):
        sizes = draw_sizes(generator, workers, low=5, high=20)
        # Every shard has a mean of its own, as sorted or filtered data has.
        shards = [normal(generator, size, 3) + 2 * normal(generator, 1, 3) for size in sizes]
        grads = [shard.mean(dim=0) for shard in shards]
        name = f"average_gradients(local_grads, local_batch_sizes) with {workers} shards of {sum(sizes)} rows"
        expected = torch.cat(shards).mean(dim=0)
        mistakes = weighted_mistakes(grads, sizes, WORKERS)
        expect_vector(answer.average_gradients(grads, sizes), expected, name=name, mistakes=mistakes)


@grade(EXERCISE, points=1, hidden=True)
def test_average_gradients_sizes(answer, generator):
    """One worker, equal shards, one coordinate, one large shard among small ones"""
    large = 2000 + int(torch.randint(1000, (), generator=generator))
    equal = 6 + int(torch.randint(20, (), generator=generator))
    for sizes, dim in [([9], 3), ([equal] * 4, 2), (draw_sizes(generator, 4), 1), ([7, 1, large, 6], 5)]:
        grads = draw_gradients(generator, len(sizes), dim)
        name = f"average_gradients(local_grads, local_batch_sizes) with {len(sizes)} workers, d = {dim}"
        check_weighted(answer.average_gradients, grads, sizes, WORKERS, name)


@grade(EXERCISE, points=1)
def test_average_gradients_layouts(answer, generator):
    """float32 gradients, and views that are not contiguous"""
    sizes = draw_sizes(generator, 4)
    grads = draw_gradients(generator, 4, 6)
    name = "average_gradients(local_grads, local_batch_sizes) with strided views"
    check_weighted(answer.average_gradients, [strided(g) for g in grads], sizes, WORKERS, name)
    name = "average_gradients(local_grads, local_batch_sizes) in float32"
    check_weighted(answer.average_gradients, [g.float() for g in grads], sizes, WORKERS, name, rtol=1e-4)


@grade(EXERCISE, points=1)
def test_average_gradients_arguments(answer, generator):
    """ValueError for lists that do not match, for no worker, and for a batch size below one"""
    average = answer.average_gradients
    grads, sizes = [normal(generator, 3) for _ in range(3)], [4, 9, 2]
    if average(grads, sizes) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    both = ("local_grads", "local_batch_sizes", "batch_size")
    expect_error(average, grads, sizes[:2], names=both, what="3 gradients with 2 batch sizes")
    expect_error(average, grads[:2], sizes, names=both, what="2 gradients with 3 batch sizes")
    expect_error(average, [], [], names=both, what="no worker at all")
    names = ("local_batch_sizes", "batch_size")
    expect_error(average, grads, [4, 0, 2], names=names, what="a batch size of 0")
    expect_error(average, grads, [4, 9, -2], names=names, what="a batch size of -2")
    uneven = [*grads[:2], normal(generator, 4)]
    expect_error(average, uneven, sizes, names=("local_grads", "shape"), what="gradients of different shapes")
