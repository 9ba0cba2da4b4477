import itertools
import math

import pytest
import torch

from noisydescent import Quadratic, theory, train
from noisydescent.devices import generator
from noisydescent.schedules import NAMES, constant, multipliers, named, with_warmup

EIGENVALUES = torch.tensor([0.05, 0.4, 1.0], dtype=torch.float64)
SIGMA = torch.tensor([[1.0, 0.5, 0.0], [0.5, 2.0, 0.3], [0.0, 0.3, 0.5]], dtype=torch.float64)


def problem(noise=SIGMA) -> Quadratic:
    optimum = torch.tensor([0.5, -1.0, 0.0])
    return Quadratic(EIGENVALUES, noise=noise, start=torch.tensor([3.0, 1.0, -1.0]), optimum=optimum, device="cpu")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("warmup", [0.0, 0.25])
def test_expected_loss_is_the_mean_loss_of_many_runs(name, warmup, agrees):
    p, steps = problem(), 40
    schedule = named(name, steps, warmup)
    training = train(p, steps=steps, batch_size=4, peak=0.8, schedule=schedule, runs=4000, record_every=10, seed=1)
    expected = theory.expected_loss_of(p, 4, 0.8, schedule, steps)
    assert expected.shape == (steps + 1,)
    assert float(expected[0]) == pytest.approx(float(p.loss(p.start)))
    agrees(training.loss[1:].T, expected[10::10])


def test_expected_loss_without_noise_is_gradient_descent_to_the_last_digit():
    p, schedule = problem(noise=0.0), named("cosine", 30, 0.1)
    training = train(p, steps=30, batch_size=1, peak=1.5, schedule=schedule)
    torch.testing.assert_close(
        theory.expected_loss_of(p, 1, 1.5, schedule, 30), training.loss[:, 0], rtol=1e-12, atol=0
    )


def test_expected_loss_of_many_schedules_at_once_is_that_of_each():
    p = problem()
    names = ["constant", "linear", "step", "wsd", "one cycle", "triangular"]
    rates = torch.stack([0.3 * multipliers(named(name, 20), 20) for name in names], dim=1).reshape(20, 2, 3)
    start = p.start - p.optimum
    together = theory.expected_loss(EIGENVALUES, p.noise_variance, 2, rates, start)
    assert together.shape == (21, 2, 3)
    for i, j in itertools.product(range(2), range(3)):
        apart = theory.expected_loss(EIGENVALUES, p.noise_variance, 2, rates[:, i, j], start)
        torch.testing.assert_close(together[:, i, j], apart, rtol=1e-14, atol=0)


def test_expected_loss_by_hand_for_two_steps():
    # lambda = 2, eta = 0.1 then 0.2, sigma^2 = 8, B = 4, theta_0 = 1
    mean, variance = 1.0, 0.0
    losses = [1.0]
    for eta in (0.1, 0.2):
        mean, variance = (1 - 2 * eta) * mean, (1 - 2 * eta) ** 2 * variance + eta**2 * 8 / 4
        losses.append(mean**2 + variance)
    got = theory.expected_loss(torch.tensor([2.0]), 8.0, 4, torch.tensor([0.1, 0.2]).double(), torch.ones(1))
    assert got.tolist() == pytest.approx(losses)


@pytest.mark.parametrize("rate", [0.05, 0.5, 1.5])
def test_loss_floor_is_where_the_recursion_stays(rate):
    noise = SIGMA.diagonal()
    floor = theory.loss_floor(EIGENVALUES, noise, 4, rate)
    rates = torch.full((8000,), rate, dtype=torch.float64)
    path = theory.expected_loss(EIGENVALUES, noise, 4, rates, torch.ones(3))
    assert float(path[-1]) == pytest.approx(floor, rel=1e-10)
    # eight times the batch size, an eighth of the floor; a small learning rate: about eta tr Sigma / 4B
    assert theory.loss_floor(EIGENVALUES, noise, 32, rate) == pytest.approx(floor / 8)
    assert theory.loss_floor(EIGENVALUES, noise, 4, 1e-6) == pytest.approx(1e-6 * float(noise.sum()) / 16, rel=1e-5)


def test_loss_floor_is_the_loss_of_long_runs(agrees):
    p = problem()
    settings = {"steps": 250, "batch_size": 8, "peak": 1.2, "schedule": constant, "record_every": 250}
    losses = train(p, runs=4000, **settings).loss[-1]
    agrees(losses, theory.loss_floor(p.eigenvalues, p.noise_variance, 8, 1.2))


