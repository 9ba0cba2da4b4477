"""Graders of assignment 1.5 Practical variants: averages of iterates, of gradients, and of models.

Every input is drawn from `generator`, every expected value is a closed form or a replay of the same recursion in
float64. Where a worker's oracle is random, the noise is drawn beforehand and handed out call by call, so no test is
stochastic beyond its seeded inputs: the probability that a right answer fails is zero. Expected values, and what
typical mistakes give on the same input, are in `mistakes_1_5_practical_variants`.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.graders.inputs import columns_first, normal, strided, uniform
from autograde.graders.mistakes_1_5_practical_variants import (
    MICRO,
    WORKERS,
    aliased_readings,
    fedavg_mistakes,
    fedavg_server,
    fixed_point,
    fixed_point_mistakes,
    iterate,
    local_sgd_mistakes,
    polyak_mistakes,
    polyak_readings,
    weighted_mean,
    weighted_mistakes,
)
from autograde.judge.exercise import Exercise, grade
from autograde.judge.expect import (
    AnswerError,
    Mistake,
    as_tensor,
    expect_close,
    expect_error,
    low_precision,
    matches,
    note,
)

POLYAK_AVERAGE = Exercise(
    id="so-polyak-average",
    notebook="1_5_practical_variants",
    title="Average of the iterates",
    functions=("PolyakAverage",),
    difficulty=2,
    minutes=20,
    concepts=("Polyak averaging",),
)
AVERAGE_DISTRIBUTED = Exercise(
    id="so-average-distributed",
    notebook="1_5_practical_variants",
    title="One gradient from many workers",
    functions=("average_gradients",),
    difficulty=2,
    minutes=15,
    concepts=("distributed SGD",),
)
ACCUMULATE = Exercise(
    id="so-accumulate",
    notebook="1_5_practical_variants",
    title="Accumulate micro-batches",
    functions=("accumulate",),
    difficulty=1,
    minutes=10,
    concepts=("gradient accumulation",),
)
LOCAL_SGD = Exercise(
    id="so-local-sgd",
    notebook="1_5_practical_variants",
    title="Local SGD",
    functions=("local_sgd",),
    difficulty=3,
    minutes=25,
    concepts=("local SGD",),
)
FEDAVG = Exercise(
    id="so-fedavg",
    notebook="1_5_practical_variants",
    title="A round of federated averaging",
    functions=("fedavg_round",),
    difficulty=3,
    minutes=20,
    concepts=("federated averaging",),
)
FEDAVG_FIXED_POINT = Exercise(
    id="so-fedavg-fixed-point",
    notebook="1_5_practical_variants",
    title="Where federated averaging settles",
    functions=("fedavg_fixed_point",),
    difficulty=4,
    minutes=30,
    concepts=("federated averaging",),
)


def expect_vector(got, expected, *, name, mistakes, **tolerance):
    """`expect_close` that forgives a float32 step on the way.

    `torch.tensor([0.25, 0.75])` is float32, and a product of it with float64 shows as float64: what agrees to float32
    precision passes with a note, unless it is what a known mistake returns.
    """
    try:
        expect_close(got, expected, name=name, mistakes=mistakes, **tolerance)
    except Mistake as mistake:
        if str(mistake) in mistakes or not isinstance(got, (torch.Tensor, np.ndarray)):
            raise
        have, want = torch.as_tensor(got).detach().double(), expected.double()
        near = have.shape == want.shape and bool(((have - want).abs() <= 1e-5 * want.abs().max()).all())
        if not near:
            raise
        note(f"`{name}` is accurate to about six digits: was something on the way computed in float32?")


# so-polyak-average


def value_of(average, name):
    """What `value` shows, with None left as it is. Raises Mistake for a method and for NaN."""
    value = average.value
    if callable(value) and not isinstance(value, torch.Tensor):
        raise Mistake("value is a method: make it a property, with `@property` above its `def`")
    if isinstance(value, (torch.Tensor, np.ndarray)) and bool(torch.isnan(torch.as_tensor(value).detach()).any()):
        raise Mistake(f"`{name}` is NaN: before anything was averaged it is None, later it is finite")
    return value


def feed(answer, average, thetas, name, before=lambda index: None):
    """Copies of `value` after each update with one of `thetas`; before(index) is called ahead of each update."""
    shown = []
    for index, theta in enumerate(thetas):
        before(index)
        try:
            average.update(theta)
            value = value_of(average, name)
        except AnswerError:
            blame_shared_state(answer, theta.shape)
            raise
        if value is not None:
            value = as_tensor(value, name, theta.shape).clone()
        shown.append(value)
    return shown


def blame_shared_state(answer, shape):
    """Raise Mistake when a new object knows a point already, or takes some shapes and not others.

    `shape` is one that was handed to other objects before.
    """
    try:
        value = answer.PolyakAverage(0).value
    except Mistake:
        value = None
    if isinstance(value, (torch.Tensor, np.ndarray)) and bool(torch.as_tensor(value).detach().any()):
        raise Mistake("A new PolyakAverage has a value already: objects share their state, set it in `__init__`")

    def takes(theta):
        try:
            answer.PolyakAverage(0).update(theta)
        except Mistake:
            return False
        return True

    if takes(torch.ones(shape, dtype=torch.float64)) != takes(torch.ones(11, 13, dtype=torch.float64)):
        raise Mistake(
            "A new PolyakAverage takes a theta of one shape and not of another: "
            "objects share their state, set it in `__init__`"
        )


def check_polyak(answer, got, thetas, start, name, first=None, rtol=None):
    """`got` are values or None, one an update; `first` maps sentences to what is shown, ahead of the usual table."""
    shape = thetas[0].shape
    expected = polyak_readings(thetas, start)
    if any(low_precision(value.dtype) for value in [*thetas, *got] if value is not None):
        expected = expected.float()
    mistakes = (first or {}) | polyak_mistakes(thetas, start)
    for value in got:
        if value is not None and value.shape != shape:
            blame_shared_state(answer, shape)
            scalar = ": average over the updates, not over the coordinates" if value.dim() == 0 else ""
            raise Mistake(f"`{name}` has shape {tuple(value.shape)} for a theta of shape {tuple(shape)}{scalar}")
    have = torch.stack(
        [torch.full(shape, math.nan, dtype=expected.dtype) if v is None else v.to(expected.dtype) for v in got]
    )
    try:
        expect_close(have, expected, name=name, mistakes=mistakes, rtol=rtol)
    except Mistake as mistake:
        blame_shared_state(answer, shape)
        if str(mistake) in mistakes:
            raise
        for count, value in enumerate(got, start=1):
            if value is None and count > start:
                raise Mistake(f"value is None after {count} updates with start = {start}") from None
            if value is not None and count <= start:
                raise Mistake(f"value is not None after {count} updates with start = {start}") from None
        raise


def points(generator, count, *shape):
    """Iterates that move and scatter, so that no two means of them agree."""
    drift = 0.2 + torch.rand(*shape, generator=generator, dtype=torch.float64)
    return [1.0 + index * drift + normal(generator, *shape) for index in range(count)]


@grade(POLYAK_AVERAGE, points=2)
def test_polyak_mean(answer, generator):
    """After each update value is the mean of all points so far"""
    for count, dim in [(6, 4), (9, 4)]:
        thetas = points(generator, count, dim)
        name = f"PolyakAverage().value after each of {count} updates"
        check_polyak(answer, feed(answer, answer.PolyakAverage(), thetas, name), thetas, 0, name)


@grade(POLYAK_AVERAGE, points=2)
def test_polyak_start(answer, generator):
    """The first `start` updates are left out"""
    for start, count in [(3, 8), (2, 5)]:
        thetas = points(generator, count, 4)
        name = f"PolyakAverage(start={start}).value after each of {count} updates"
        check_polyak(answer, feed(answer, answer.PolyakAverage(start=start), thetas, name), thetas, start, name)


@grade(POLYAK_AVERAGE, points=1)
def test_polyak_nothing_yet(answer, generator):
    """value is None before anything was averaged"""
    for start, updates in [(0, 0), (2, 2), (4, 1)]:
        average = answer.PolyakAverage(start)
        name = f"PolyakAverage({start}).value after {updates} updates"
        try:
            for theta in points(generator, updates, 3):
                average.update(theta)
            value = value_of(average, name)
        except AnswerError as failure:
            if isinstance(failure.error, NotImplementedError):
                raise
            raise Mistake(f"{failure}: before anything was averaged value is None") from None
        if value is not None:
            blame_shared_state(answer, (3,))
            raise Mistake("value is None before anything was averaged, neither zero nor a skipped point")


@grade(POLYAK_AVERAGE, points=1)
def test_polyak_changed_in_place(answer, generator):
    """update is handed one tensor again and again, changed in place, as an optimizer does"""
    thetas = points(generator, 6, 4)
    buffer = torch.zeros(4, dtype=torch.float64)
    name = "PolyakAverage().value with a theta that changes in place"
    got = feed(answer, answer.PolyakAverage(), [buffer] * 6, name, before=lambda index: buffer.copy_(thetas[index]))
    check_polyak(answer, got, thetas, 0, name, first=aliased_readings(thetas))
    average = answer.PolyakAverage()
    buffer.copy_(thetas[0])
    average.update(buffer)
    buffer.copy_(thetas[1])
    shown = as_tensor(value_of(average, name), name, buffer.shape)
    if matches(shown, thetas[1], name) and not matches(shown, thetas[0], name):
        raise Mistake("value follows theta when the caller changes it in place after update: keep a copy of it")
    expect_close(shown, thetas[0], name="PolyakAverage().value after one update")


@grade(POLYAK_AVERAGE, points=1)
def test_polyak_values_stay(answer, generator):
    """A value stays as it was returned, whatever is updated later"""
    for start in (0, 2):
        thetas = points(generator, start + 4, 3)
        average = answer.PolyakAverage(start)
        name = f"PolyakAverage({start}).value"
        kept, copies = [], []
        for theta in thetas:
            average.update(theta)
            value = value_of(average, name)
            if value is not None:
                kept.append(as_tensor(value, name, theta.shape))
                copies.append(kept[-1].clone())
        if any(not torch.equal(one, copy) for one, copy in zip(kept, copies, strict=True)):
            raise Mistake("A value that was read before is changed by a later update: hand out a copy of the average")
        skipped: list[torch.Tensor | None] = [None] * (len(thetas) - len(copies))
        check_polyak(answer, skipped + copies, thetas, start, name)


@grade(POLYAK_AVERAGE, points=1, hidden=True)
def test_polyak_objects(answer, generator):
    """Two objects in turn, each with its own average; reading changes nothing"""
    ours, theirs = points(generator, 5, 3), points(generator, 5, 3)
    first, second = answer.PolyakAverage(0), answer.PolyakAverage(2)
    name = "value of two objects in turn"
    mine, other, again = [], [], []
    for one, another in zip(ours, theirs, strict=True):
        mine += feed(answer, first, [one], name)
        other += feed(answer, second, [another], name)
        again.append(value_of(first, name))
    for one, two in zip(mine, again, strict=True):
        if one is not None and two is not None and not torch.equal(one, as_tensor(two, name, one.shape)):
            both = "Reading value twice, or updating another object in between, gives two values"
            blame_shared_state(answer, one.shape)
            raise Mistake(f"{both}: keep the state on the object, and let only update change it")
    check_polyak(answer, mine, ours, 0, name)
    check_polyak(answer, other, theirs, 2, name)


@grade(POLYAK_AVERAGE, points=1)
def test_polyak_arguments(answer, generator):
    """Other shapes, layouts and float32; ValueError for a negative start"""
    for shape in [(3, 4), (1,)]:
        thetas = points(generator, 3, *shape)
        name = f"PolyakAverage().value with theta of shape {shape}"
        check_polyak(answer, feed(answer, answer.PolyakAverage(), thetas, name), thetas, 0, name)
    thetas = points(generator, 5, 5)
    views = [strided(theta) for theta in thetas]
    name = "PolyakAverage(2).value with strided views"
    check_polyak(answer, feed(answer, answer.PolyakAverage(2), views, name), thetas, 2, name)
    single = [theta.float() for theta in thetas]
    name = "PolyakAverage(2).value in float32"
    average = answer.PolyakAverage(2)
    check_polyak(answer, feed(answer, average, single, name), single, 2, name, rtol=1e-4)
    expect_error(answer.PolyakAverage, -1, names=("start",), what="start = -1")
    names = ("theta", "shape")
    expect_error(average.update, normal(generator, 3).float(), names=names, what="a theta of 3 entries after one of 5")


# so-average-distributed


def away_from_zero(vector):
    """The vector with its first entry at 1 or above, so that means are not tiny beside what goes into them.

    Otherwise an answer that works in float32 could be thought wrong, by chance.
    """
    vector[0] = 1.0 + vector[0].abs()
    return vector


def draw_gradients(generator, count, dim):
    return [away_from_zero(0.7 + normal(generator, dim)) for _ in range(count)]


def extremes_inside(values):
    """The values with the largest away from both ends, and the smallest too where there are four or more.

    So "the first" and "the largest" are never the same, and a message cannot name one for the other.
    """
    low, high = min(values), max(values)
    if len(values) == 3:
        rest = [value for value in values if value != high]
        return [rest[0], high, rest[1]]
    rest = [value for value in values if value not in (low, high)]
    return [rest[0], high, low, *rest[1:]] if len(values) > 3 else values


def draw_sizes(generator, count, low=7, high=40):
    """Different whole numbers, none of them as small as the number of workers."""
    return extremes_inside((low + torch.randperm(high - low, generator=generator)[:count]).tolist())


def check_weighted(function, parts, counts, words, name, **tolerance):
    """With equal counts, or one, many mistakes give the same: the table would name one of them by chance."""
    got = function(parts, counts)
    if isinstance(got, (list, tuple)):
        raise Mistake(f"`{name}` returned a {type(got).__name__}: return one tensor (d,)")
    mistakes = weighted_mistakes(parts, counts, words) if len(set(counts)) > 1 else {}
    expected = weighted_mean(parts, counts).to(parts[0].dtype)
    expect_vector(got, expected, name=name, mistakes=mistakes, **tolerance)


@grade(AVERAGE_DISTRIBUTED, points=2)
def test_average_gradients_unequal(answer, generator):
    """Means of unequal shards, weighted by their batch sizes"""
    for workers, dim in [(4, 5), (5, 3)]:
        sizes = draw_sizes(generator, workers)
        grads = draw_gradients(generator, workers, dim)
        name = f"average_gradients(local_grads, {sizes})"
        check_weighted(answer.average_gradients, grads, sizes, WORKERS, name)


@grade(AVERAGE_DISTRIBUTED, points=2)
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


@grade(AVERAGE_DISTRIBUTED, points=1, hidden=True)
def test_average_gradients_sizes(answer, generator):
    """One worker, equal shards, one coordinate, one large shard among small ones"""
    large = 2000 + int(torch.randint(1000, (), generator=generator))
    equal = 6 + int(torch.randint(20, (), generator=generator))
    for sizes, dim in [([9], 3), ([equal] * 4, 2), (draw_sizes(generator, 4), 1), ([7, 1, large, 6], 5)]:
        grads = draw_gradients(generator, len(sizes), dim)
        name = f"average_gradients(local_grads, local_batch_sizes) with {len(sizes)} workers, d = {dim}"
        check_weighted(answer.average_gradients, grads, sizes, WORKERS, name)


@grade(AVERAGE_DISTRIBUTED, points=1)
def test_average_gradients_layouts(answer, generator):
    """float32 gradients, and views that are not contiguous"""
    sizes = draw_sizes(generator, 4)
    grads = draw_gradients(generator, 4, 6)
    name = "average_gradients(local_grads, local_batch_sizes) with strided views"
    check_weighted(answer.average_gradients, [strided(g) for g in grads], sizes, WORKERS, name)
    name = "average_gradients(local_grads, local_batch_sizes) in float32"
    check_weighted(answer.average_gradients, [g.float() for g in grads], sizes, WORKERS, name, rtol=1e-4)


@grade(AVERAGE_DISTRIBUTED, points=1)
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


# so-accumulate


@grade(ACCUMULATE, points=2)
def test_accumulate_unequal(answer, generator):
    """Micro-batches with different numbers of tokens"""
    for parts, dim in [(4, 3), (5, 6)]:
        counts = draw_sizes(generator, parts, low=10, high=200)
        grads = draw_gradients(generator, parts, dim)
        name = f"accumulate(micro_grads, {counts})"
        check_weighted(answer.accumulate, grads, counts, MICRO, name)


@grade(ACCUMULATE, points=1)
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


@grade(ACCUMULATE, points=1, hidden=True)
def test_accumulate_sizes(answer, generator):
    """One micro-batch, equal lengths, a single token beside a long text, one coordinate"""
    long = 3000 + int(torch.randint(1000, (), generator=generator))
    equal = 8 + int(torch.randint(50, (), generator=generator))
    for counts, dim in [([12], 4), ([equal] * 3, 3), ([19, 1, long, 11], 4), (draw_sizes(generator, 6), 1)]:
        grads = draw_gradients(generator, len(counts), dim)
        name = f"accumulate(micro_grads, micro_counts) with {len(counts)} micro-batches, d = {dim}"
        check_weighted(answer.accumulate, grads, counts, MICRO, name)


@grade(ACCUMULATE, points=1)
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


@grade(ACCUMULATE, points=1)
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


# so-local-sgd, so-fedavg


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


def check_local(answer, oracles, theta0, lr, rounds, steps, name, table=True, **tolerance):
    """`table` is False where sizes are so small that several mistakes give the same."""
    got = answer.local_sgd(callables(oracles), theta0, lr, rounds, steps)
    if isinstance(got, (list, tuple)):
        raise Mistake(f"`{name}` returned a {type(got).__name__}: stack the server's iterates into (rounds + 1, d)")
    replays = [oracle.replay for oracle in oracles]
    expected = iterate(replays, theta0, lr, rounds, steps).to(theta0.dtype)
    mistakes = local_sgd_mistakes(replays, theta0, lr, rounds, steps) if table else {}
    try:
        compare(got, expected, oracles, rounds * steps, mistakes, name, "worker", **tolerance)
    except Mistake as mistake:
        rows = as_tensor(got, name, expected.shape)
        if str(mistake) in mistakes or rows.shape != expected.shape or matches(rows[0], expected[0], name):
            raise
        raise Mistake("Row 0 is not theta0: is the tensor that stands there changed in place later?") from None


@grade(LOCAL_SGD, points=3)
def test_local_sgd_rounds(answer, generator):
    """Several rounds: local steps from the server's iterate, then the mean of the models"""
    oracles, theta0 = draw_oracles(generator, 2, 5)
    lr = uniform(generator, 0.1, 0.2)
    check_local(answer, oracles, theta0, lr, 2, 3, "local_sgd(grads, theta0, lr, rounds=2, local_steps=3), 2 workers")


