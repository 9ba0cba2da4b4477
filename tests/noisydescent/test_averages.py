"""Averages over iterates, micro-batches and workers: metrics, and their exact variance on a quadratic."""

import math

import pytest
import torch

from noisydescent import diagnostics, optimizers, theory
from noisydescent.devices import generator
from noisydescent.problems import Quadratic

EIGENVALUES = torch.tensor([0.2, 0.7, 1.1], dtype=torch.float64)
NOISE = torch.tensor([1.0, 0.5, 2.0], dtype=torch.float64)


def path_of(problem, rate, steps, seeds, batch_size=2):
    oracle = problem.oracle(seeds, batch_size, generator(0, problem.device))
    return optimizers.local_sgd([oracle], problem.initial(seeds), rate, steps, 1)


def test_last_and_averaged_losses_of_a_known_path():
    path = torch.tensor([[[9.0]], [[1.0]], [[3.0]]])
    last, averaged = diagnostics.last_and_averaged(lambda theta: theta.square().sum(dim=-1), path, start=1)
    assert (last.tolist(), averaged.tolist()) == ([9.0], [4.0])
    with pytest.raises(ValueError, match="start"):
        diagnostics.last_and_averaged(lambda theta: theta.sum(dim=-1), path, start=3)


def test_max_difference():
    a = torch.tensor([1.0, -2.0, 4.0])
    assert diagnostics.max_difference(a, a.clone()) == 0.0
    assert diagnostics.max_difference(a, torch.tensor([1.0, -2.5, 4.25])) == 0.5
    infinite = torch.tensor([math.inf, 0.0])
    assert diagnostics.max_difference(infinite, infinite) == 0.0
    assert diagnostics.max_difference(infinite, torch.tensor([1.0, 0.0])) == math.inf
    assert diagnostics.max_difference(torch.tensor([math.nan]), torch.tensor([1.0])) == math.inf
    with pytest.raises(ValueError, match="one shape"):
        diagnostics.max_difference(a, a[None])


def test_relative_difference():
    a = torch.tensor([3.0, 4.0])
    assert diagnostics.relative_difference(4 * a, a) == pytest.approx(3.0)
    assert diagnostics.relative_difference(a, a) == 0.0
    assert diagnostics.relative_difference(a, torch.zeros(2)) == math.inf
    assert diagnostics.relative_difference(torch.zeros(2), torch.zeros(2)) == 0.0
    with pytest.raises(ValueError, match="one shape"):
        diagnostics.relative_difference(a, a[:1])


def test_client_drift_is_a_mean_over_clients():
    models = torch.tensor([[[1.0, 0.0], [5.0, 5.0]], [[-1.0, 0.0], [5.0, 5.0]]])
    assert diagnostics.client_drift(models).tolist() == [1.0, 0.0]
    with pytest.raises(ValueError, match=r"\(K, R, d\)"):
        diagnostics.client_drift(models[0])


@pytest.mark.parametrize("rate", [0.1, 0.9, 1.7])
@pytest.mark.parametrize("steps", [1, 2, 7, 60])
def test_polyak_variance_is_exact_at_every_t(agrees, rate, steps):
    problem = Quadratic(EIGENVALUES, NOISE)
    mean = path_of(problem, rate, steps, 2000)[:steps].mean(dim=0)
    decay = (1 - rate * EIGENVALUES) ** torch.arange(steps)[:, None]
    expected = theory.polyak_variance(EIGENVALUES, NOISE, 2, rate, steps)
    agrees((mean - decay.mean(dim=0)).square(), expected)


def test_polyak_variance_tends_to_the_sandwich_for_every_rate():
    sandwich = theory.polyak_covariance(torch.diag(EIGENVALUES), torch.diag(NOISE), 1, 2).diagonal()
    for rate in (0.05, 0.5, 1.7):
        scaled = 10**6 * theory.polyak_variance(EIGENVALUES, NOISE, 2, rate, 10**6)
        assert torch.allclose(scaled, sandwich, rtol=1e-3)
    many = theory.polyak_variance(EIGENVALUES, NOISE, 2, 0.5, torch.tensor([[1, 5], [9, 13]]))
    assert many.shape == (2, 2, 3)
    assert torch.equal(many[1, 0], theory.polyak_variance(EIGENVALUES, NOISE, 2, 0.5, 9))
    assert torch.equal(many[0, 0], torch.zeros(3).double()), "theta_0 has no noise yet"


@pytest.mark.parametrize("rate", [0.0, 2 / 1.1, -0.1])
def test_polyak_variance_needs_a_stable_rate(rate):
    with pytest.raises(ValueError, match="learning_rate"):
        theory.polyak_variance(EIGENVALUES, NOISE, 2, rate, 5)
    with pytest.raises(ValueError, match="steps"):
        theory.polyak_variance(EIGENVALUES, NOISE, 2, 0.1, 0)


@pytest.mark.parametrize("local_steps", [1, 4, 10])
def test_expected_drift_is_what_local_sgd_measures(agrees, local_steps):
    """Drift just before an averaging, in the second round of four workers; and the mean is minibatch SGD."""
    problem, random = Quadratic(EIGENVALUES, NOISE), generator(1)
    oracles = [problem.oracle(2000, 3, random) for _ in range(4)]
    server = optimizers.local_sgd(oracles, problem.initial(2000), 0.6, 1, local_steps)[-1]
    models = optimizers.client_models(server, oracles, 0.6, local_steps)
    rates = torch.full((2 * local_steps,), 0.6)
    before = theory.expected_drift(EIGENVALUES, NOISE, 3, rates[:local_steps], local_steps + 1, 4)[-1]
    agrees(diagnostics.client_drift(models), before.sum())
    together = theory.expected_loss(EIGENVALUES, NOISE, 12, rates, problem.start)
    agrees(problem.loss(models.mean(dim=0)), together[-1])
    within = theory.expected_drift(EIGENVALUES, NOISE, 3, rates, local_steps, 4)
    assert within.shape == (2 * local_steps + 1, 3)
    assert within[::local_steps].abs().max() == 0
    for phase in range(1, local_steps):
        assert torch.allclose(within[phase], within[local_steps + phase]) and (within[phase] > 0).all()


def test_expected_drift_of_one_worker_is_zero_and_follows_the_rate():
    rates = torch.tensor([0.5, 0.0, 0.5])
    assert theory.expected_drift(EIGENVALUES, NOISE, 1, rates, 9, 1).abs().max() == 0
    drift = theory.expected_drift(EIGENVALUES, NOISE, 1, rates, 9, 2)
    assert torch.allclose(drift[1], 0.25 * NOISE / 2) and torch.equal(drift[2], drift[1])
    with pytest.raises(ValueError, match="local_steps"):
        theory.expected_drift(EIGENVALUES, NOISE, 1, rates, 0, 2)
