"""Gradient noise scale: the exercise and its tests."""

from __future__ import annotations

import torch

from autograde.bank.comparisons import parts
from autograde.bank.inputs import strided, uniform
from autograde.bank.so_noise_scale.mistakes import noise_scale_of, quotient_mistakes, signal_mistakes, trace_mistakes
from autograde.bank.two_batch_norms import measured
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import expect_error, expect_number, matches

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_6_advanced_topics",
    number=1,
    title="Gradient noise scale",
    functions=("noise_scale",),
    difficulty=3,
    minutes=20,
)


def scales(answer, n_small, n_big, b_small, b_big, name):
    return parts(answer.noise_scale(n_small, n_big, b_small, b_big), 3, name, "(G2, S, B_simple)")


TABLES = (signal_mistakes, trace_mistakes, quotient_mistakes)


def check_scale(answer, n_small, n_big, b_small, b_big, which=(0, 1, 2), what="", rtol=None):
    """Compare the entries `which` of (G2, S, B_simple)."""
    name = "noise_scale(n_small, n_big, b_small, b_big)" + what
    got = scales(answer, n_small, n_big, b_small, b_big, name)
    expected = noise_scale_of(n_small, n_big, b_small, b_big)
    for part in which:
        table = TABLES[part](n_small, n_big, b_small, b_big)
        if part == 2 and not matches(got[2], expected[2], name):
            table = own_quotient(got, table)
        expect_number(got[part], expected[part], name=f"{name}[{part}]", mistakes=table, rtol=rtol)


def own_quotient(got, table):
    """With a wrong G2 or S the quotient of the two is wrong as well: say so where nothing better is known."""
    try:
        quotient = float(got[1]) / float(got[0])
    except (TypeError, ValueError, ZeroDivisionError):
        return table
    return table | {"B_simple is the quotient of your S and G2, which are wrong: mend those first": quotient}


def check_part(answer, generator, part, sizes, spread):
    """Entry `part` of the result, from pairs that scatter by `spread`; `sizes`: (pairs, b_small, b_big) a call."""
    for pairs, b_small, b_big in sizes:
        signal, noise = uniform(generator, 1.0, 3.0), uniform(generator, 20.0, 40.0)
        n_small, n_big = measured(generator, pairs, signal, noise, b_small, b_big, spread)
        check_scale(answer, n_small, n_big, b_small, b_big, (part,), f" with {pairs} pair{'s' * (pairs > 1)}")


@grade(EXERCISE, points=1)
def test_noise_scale_signal(answer, generator):
    """G2, the squared norm of the gradient without noise"""
    check_part(answer, generator, 0, [(1, 4, 24), (6, 3, 32)], 0.15)


@grade(EXERCISE, points=1)
def test_noise_scale_trace(answer, generator):
    """S, the trace of the covariance of a single sample's gradient"""
    check_part(answer, generator, 1, [(1, 4, 24), (6, 3, 32)], 0.15)


# The numbers of pairs are even, lest the median be one of the pairs.
@grade(EXERCISE, points=2)
def test_noise_scale_ratio_of_means(answer, generator):
    """B_simple from many noisy pairs: average first, divide once"""
    check_part(answer, generator, 2, [(8, 4, 24), (40, 6, 50)], 0.35)


@grade(EXERCISE, points=1, hidden=True)
def test_noise_scale_sizes(answer, generator):
    """Batch size 1, neighbouring and far batch sizes, large and small gradients"""
    for pairs, b_small, b_big, unit in [(6, 1, 16, 1.0), (4, 3, 8, 1e-4), (4, 5, 4000, 1e3)]:
        signal, noise = unit * uniform(generator, 1.0, 3.0), unit * uniform(generator, 20.0, 40.0)
        n_small, n_big = measured(generator, pairs, signal, noise, b_small, b_big, 0.1)
        check_scale(answer, n_small, n_big, b_small, b_big)


@grade(EXERCISE, points=1, hidden=True)
def test_noise_scale_negative(answer, generator):
    """A negative G2: all three come back as they are"""
    noise = uniform(generator, 28.0, 36.0)
    n_small, n_big = measured(generator, 4, -0.5, noise, 4, 32, 0.02)
    check_scale(answer, n_small, n_big, 4, 32, what=" with a negative G2")
    # Some pairs negative, their mean is not.
    n_small = [8.0 + uniform(generator, 0.0, 1.0), 6.0 + uniform(generator, 0.0, 1.0)]
    n_big = [0.7, 4.0 + uniform(generator, 0.0, 1.0)]
    check_scale(answer, n_small, n_big, 4, 32, what=" where some pairs have a negative G2")


def as_column(values):
    return torch.tensor(values, dtype=torch.float64)


@grade(EXERCISE, points=1)
def test_noise_scale_containers(answer, generator):
    """Tensors instead of lists, float32, views that are not contiguous"""
    n_small, n_big = measured(generator, 6, uniform(generator, 1.0, 3.0), 30.0, 4, 24, 0.15)
    check_scale(answer, as_column(n_small), as_column(n_big), 4, 24, what=" with tensors")
    check_scale(answer, strided(as_column(n_small)), strided(as_column(n_big)), 4, 24, what=" with strided tensors")
    small, big = as_column(n_small).float(), as_column(n_big).float()
    check_scale(answer, small, big, 4, 24, what=" in float32", rtol=1e-4)


@grade(EXERCISE, points=1)
def test_noise_scale_arguments(answer, generator):
    """ValueError for sequences that are no pairs and for batch sizes out of order"""
    call = answer.noise_scale
    n_small, n_big = measured(generator, 3, 2.0, 30.0, 4, 24, 0.15)
    scales(answer, n_small, n_big, 4, 24, "noise_scale(n_small, n_big, b_small, b_big)")
    lengths = ("n_small", "n_big")
    expect_error(call, n_small, n_big[:2], 4, 24, names=lengths, what="3 entries in n_small and 2 in n_big")
    expect_error(call, [], [], 4, 24, names=lengths, what="empty n_small and n_big")
    sizes = ("b_small", "b_big")
    expect_error(call, n_small, n_big, 24, 4, names=sizes, what="b_small = 24 with b_big = 4")
    expect_error(call, n_small, n_big, 8, 8, names=sizes, what="b_small = b_big")
    expect_error(call, n_small, n_big, 0, 8, names=sizes, what="b_small = 0")
    expect_error(call, n_small, n_big, -4, 8, names=sizes, what="b_small = -4")