@grade(LOCAL_SGD, points=1)
def test_local_sgd_one_step(answer, generator):
    """One local step: minibatch SGD over all workers"""
    oracles, theta0 = draw_oracles(generator, 3, 4)
    lr = uniform(generator, 0.1, 0.2)
    check_local(answer, oracles, theta0, lr, 2, 1, "local_sgd(grads, theta0, lr, rounds=2, local_steps=1), 3 workers")


@grade(LOCAL_SGD, points=1, hidden=True)
def test_local_sgd_random_oracles(answer, generator):
    """Workers that draw a minibatch at every call"""
    oracles, theta0 = draw_oracles(generator, 3, 4, draws=40)
    lr = uniform(generator, 0.1, 0.2)
    check_local(answer, oracles, theta0, lr, 3, 2, "local_sgd with workers that draw minibatches")


@grade(LOCAL_SGD, points=1, hidden=True)
def test_local_sgd_sizes(answer, generator):
    """One worker, one coordinate"""
    for workers, dim, rounds, steps in [(1, 3, 2, 2), (3, 1, 2, 2)]:
        oracles, theta0 = draw_oracles(generator, workers, dim)
        lr = uniform(generator, 0.1, 0.2)
        name = f"local_sgd(grads, theta0, lr, {rounds}, {steps}) with {workers} workers, d = {dim}"
        check_local(answer, oracles, theta0, lr, rounds, steps, name, table=workers > 1)


