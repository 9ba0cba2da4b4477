import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from noisydescent import theory, train
from noisydescent.devices import generator
from noisydescent.problems import LeastSquares
from noisydescent.schedules import constant

COVARIANCE = torch.tensor([[1.0, 0.4, 0.0], [0.4, 0.5, -0.1], [0.0, -0.1, 0.3]], dtype=torch.float64)
OPTIMUM = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
THETA = torch.tensor([1.0, 0.3, -0.2], dtype=torch.float64)


@pytest.fixture(scope="module")
def problem() -> LeastSquares:
    return LeastSquares(COVARIANCE, sigma=0.7, optimum=OPTIMUM, device="cpu")


def test_loss_gradient_and_hessian_agree_with_the_definition(problem, agrees):
    x, error = problem.sample(200_000, generator=generator(0))
    agrees(x[:, :, None] * x[:, None, :], COVARIANCE)
    y = x @ OPTIMUM + error
    agrees(0.5 * (x @ THETA - y).square(), problem.loss(THETA))
    agrees(0.5 * error.square(), problem.floor)
    assert problem.floor == pytest.approx(0.245) and float(problem.loss(OPTIMUM)) == problem.floor
    torch.testing.assert_close(problem.gradient(THETA), torch.func.grad(problem.loss)(THETA))
    torch.testing.assert_close(problem.hessian, torch.func.hessian(problem.loss)(THETA))
    torch.testing.assert_close(problem.loss(THETA.repeat(2, 3, 1)), problem.loss(THETA).expand(2, 3))


@pytest.mark.parametrize("sigma", [0.0, 0.7])
def test_noise_covariance_is_that_of_one_samples_gradient(sigma, agrees):
    p = LeastSquares(COVARIANCE, sigma=sigma, optimum=OPTIMUM)
    for theta in (THETA, OPTIMUM + 0.1):
        noise = p.per_sample_gradients(theta, 300_000, generator(1)) - p.gradient(theta)
        agrees(noise, torch.zeros(3))
        agrees(noise[:, :, None] * noise[:, None, :], p.noise_covariance(theta))
    at_optimum = p.noise_covariance(OPTIMUM)
    torch.testing.assert_close(at_optimum, sigma**2 * COVARIANCE)
    # interpolation: every sample is content with the optimum
    assert (p.per_sample_gradients(OPTIMUM, 9, generator(2)).abs().max() == 0) == (sigma == 0)


@pytest.mark.parametrize("batch_size", [1, 8])
def test_oracle_is_unbiased_with_covariance_sigma_over_b(problem, batch_size, agrees):
    oracle = problem.oracle(500, batch_size, generator(3))
    errors = torch.cat([oracle(THETA.expand(500, 3)) for _ in range(200)]) - problem.gradient(THETA)
    agrees(errors, torch.zeros(3))
    agrees(errors[:, :, None] * errors[:, None, :], problem.noise_covariance(THETA) / batch_size)


def test_configurations_of_a_seed_share_its_minibatches(problem):
    """One sample's gradient is linear in theta: with the same minibatches the gradient at the middle is the mean."""
    a, b = THETA, -2 * THETA
    oracle = problem.oracle(6, 2, generator(4), copies=3)
    theta = torch.stack([a, b, (a + b) / 2]).repeat_interleave(2, dim=0)
    first, second, middle = oracle(theta).view(3, 2, 3)
    torch.testing.assert_close(middle, (first + second) / 2)
    assert (first[0] - first[1]).abs().max() > 1e-3, "two seeds"
    alone = problem.oracle(6, 2, generator(4))(theta).view(3, 2, 3)
    assert (alone[2] - (alone[0] + alone[1]) / 2).abs().max() > 1e-3
    with pytest.raises(ValueError, match="runs must be a multiple of copies"):
        problem.oracle(5, 2, generator(4), copies=2)


@pytest.mark.parametrize(("batch_size", "share"), [(4, 0.9), (4, 1.1), (16, 0.9), (16, 1.1)])
def test_one_dimension_is_stable_in_mean_square_below_the_limit_and_not_above(batch_size, share, agrees):
    """E theta^2 <- (1 - 2 eta lam + eta^2 lam^2 (1 + 2/B)) E theta^2, which is 1 at eta = 2 / (lam (1 + 2/B))."""
    lam = 0.5
    limit = 2 / (lam * (1 + 2 / batch_size))
    assert theory.max_learning_rate_least_squares(lam, batch_size) == pytest.approx(limit)
    eta = share * limit
    factor = 1 - 2 * eta * lam + (eta * lam) ** 2 * (1 + 2 / batch_size)
    assert (factor < 1) == (share < 1)
    p = LeastSquares(torch.tensor([lam]))
    oracle = p.oracle(100_000, batch_size, generator(5))
    theta = p.initial(100_000)
    squares = [theta[:, 0].square()]
    for _ in range(4):
        theta = theta - eta * oracle(theta)
        squares.append(theta[:, 0].square())
    agrees(torch.stack(squares[1:], dim=1), factor ** torch.arange(1, 5))
    assert (squares[-1].mean() < squares[0].mean()) == (share < 1)


