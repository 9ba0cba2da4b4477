"""Local SGD: the exercise and its tests."""

from __future__ import annotations

from autograde.bank.inputs import strided, uniform
from autograde.bank.local_steps import callables, compare, draw_oracles
from autograde.bank.so_local_sgd.mistakes import iterate, local_sgd_mistakes
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, as_tensor, expect_error, matches

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_5_practical_variants",
    number=4,
    title="Local SGD",
    functions=("local_sgd",),
    difficulty=3,
    minutes=25,
)


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


@grade(EXERCISE, points=3)
def test_local_sgd_rounds(answer, generator):
    """Several rounds: local steps from the server's iterate, then the mean of the models"""
    oracles, theta0 = draw_oracles(generator, 2, 5)
    lr = uniform(generator, 0.1, 0.2)
    check_local(answer, oracles, theta0, lr, 2, 3, "local_sgd(grads, theta0, lr, rounds=2, local_steps=3), 2 workers")


@grade(EXERCISE, points=1)
def test_local_sgd_one_step(answer, generator):
    """One local step: minibatch SGD over all workers"""
    oracles, theta0 = draw_oracles(generator, 3, 4)
    lr = uniform(generator, 0.1, 0.2)
    check_local(answer, oracles, theta0, lr, 2, 1, "local_sgd(grads, theta0, lr, rounds=2, local_steps=1), 3 workers")


@grade(EXERCISE, points=1, hidden=True)
def test_local_sgd_random_oracles(answer, generator):
    """Workers that draw a minibatch at every call"""
    oracles, theta0 = draw_oracles(generator, 3, 4, draws=40)
    lr = uniform(generator, 0.1, 0.2)
    check_local(answer, oracles, theta0, lr, 3, 2, "local_sgd with workers that draw minibatches")


@grade(EXERCISE, points=1, hidden=True)
def test_local_sgd_sizes(answer, generator):
    """One worker, one coordinate"""
    for workers, dim, rounds, steps in [(1, 3, 2, 2), (3, 1, 2, 2)]:
        oracles, theta0 = draw_oracles(generator, workers, dim)
        lr = uniform(generator, 0.1, 0.2)
        name = f"local_sgd(grads, theta0, lr, {rounds}, {steps}) with {workers} workers, d = {dim}"
        check_local(answer, oracles, theta0, lr, rounds, steps, name, table=workers > 1)


@grade(EXERCISE, points=1)
def test_local_sgd_layouts(answer, generator):
    """theta0 in float32, and as a view that is not contiguous"""
    lr = uniform(generator, 0.1, 0.2)
    oracles, theta0 = draw_oracles(generator, 2, 4)
    name = "local_sgd(grads, theta0, lr, 1, 3) with a strided theta0"
    check_local(answer, oracles, strided(theta0), lr, 1, 3, name, table=False)
    oracles, theta0 = draw_oracles(generator, 2, 4)
    name = "local_sgd(grads, theta0, lr, 1, 3) in float32"
    check_local(answer, oracles, theta0.float(), lr, 1, 3, name, table=False, rtol=1e-4)


@grade(EXERCISE, points=1)
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