@grade(LOCAL_SGD, points=1)
def test_local_sgd_layouts(answer, generator):
    """theta0 in float32, and as a view that is not contiguous"""
    lr = uniform(generator, 0.1, 0.2)
    oracles, theta0 = draw_oracles(generator, 2, 4)
    name = "local_sgd(grads, theta0, lr, 1, 3) with a strided theta0"
    check_local(answer, oracles, strided(theta0), lr, 1, 3, name, table=False)
    oracles, theta0 = draw_oracles(generator, 2, 4)
    name = "local_sgd(grads, theta0, lr, 1, 3) in float32"
    check_local(answer, oracles, theta0.float(), lr, 1, 3, name, table=False, rtol=1e-4)


@grade(LOCAL_SGD, points=1)
def test_local_sgd_arguments(answer, generator):
    """ValueError for negative rounds, no local step, a negative learning rate and no worker"""
    oracles, theta0 = draw_oracles(generator, 2, 2)
    grads = callables(oracles)
    if answer.local_sgd(grads, theta0, 0.1, 1, 1) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(answer.local_sgd, grads, theta0, 0.1, -1, 2, names=("rounds",), what="rounds = -1")
    expect_error(answer.local_sgd, grads, theta0, 0.1, 2, 0, names=("local_steps",), what="local_steps = 0")
    expect_error(answer.local_sgd, grads, theta0, 0.1, 2, -3, names=("local_steps",), what="local_steps = -3")
    expect_error(answer.local_sgd, grads, theta0, -0.1, 2, 2, names=("lr", "learning_rate"), what="lr = -0.1")
    expect_error(answer.local_sgd, [], theta0, 0.1, 2, 2, names=("grads",), what="an empty list of workers")


