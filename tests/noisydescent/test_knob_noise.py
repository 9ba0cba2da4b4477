"""The gradient noise of another kind, and the control that chooses it."""

import math

import pytest
import torch

from noisydescent import generator, multipliers, named, train
from noisydescent.labs import KNOBS, LabState
from noisydescent.labs.measurement import LABS
from noisydescent.labs.prediction import expected_loss_multiplicative
from noisydescent.problems import Logistic, MarkovLanguage, Noisy, Quadratic, stable_noise

QUADRATIC = Quadratic(torch.tensor([0.2, 0.5, 1.0]), noise=torch.tensor([1.0, 4.0, 0.25]))
THETA = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)


def gradients(problem, batch_size, runs=40_000, theta=THETA):
    oracle = problem.oracle(runs, batch_size, generator(0))
    return oracle(theta.expand(runs, -1))


@pytest.mark.parametrize("alpha", [0.7, 1.0, 1.5, 2.0])
def test_stable_noise_has_its_characteristic_function(alpha, agrees):
    x = stable_noise(alpha, 40_000, generator=generator(1), device="cpu")
    k = torch.tensor([0.3, 1.0, 2.0], dtype=torch.float64)
    agrees(torch.cos(x[:, None] * k), torch.exp(-(k**alpha)))
    agrees(torch.sin(x[:, None] * k), torch.zeros(3))
    mean_of_eight = x.view(-1, 8).mean(dim=1, keepdim=True)
    agrees(torch.cos(mean_of_eight * k), torch.exp(-((k * 8 ** (1 / alpha - 1)) ** alpha)))


