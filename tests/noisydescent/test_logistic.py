import pytest
import torch

from noisydescent import Logistic
from noisydescent.devices import generator

N, D = 60, 4


@pytest.fixture(scope="module")
def problem() -> Logistic:
    return Logistic.gaussian_classes(n_samples=N, dim=D, seed=1, device="cpu")


@pytest.fixture(scope="module")
def theta() -> torch.Tensor:
    return torch.randn(D, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def sample_loss(p: Logistic, theta: torch.Tensor, i: int) -> torch.Tensor:
    """The definition, one sample at a time."""
    return torch.log1p(torch.exp(-p.y[i] * (p.X[i] @ theta))) + 0.5 * p.l2 * theta @ theta


def test_loss_is_its_definition(problem, theta):
    expected = torch.stack([sample_loss(problem, theta, i) for i in range(N)]).mean()
    torch.testing.assert_close(problem.loss(theta), expected, rtol=1e-13, atol=0)
    torch.testing.assert_close(problem.loss(theta.repeat(3, 2, 1)), expected.expand(3, 2))


def test_gradient_hessian_and_per_sample_gradients_agree_with_autograd(problem, theta):
    expected = torch.func.grad(problem.loss)(theta)
    torch.testing.assert_close(problem.gradient(theta), expected, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(problem.hessian(theta), torch.func.hessian(problem.loss)(theta), rtol=1e-12, atol=1e-14)
    samples = problem.per_sample_gradients(theta)
    for i in range(N):
        one = torch.func.grad(lambda t, i=i: sample_loss(problem, t, i))(theta)
        torch.testing.assert_close(samples[i], one, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(samples.mean(dim=0), expected, rtol=1e-12, atol=1e-14)


def test_noise_covariance_is_that_of_the_data_set(problem, theta):
    centred = problem.per_sample_gradients(theta) - problem.gradient(theta)
    expected = sum(torch.outer(row, row) for row in centred) / N
    torch.testing.assert_close(problem.noise_covariance(theta), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("l2", [0.0, 1e-6, 1e-2, 10.0])
def test_newton_reaches_the_optimum(l2):
    p = Logistic.gaussian_classes(n_samples=500, dim=6, seed=2, l2=l2)
    assert p.gradient(p.optimum).norm() <= 1e-8
    assert p.floor == float(p.loss(p.optimum))
    around = p.optimum + 1e-3 * torch.randn(200, 6, generator=generator(0), dtype=torch.float64)
    assert (p.loss(around) > p.floor).all()


def test_the_lab_problem_has_an_optimum():
    p = Logistic.gaussian_classes()
    assert (p.n_samples, p.dim) == (2000, 20)
    assert p.gradient(p.optimum).norm() <= 1e-8
    assert 0.2 < p.floor < 0.6, "overlapping classes: neither separated nor indistinguishable"


def test_margins_of_ten_thousand_stay_finite():
    p = Logistic.gaussian_classes(n_samples=N, dim=D, seed=1)
    theta = 1e4 / (p.X @ torch.ones(D, dtype=torch.float64)).abs().max() * torch.ones(D, dtype=torch.float64)
    margins = p.y * (p.X @ theta)
    assert margins.abs().max() == pytest.approx(1e4) and margins.min() < -1e3
    # at such margins log(1 + exp(-m)) is max(0, -m) to the last digits, its derivative -1 or 0
    expected = margins.neg().clamp_min(0).mean() + 0.5 * p.l2 * theta @ theta
    assert float(p.loss(theta)) == pytest.approx(float(expected), rel=1e-4)
    one = p.oracle(1, 8, generator(0))(theta[None])
    for value in (p.gradient(theta), p.per_sample_gradients(theta), p.hessian(theta), one):
        assert torch.isfinite(value).all()


def test_oracle_is_unbiased_with_covariance_sigma_over_b(problem, theta, agrees):
    for batch_size in (1, 8):
        oracle = problem.oracle(500, batch_size, generator(4))
        errors = torch.cat([oracle(theta.expand(500, D)) for _ in range(40)]) - problem.gradient(theta)
        agrees(errors, torch.zeros(D))
        agrees(errors[:, :, None] * errors[:, None, :], problem.noise_covariance(theta) / batch_size)


def test_oracle_uses_each_runs_own_parameters(problem, theta):
    both = torch.stack([theta, -theta])
    oracle = problem.oracle(2, 4096, generator(0))
    means = torch.stack([oracle(both) for _ in range(20)]).mean(dim=0)
    torch.testing.assert_close(means, problem.gradient(both), rtol=0.05, atol=0.02)


def test_the_same_seed_gives_the_same_data():
    first, second, other = (Logistic.gaussian_classes(n_samples=N, dim=D, seed=s) for s in (3, 3, 4))
    assert torch.equal(first.X, second.X) and torch.equal(first.y, second.y)
    assert not torch.equal(first.X, other.X)


def data(**changes):
    return {"X": torch.randn(5, 2, generator=generator(0)), "y": torch.tensor([1.0, -1, 1, -1, 1]), **changes}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"X": torch.tensor([[1.0, float("nan")]] * 5)}, "X holds 5 NaN or infinite entries"),
        ({"X": torch.full((5, 2), float("inf"))}, "X holds 10 NaN or infinite entries"),
        ({"y": torch.tensor([0.0, 1, 0, 1, 0])}, "labels -1 and [+]1"),
        ({"y": torch.ones(4)}, r"X must be \(N, d\) and y \(N,\).*got \(5, 2\) and \(4,\)"),
        ({"X": torch.ones(5)}, r"X must be \(N, d\)"),
        ({"X": torch.ones(0, 2), "y": torch.ones(0)}, "N >= 1"),
        ({"l2": -1.0}, "l2 must be finite and not negative, got -1.0"),
        # one feature that separates the classes: without l2 the optimum lies at infinity
        ({"X": torch.tensor([[1.0], [-1], [2], [-2], [3]]), "l2": 0.0}, "l2 is too small .* separated"),
        # the same feature twice
        ({"X": torch.tensor([[1.0, 1], [2, 2], [-1, -1], [0, 0], [3, 3]]), "l2": 0.0}, "l2 is too small .* depend"),
    ],
)
def test_bad_data(changes, words):
    with pytest.raises(ValueError, match=words):
        Logistic(**data(**changes))