def draw_weights(generator, count):
    """Weights that differ, sum neither to one nor to their number, and are in random order."""
    order = torch.randperm(count, generator=generator)
    return extremes_inside([0.6 + 0.9 * int(place) + uniform(generator, 0.1, 0.5) for place in order])


def check_fedavg(answer, oracles, server, weights, lr, steps, name, handed=None, table=True, **tolerance):
    """`handed` is what the answer gets as weights, by default the list `weights`; `table` as above."""
    got = answer.fedavg_round(server, callables(oracles), weights if handed is None else handed, lr, steps)
    if isinstance(got, (list, tuple)):
        raise Mistake(f"`{name}` returned a {type(got).__name__}: return the new server parameters alone, (d,)")
    replays = [oracle.replay for oracle in oracles]
    expected = fedavg_server(replays, server, weights, lr, steps).to(server.dtype)
    mistakes = fedavg_mistakes(replays, server, weights, lr, steps) if table else {}
    compare(got, expected, oracles, steps, mistakes, name, "client", **tolerance)


@grade(FEDAVG, points=3)
def test_fedavg_round(answer, generator):
    """Local steps of every client, then the weighted mean of their models"""
    for clients, dim, steps in [(4, 2, 3), (3, 4, 2)]:
        oracles, server = draw_oracles(generator, clients, dim)
        weights, lr = draw_weights(generator, clients), uniform(generator, 0.1, 0.2)
        name = f"fedavg_round(server, clients, weights, lr, local_steps={steps}) with {clients} clients"
        check_fedavg(answer, oracles, server, weights, lr, steps, name)


