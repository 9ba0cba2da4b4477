"""Learning rate at equal temperature: the exercise and its tests."""

from __future__ import annotations

from autograde.bank.inputs import uniform
from autograde.bank.so_temperature.mistakes import matched, temperature_mistakes
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, expect_error, expect_number

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_6_advanced_topics",
    number=7,
    title="Learning rate at equal temperature",
    functions=("matched_lr",),
    difficulty=1,
    minutes=5,
)


def check_rate(answer, lr, batch, new_batch, shown=True):
    name = f"matched_lr({lr:.3g}, {batch}, {new_batch})" if shown else "matched_lr(lr, batch, new_batch)"
    mistakes = temperature_mistakes(lr, batch, new_batch)
    expect_number(answer.matched_lr(lr, batch, new_batch), matched(lr, batch, new_batch), name=name, mistakes=mistakes)


@grade(EXERCISE, points=2)
def test_matched_lr_larger(answer, generator):
    """A larger batch"""
    for batch, new_batch in [(32, 256), (256, 1280), (8, 24)]:
        check_rate(answer, uniform(generator, 0.03, 0.3), batch, new_batch)


@grade(EXERCISE, points=1)
def test_matched_lr_smaller(answer, generator):
    """A smaller batch, and the same one"""
    for batch, new_batch in [(256, 32), (96, 16), (48, 48)]:
        check_rate(answer, uniform(generator, 0.03, 0.3), batch, new_batch)


@grade(EXERCISE, points=1, hidden=True)
def test_matched_lr_ratio(answer, generator):
    """Batch sizes that do not divide each other, large and small learning rates"""
    for batch, new_batch, low in [(96, 256, 1e-4), (256, 96, 1e-4), (7, 1000, 0.5), (1000, 7, 0.5), (1, 3, 2.0)]:
        check_rate(answer, uniform(generator, low, 2 * low), batch, new_batch, shown=False)


@grade(EXERCISE, points=1)
def test_matched_lr_arguments(answer, generator):
    """ValueError for batch sizes that are not positive"""
    call, lr = answer.matched_lr, uniform(generator, 0.03, 0.3)
    if call(lr, 8, 16) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(call, lr, 0, 16, names=("batch",), what="batch = 0")
    expect_error(call, lr, -8, 16, names=("batch",), what="batch = -8")
    expect_error(call, lr, 8, 0, names=("new_batch",), what="new_batch = 0")
    expect_error(call, lr, 8, -16, names=("new_batch",), what="new_batch = -16")
