"""Average of the iterates: the exercise and its tests."""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.bank.inputs import normal, strided
from autograde.bank.so_polyak_average.mistakes import aliased_readings, polyak_mistakes, polyak_readings
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import AnswerError, Mistake, as_tensor, expect_close, expect_error, low_precision, matches

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_5_practical_variants",
    number=1,
    title="Average of the iterates",
    functions=("PolyakAverage",),
    difficulty=2,
    minutes=20,
)


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


@grade(EXERCISE, points=2)
def test_polyak_mean(answer, generator):
    """After each update value is the mean of all points so far"""
    for count, dim in [(6, 4), (9, 4)]:
        thetas = points(generator, count, dim)
        name = f"PolyakAverage().value after each of {count} updates"
        check_polyak(answer, feed(answer, answer.PolyakAverage(), thetas, name), thetas, 0, name)


@grade(EXERCISE, points=2)
def test_polyak_start(answer, generator):
    """The first `start` updates are left out"""
    for start, count in [(3, 8), (2, 5)]:
        thetas = points(generator, count, 4)
        name = f"PolyakAverage(start={start}).value after each of {count} updates"
        check_polyak(answer, feed(answer, answer.PolyakAverage(start=start), thetas, name), thetas, start, name)


@grade(EXERCISE, points=1)
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


@grade(EXERCISE, points=1)
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


@grade(EXERCISE, points=1)
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


@grade(EXERCISE, points=1, hidden=True)
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


@grade(EXERCISE, points=1)
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