def test_known_members_of_the_family(agrees):
    agrees(stable_noise(2.0, 40_000, generator=generator(2), device="cpu").square(), 2.0)
    cauchy = stable_noise(1.0, 40_000, generator=generator(3), device="cpu")
    agrees((cauchy.abs() < 1).double(), 0.5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_stable_noise_is_finite(dtype):
    x = stable_noise(1.5, 2_000_000, generator=generator(4), device="cpu", dtype=dtype)
    assert x.dtype == dtype and torch.isfinite(x).all() and x.abs().max() > 1000


@pytest.mark.parametrize("alpha", [0.0, 2.1, -1.0, math.nan])
def test_stable_noise_names_a_wrong_exponent(alpha):
    with pytest.raises(ValueError, match="alpha"):
        stable_noise(alpha, 3, generator=generator(0), device="cpu")


@pytest.mark.parametrize("batch_size", [1, 8])
def test_multiplicative_noise_is_that_of_least_squares_in_each_coordinate(batch_size, agrees):
    g = gradients(Noisy(QUADRATIC, "multiplicative"), batch_size)
    full = QUADRATIC.gradient(THETA)
    agrees(g, full)
    agrees((g / full - 1).square(), torch.full((3,), 2 / batch_size))
    agrees((g[:, 0] - full[0]) * (g[:, 1] - full[1]), 0.0)
    assert not gradients(Noisy(QUADRATIC, "multiplicative"), batch_size, 10, torch.zeros(3).double()).any()


@pytest.mark.parametrize("batch_size", [1, 8])
def test_heavy_tails_are_stable_around_the_full_gradient(batch_size, agrees):
    scale = torch.tensor([1.0, 2.0, 0.5])
    error = gradients(Noisy(QUADRATIC, "heavy tails", scale), batch_size) - QUADRATIC.gradient(THETA)
    agrees(torch.cos(error), torch.exp(-((scale / 2**0.5) ** 1.5) * batch_size**-0.5))
    assert error.abs().max() > 30 * error.abs().median()  # normal noise: about 6


def test_on_top_of_sampling():
    language = MarkovLanguage(length=4, width=8, layers=1, sequences=64, held_out=16)
    theta = language.initial(2, generator(0))
    sampled = language.oracle(2, 4, generator(5))(theta)
    silent = Noisy(language, "heavy tails", 0.0).oracle(2, 4, generator(5))(theta)
    assert torch.equal(sampled, silent)
    noisy = Noisy(language, "heavy tails", 1.0).oracle(2, 4, generator(5))(theta)
    assert not torch.allclose(noisy, sampled)


def test_runs_of_a_seed_see_the_same_noise():
    for kind in ("multiplicative", "heavy tails"):
        g = Noisy(QUADRATIC, kind).oracle(6, 2, generator(0), copies=2)(THETA.expand(6, -1))
        assert torch.equal(g[:3], g[3:]) and not torch.equal(g[0], g[1])


def test_all_else_is_the_problem_s():
    noisy = Noisy(QUADRATIC, "heavy tails")
    assert noisy.dim == 3 and noisy.floor == 0.0
    assert torch.equal(noisy.loss(THETA), QUADRATIC.loss(THETA))
    with pytest.raises(ValueError, match=r"kind.*heavy tails"):
        Noisy(QUADRATIC, "heavy tail")
    with pytest.raises(ValueError, match="scale"):
        Noisy(QUADRATIC, "heavy tails", torch.ones(2))
    with pytest.raises(ValueError, match="scale"):
        Noisy(QUADRATIC, "heavy tails", -1.0)


def test_expected_loss_under_multiplicative_noise_is_that_of_many_runs(agrees):
    rates = 0.5 * multipliers(named("cosine", 12), 12)
    exact = expected_loss_multiplicative(QUADRATIC.local_quadratic(), 4, rates)
    run = train(
        Noisy(QUADRATIC, "multiplicative"), steps=12, batch_size=4, peak=0.5, schedule=named("cosine", 12), runs=20_000
    )
    agrees(run.loss.T[:, 1:], exact[1:])
    assert exact[0] == pytest.approx(float(run.loss[0, 0]))


def test_the_limit_of_one_dimensional_least_squares():
    """Steepest curvature 1, B = 2: the second moment contracts below eta = 2 / (1 + 2/2) = 1 and grows above."""
    for rate, factor in [(0.98, 0.98**2 * 2 - 2 * 0.98 + 1), (1.02, 1.02**2 * 2 - 2 * 1.02 + 1)]:
        problem = Quadratic(torch.tensor([1.0]))
        losses = expected_loss_multiplicative(problem.local_quadratic(), 2, torch.full((5,), rate))
        assert torch.allclose(losses[1:] / losses[:-1], torch.full((5,), factor).double())
        assert (factor < 1) == (rate < 1)


def test_correlated_coordinates(agrees):
    """Where H is not diagonal the factors still act on the coordinates of theta."""
    logistic = Logistic.gaussian_classes(n_samples=200, dim=3, seed=2)
    near = logistic.optimum + 1e-3 * torch.tensor([1.0, -1.0, 2.0]).double()

    class Near(Logistic):
        def initial(self, runs, generator=None):
            return near.repeat(runs, 1)

    problem = Near(logistic.X, logistic.y, l2=logistic.l2)
    rates = torch.full((4,), 0.5, dtype=torch.float64)
    exact = expected_loss_multiplicative(problem.local_quadratic(), 1, rates)
    schedule = named("constant", 4)
    run = train(Noisy(problem, "multiplicative"), steps=4, batch_size=1, peak=0.5, schedule=schedule, runs=20_000)
    excess = run.loss.mean(dim=1) - problem.floor
    error = run.loss.std(dim=1) / 20_000**0.5
    # f is a quadratic here only up to its third derivative, about 1e-3 of it
    assert torch.all((excess - exact).abs() <= 4 * error + 3e-3 * exact)


def test_the_spread_is_that_of_one_sample_s_gradient():
    assert torch.equal(QUADRATIC.gradient_spread(), QUADRATIC.noise_variance.sqrt())
    logistic = Logistic.gaussian_classes(n_samples=100, dim=4)
    rows = logistic.per_sample_gradients(logistic.optimum)
    assert torch.allclose(logistic.gradient_spread(), rows.std(dim=0, correction=0))
    language = MarkovLanguage(length=4, width=8, layers=1, sequences=64, held_out=16)
    spread = language.gradient_spread()
    assert spread.shape == (language.dim,) and (spread > 0).any()


@pytest.mark.parametrize("name", LABS)
def test_the_knob_in_each_lab(name):
    steps = 10
    loss = {}
    for kind in KNOBS["noise"].options:
        state = LabState(batch_size=4, peak=0.1, steps=steps, knobs=(("noise", kind),))
        hooks, measured = LABS[name].setup(state).hooks, LABS[name].measure(state)
        assert measured.curves.applied == pytest.approx(0.1, rel=1e-3)
        assert (measured.curves.predicted is None) == (name == "transformer" or kind == "heavy tails")
        assert hooks.noise == (None if kind == "sampled" else kind)
        loss[kind] = measured.curves.mean
        if kind == "multiplicative" and name == "quadratic":
            assert abs(measured.curves.mean - measured.curves.predicted[measured.curves.steps]).max() < 0.2
    assert len({values[-1] for values in loss.values()}) == len(loss)


def test_interpolation_has_no_floor_in_the_lab():
    """Where the noise vanishes with the gradient, a constant rate leaves no plateau; sampling noise does."""
    final = {}
    for kind in ("sampled", "multiplicative"):
        state = LabState(batch_size=8, peak=0.3, steps=400, knobs=(("noise", kind),))
        final[kind] = LABS["quadratic"].measure(state).curves.mean[-1]
    assert final["multiplicative"] < 0.05 * final["sampled"]


def test_the_legend_says_that_there_may_be_no_expectation():
    state = LabState(knobs=(("noise", "heavy tails"),))
    assert "where finite" in LABS["quadratic"].look_of(state).predicted
    assert LABS["transformer"].look_of(state).predicted == ""