@grade(FEDAVG, points=2)
def test_fedavg_counts(answer, generator):
    """Weights that are numbers of samples; halving all of them changes nothing"""
    oracles, server = draw_oracles(generator, 3, 3)
    counts, lr = draw_sizes(generator, 3, low=20, high=300), uniform(generator, 0.1, 0.2)
    for weights in (counts, [count / 2 for count in counts]):
        for oracle in oracles:
            oracle.calls = 0
        check_fedavg(answer, oracles, server, weights, lr, 2, f"fedavg_round(server, clients, {weights}, lr, 2)")


@grade(FEDAVG, points=1, hidden=True)
def test_fedavg_sizes(answer, generator):
    """One client, one coordinate, clients that draw a minibatch at every call"""
    for clients, dim, steps, draws in [(1, 3, 2, 0), (3, 1, 2, 0), (3, 4, 2, 24)]:
        oracles, server = draw_oracles(generator, clients, dim, draws)
        weights, lr = draw_weights(generator, clients), uniform(generator, 0.1, 0.2)
        name = f"fedavg_round(server, clients, weights, lr, {steps}) with {clients} clients, d = {dim}"
        check_fedavg(answer, oracles, server, weights, lr, steps, name, table=clients > 1)


@grade(FEDAVG, points=1)
def test_fedavg_layouts(answer, generator):
    """weights as a tensor, server in float32 and as a strided view"""
    lr = uniform(generator, 0.1, 0.2)
    weights = draw_weights(generator, 2)
    oracles, server = draw_oracles(generator, 2, 4)
    name = "fedavg_round(server, clients, weights, lr, 2) with weights as a tensor"
    handed = torch.tensor(weights, dtype=torch.float64)
    check_fedavg(answer, oracles, strided(server), weights, lr, 2, name, handed=handed, table=False)
    oracles, server = draw_oracles(generator, 2, 4)
    name = "fedavg_round(server, clients, weights, lr, 2) in float32"
    check_fedavg(answer, oracles, server.float(), weights, lr, 2, name, table=False, rtol=1e-4)


