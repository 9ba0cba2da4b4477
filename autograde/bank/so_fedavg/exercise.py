"""A round of federated averaging: the exercise and its tests."""

from __future__ import annotations

import torch

from autograde.bank.inputs import strided, uniform
from autograde.bank.local_steps import callables, compare, draw_oracles
from autograde.bank.so_fedavg.mistakes import fedavg_mistakes, fedavg_server
from autograde.bank.weighted_means import draw_sizes, draw_weights
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import Mistake, expect_error

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_5_practical_variants",
    number=5,
    title="A round of federated averaging",
    functions=("fedavg_round",),
    difficulty=3,
    minutes=20,
)


def check_fedavg(answer, oracles, server, weights, lr, steps, name, handed=None, table=True, **tolerance):
    """`handed` is what the answer gets as weights, by default the list `weights`; `table` as above."""
    got = answer.fedavg_round(server, callables(oracles), weights if handed is None else handed, lr, steps)
    if isinstance(got, (list, tuple)):
        raise Mistake(f"`{name}` returned a {type(got).__name__}: return the new server parameters alone, (d,)")
    replays = [oracle.replay for oracle in oracles]
    expected = fedavg_server(replays, server, weights, lr, steps).to(server.dtype)
    mistakes = fedavg_mistakes(replays, server, weights, lr, steps) if table else {}
    compare(got, expected, oracles, steps, mistakes, name, "client", **tolerance)


@grade(EXERCISE, points=3)
def test_fedavg_round(answer, generator):
    """Local steps of every client, then the weighted mean of their models"""
    for clients, dim, steps in [(4, 2, 3), (3, 4, 2)]:
        oracles, server = draw_oracles(generator, clients, dim)
        weights, lr = draw_weights(generator, clients), uniform(generator, 0.1, 0.2)
        name = f"fedavg_round(server, clients, weights, lr, local_steps={steps}) with {clients} clients"
        check_fedavg(answer, oracles, server, weights, lr, steps, name)


@grade(EXERCISE, points=2)
def test_fedavg_counts(answer, generator):
    """Weights that are numbers of samples; halving all of them changes nothing"""
    oracles, server = draw_oracles(generator, 3, 3)
    counts, lr = draw_sizes(generator, 3, low=20, high=300), uniform(generator, 0.1, 0.2)
    for weights in (counts, [count / 2 for count in counts]):
        for oracle in oracles:
            oracle.calls = 0
        check_fedavg(answer, oracles, server, weights, lr, 2, f"fedavg_round(server, clients, {weights}, lr, 2)")


@grade(EXERCISE, points=1, hidden=True)
def test_fedavg_sizes(answer, generator):
    """One client, one coordinate, clients that draw a minibatch at every call"""
    for clients, dim, steps, draws in [(1, 3, 2, 0), (3, 1, 2, 0), (3, 4, 2, 24)]:
        oracles, server = draw_oracles(generator, clients, dim, draws)
        weights, lr = draw_weights(generator, clients), uniform(generator, 0.1, 0.2)
        name = f"fedavg_round(server, clients, weights, lr, {steps}) with {clients} clients, d = {dim}"
        check_fedavg(answer, oracles, server, weights, lr, steps, name, table=clients > 1)


@grade(EXERCISE, points=1)
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


@grade(EXERCISE, points=1)
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