@pytest.mark.parametrize("rate", [2.0, 3.0])
def test_no_floor_where_sgd_diverges(rate):
    with pytest.raises(ValueError, match=r"learning_rate must be below 2 / L = 2, got .*: SGD diverges"):
        theory.loss_floor(EIGENVALUES, 1.0, 1, rate)


H = torch.tensor([[2.0, 0.3], [0.3, 0.5]], dtype=torch.float64)
G = torch.tensor([1.0, -2.0], dtype=torch.float64)
NOISE = torch.tensor([[3.0, -1.0], [-1.0, 6.0]], dtype=torch.float64)


def gain(rate: float | torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    """Decrease of G.theta + theta.H.theta / 2 by one step from 0 against the minibatch gradients g (..., 2)."""
    step = -rate * g
    return -(step @ G) - 0.5 * torch.einsum("...i,ij,...j", step, H, step)


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_expected_gain_is_the_greatest_over_learning_rates(batch_size):
    # E over g = G + noise of covariance NOISE / B: the second moment is G G' + NOISE / B
    rates = torch.arange(40_000, dtype=torch.float64)[:, None] / 20_000
    expected = gain(rates, G) - 0.5 * rates[:, 0].square() * (H * NOISE).sum() / batch_size
    best = float(expected.max())
    claimed = float(theory.expected_gain(G, H, NOISE, torch.tensor(batch_size)))
    assert best == pytest.approx(claimed, rel=1e-6) and best <= claimed + 1e-12


def test_expected_gain_is_the_mean_gain_of_sampled_steps_at_the_best_rate(agrees):
    root = torch.linalg.cholesky(NOISE)
    for batch_size in (1, 16):
        z = torch.randn(200_000, 2, generator=generator(batch_size), dtype=torch.float64)
        minibatch = G + z @ root.T / batch_size**0.5
        rate = G @ G / (G @ H @ G + (H * NOISE).sum() / batch_size)
        agrees(gain(float(rate), minibatch), theory.expected_gain(G, H, NOISE, torch.tensor(batch_size)))


def test_at_the_critical_batch_size_half_of_the_gain_is_left():
    critical = theory.critical_batch_size(G, H, NOISE)
    sizes = torch.tensor([critical, 4 * critical, 1e12], dtype=torch.float64)
    half, four_fifths, full = theory.expected_gain(G, H, NOISE, sizes).tolist()
    assert half == pytest.approx(full / 2, rel=1e-9) and four_fifths == pytest.approx(full * 0.8, rel=1e-9)
    assert critical == pytest.approx(float((H @ NOISE).trace() / (G @ H @ G)))


def test_both_noise_scales_agree_for_a_hessian_that_is_a_multiple_of_the_identity():
    simple = theory.simple_noise_scale(G, float(NOISE.trace()))
    assert simple == pytest.approx(9 / 5)
    assert theory.critical_batch_size(G, 3 * torch.eye(2).double(), NOISE) == pytest.approx(simple)
    assert theory.simple_noise_scale(torch.zeros(2), 1.0) == math.inf


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5])
def test_gradient_variance_against_every_minibatch_of_a_tiny_data_set(batch_size):
    rows = torch.randn(5, 2, generator=generator(0), dtype=torch.float64)
    trace = float(rows.var(dim=0, correction=0).sum())

    def over(minibatches) -> float:
        means = torch.stack([rows[list(chosen)].mean(dim=0) for chosen in minibatches])
        return float((means - rows.mean(dim=0)).square().sum(dim=1).mean())

    with_replacement = over(itertools.product(range(5), repeat=batch_size))
    without = over(itertools.combinations(range(5), batch_size))
    assert theory.gradient_variance(trace, batch_size) == pytest.approx(with_replacement, rel=1e-12)
    assert theory.gradient_variance(trace, batch_size, population=5) == pytest.approx(without, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: theory.gradient_variance(1.0, 6, population=5), "batch_size must not be greater than population"),
        (lambda: theory.gradient_variance(1.0, 0), "batch_size must be a whole number of at least 1"),
        (lambda: theory.gradient_variance(1.0, 1, population=1), "population must be a whole number of at least 2"),
        (lambda: theory.expected_loss_of(problem(), 0, 0.1, constant, 5), "batch_size must be"),
        (lambda: theory.expected_loss_of(problem(), 1, -0.1, constant, 5), "peak must be finite and not negative"),
        (lambda: theory.expected_loss_of(problem(), 1, 0.1, with_warmup(constant, 2), -1), "steps must be"),
        (lambda: theory.loss_floor(EIGENVALUES, 1.0, 1, float("nan")), "learning_rate must be finite"),
    ],
)
def test_bad_arguments(call, words):
    with pytest.raises(ValueError, match=words):
        call()