@grade(FEDAVG, points=1)
def test_fedavg_arguments(answer, generator):
    """ValueError for weights that do not match the clients, no local step, a negative learning rate, no client"""
    oracles, server = draw_oracles(generator, 2, 2)
    clients, weights = callables(oracles), draw_weights(generator, 2)
    fedavg = answer.fedavg_round
    if fedavg(server, clients, weights, 0.1, 1) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    both = ("weights", "clients")
    expect_error(fedavg, server, clients, [*weights, 1.0], 0.1, 2, names=both, what="2 clients with 3 weights")
    expect_error(fedavg, server, clients, weights[:1], 0.1, 2, names=both, what="2 clients with 1 weight")
    expect_error(fedavg, server, [], [], 0.1, 2, names=both, what="no client at all")
    expect_error(fedavg, server, clients, weights, 0.1, 0, names=("local_steps",), what="local_steps = 0")
    expect_error(fedavg, server, clients, weights, 0.1, -2, names=("local_steps",), what="local_steps = -2")
    expect_error(fedavg, server, clients, weights, -0.1, 2, names=("lr", "learning_rate"), what="lr = -0.1")


# so-fedavg-fixed-point


def draw_quadratics(generator, clients, dim, lr, low=0.2, high=1.3):
    """Hessians (K, d, d) whose eigenvalues times lr lie between `low` and `high`, optima (K, d), weights (K,)."""
    hessians = []
    for _ in range(clients):
        basis = torch.linalg.qr(normal(generator, dim, dim)).Q
        eigenvalues = low + (high - low) * torch.rand(dim, generator=generator, dtype=torch.float64)
        hessian = basis @ torch.diag(eigenvalues / lr) @ basis.T
        hessians.append((hessian + hessian.T) / 2)
    weights = torch.tensor(draw_weights(generator, clients), dtype=torch.float64)
    optima = torch.stack([away_from_zero(1.0 + 2.0 * normal(generator, dim)) for _ in range(clients)])
    return torch.stack(hessians), optima, weights