@pytest.mark.parametrize("sigma", [0.0, 0.5])
def test_training_follows_the_exact_recursion(sigma, agrees):
    p = LeastSquares(COVARIANCE, sigma=sigma, optimum=OPTIMUM)
    run = train(p, steps=40, batch_size=2, peak=0.3, schedule=constant, runs=4000, record_every=10)
    start = p.to_eigenbasis(p.start - p.optimum)
    rates = torch.full((40,), 0.3, dtype=torch.float64)
    expected = theory.expected_loss_least_squares(p.eigenvalues, p.label_noise, 2, rates, start)
    agrees((run.loss - p.floor).T[:, 1:], expected[run.steps[1:]])


def test_without_label_noise_a_constant_rate_converges_and_with_it_does_not():
    def excess(sigma: float) -> torch.Tensor:
        p = LeastSquares(torch.tensor([1.0, 0.5]), sigma=sigma)
        run = train(p, steps=400, batch_size=4, peak=0.5, schedule=constant, runs=8, record_every=400)
        return run.loss[-1] - p.floor

    assert excess(0.0).max() < 1e-12
    assert excess(0.5).mean() > 1e-3


def test_independent_inputs_are_the_diagonal_covariance():
    variances = torch.tensor([2.0, 0.1], dtype=torch.float64)
    short, long = LeastSquares(variances, 0.3), LeastSquares(torch.diag(variances), 0.3)
    assert short.eigenvalues.tolist() == [2.0, 0.1], "in the order given"
    theta = torch.tensor([[0.3, -1.0]], dtype=torch.float64)
    torch.testing.assert_close(short.loss(theta), long.loss(theta))
    torch.testing.assert_close(short.noise_covariance(theta[0]), long.noise_covariance(theta[0]))


def test_no_operation_mixes_devices(problem):
    p = LeastSquares(COVARIANCE, sigma=0.7, device="cpu")
    with FakeTensorMode():
        # a device whose tensors can be made without it: one made on the CPU by default is an error
        for key, value in vars(p).items():
            if isinstance(value, torch.Tensor):
                setattr(p, key, torch.empty(value.shape, dtype=value.dtype, device="lazy"))
        p.device = torch.device("lazy")
        theta = p.initial(4)
        values = [p.oracle(4, 3, torch.Generator(), copies=2)(theta), p.loss(theta), p.gradient(theta)]
        values += [p.per_sample_gradients(theta.unbind()[0], 5, torch.Generator())]
        values += [p.noise_covariance(theta.unbind()[0]), p.hessian, p.to_eigenbasis(theta)]
        assert {value.device.type for value in values} == {"lazy"}
        with pytest.raises(RuntimeError, match="device"):
            theta + torch.ones(4, 3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"covariance": torch.ones(2, 3)}, r"covariance must be \(d,\) variances or \(d, d\), got \(2, 3\)"),
        ({"covariance": torch.ones(0)}, "covariance must be"),
        ({"covariance": torch.tensor([[1.0, 0.5], [0.0, 1.0]])}, "covariance must be symmetric"),
        ({"covariance": torch.tensor([[1.0, 2.0], [2.0, 1.0]])}, "positive definite"),
        ({"covariance": torch.tensor([1.0, 0.0])}, "positive definite"),
        ({"covariance": torch.tensor([1.0, float("nan")])}, "covariance holds 1 NaN"),
        ({"sigma": -1.0}, "sigma must be finite and not negative"),
        ({"start": torch.ones(3)}, r"start must have shape \(2,\), got \(3,\)"),
        ({"optimum": torch.ones(1, 2)}, r"optimum must have shape \(2,\)"),
    ],
)
def test_bad_input(changes, words):
    with pytest.raises(ValueError, match=words):
        LeastSquares(**{"covariance": torch.tensor([1.0, 0.5]), **changes})


def test_bad_counts(problem):
    with pytest.raises(ValueError, match="batch_size must be a whole number"):
        problem.oracle(1, 0, generator(0))
    with pytest.raises(ValueError, match="n must be a whole number"):
        problem.per_sample_gradients(THETA, 0, generator(0))