def check_fixed_point(answer, problem, lr, steps, name, handed=None, **tolerance):
    """`handed` are hessians, optima and weights as the answer gets them, by default `problem` itself."""
    try:
        got = answer.fedavg_fixed_point(*(handed or problem), lr, steps)
    except AnswerError as failure:
        if (
            not isinstance(failure.error, (AttributeError, TypeError))
            or not handed
            or isinstance(handed[0], torch.Tensor)
        ):
            raise
        raise Mistake(f"{failure}: hessians, optima and weights may be lists as well as tensors") from None
    if isinstance(got, (list, tuple)):
        raise Mistake(f"`{name}` returned a {type(got).__name__}: return the fixed point alone, (d,)")
    mistakes = fixed_point_mistakes(*problem, lr, steps) if len(problem[0]) > 1 else {}
    expected = fixed_point(*problem, lr, steps).to(problem[0].dtype)
    expect_vector(got, expected, name=name, mistakes=mistakes, **tolerance)


@grade(FEDAVG_FIXED_POINT, points=3)
def test_fixed_point_solution(answer, generator):
    """The point that a round leaves where it is"""
    for clients, dim, steps in [(3, 3, 3), (4, 2, 5)]:
        lr = uniform(generator, 0.3, 0.7)
        problem = draw_quadratics(generator, clients, dim, lr)
        name = f"fedavg_fixed_point(hessians, optima, weights, lr, {steps}) with K = {clients}, d = {dim}"
        check_fixed_point(answer, problem, lr, steps, name)


@grade(FEDAVG_FIXED_POINT, points=1)
def test_fixed_point_weights(answer, generator):
    """Weights that are numbers of samples"""
    lr = uniform(generator, 0.3, 0.7)
    hessians, optima, _ = draw_quadratics(generator, 3, 4, lr)
    counts = draw_sizes(generator, 3, low=50, high=400)
    problem = hessians, optima, torch.tensor(counts, dtype=torch.float64)
    check_fixed_point(answer, problem, lr, 4, f"fedavg_fixed_point(hessians, optima, weights, lr, 4), weights {counts}")


@grade(FEDAVG_FIXED_POINT, points=1, hidden=True)
def test_fixed_point_limits(answer, generator):
    """One local step, very many, one client, one coordinate"""
    for clients, dim, steps in [(3, 3, 1), (3, 3, 120), (1, 3, 2), (3, 1, 4)]:
        lr = uniform(generator, 0.3, 0.7)
        problem = draw_quadratics(generator, clients, dim, lr)
        name = f"fedavg_fixed_point with K = {clients}, d = {dim}, {steps} local steps"
        check_fixed_point(answer, problem, lr, steps, name)


@grade(FEDAVG_FIXED_POINT, points=1, hidden=True)
def test_fixed_point_rates(answer, generator):
    """Rates at which local steps overshoot, or hardly move"""
    for low, high, steps in [(1.05, 1.75, 2), (1.05, 1.75, 3), (0.02, 0.08, 2)]:
        lr = uniform(generator, 0.1, 2.0)
        problem = draw_quadratics(generator, 3, 3, lr, low, high)
        what = "that overshoot" if low > 1 else "that hardly move"
        check_fixed_point(answer, problem, lr, steps, f"fedavg_fixed_point with {steps} local steps {what}")


@grade(FEDAVG_FIXED_POINT, points=1)
def test_fixed_point_layouts(answer, generator):
    """Lists of matrices, of vectors and of weights; float32; views that are not contiguous"""
    lr = uniform(generator, 0.3, 0.7)
    problem = draw_quadratics(generator, 3, 3, lr)
    hessians, optima, weights = problem
    lists = list(hessians.unbind()), list(optima.unbind()), weights.tolist()
    check_fixed_point(answer, problem, lr, 3, "fedavg_fixed_point with lists in place of tensors", handed=lists)
    views = strided(hessians), columns_first(optima), strided(weights)
    check_fixed_point(answer, problem, lr, 3, "fedavg_fixed_point with views that are not contiguous", handed=views)
    single = tuple(part.float() for part in problem)
    check_fixed_point(answer, single, lr, 3, "fedavg_fixed_point in float32", rtol=1e-4)


@grade(FEDAVG_FIXED_POINT, points=1)
def test_fixed_point_arguments(answer, generator):
    """ValueError for numbers and shapes that do not match, no local step, a negative learning rate"""
    hessians, optima, weights = draw_quadratics(generator, 3, 2, 0.5)
    settle = answer.fedavg_fixed_point
    if settle(hessians, optima, weights, 0.5, 2) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    names = ("hessians", "optima", "weights")
    expect_error(settle, hessians, optima[:2], weights, 0.5, 2, names=names, what="3 hessians with 2 optima")
    expect_error(settle, hessians, optima, weights[:2], 0.5, 2, names=names, what="3 hessians with 2 weights")
    expect_error(settle, hessians[:2], optima, weights, 0.5, 2, names=names, what="2 hessians with 3 optima")
    wide = torch.cat([hessians, hessians[:, :, :1]], dim=2)
    expect_error(settle, wide, optima, weights, 0.5, 2, names=names, what="hessians of shape (3, 2, 3)")
    longer = torch.cat([optima, optima[:, :1]], dim=1)
    expect_error(settle, hessians, longer, weights, 0.5, 2, names=names, what="optima with one coordinate too many")
    expect_error(settle, hessians, optima, weights, 0.5, 0, names=("local_steps",), what="local_steps = 0")
    expect_error(settle, hessians, optima, weights, 0.5, -1, names=("local_steps",), what="local_steps = -1")
    expect_error(settle, hessians, optima, weights, -0.5, 2, names=("lr", "learning_rate"), what="lr = -0.5")
