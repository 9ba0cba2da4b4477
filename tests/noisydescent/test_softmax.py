import math

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from noisydescent import Logistic, train
from noisydescent.devices import generator
from noisydescent.optimizers import saga, svrg
from noisydescent.problems import SoftmaxRegression
from noisydescent.schedules import constant

N, FEATURES, K = 60, 3, 4
D = K * FEATURES


@pytest.fixture(scope="module")
def problem() -> SoftmaxRegression:
    return SoftmaxRegression.gaussian_classes(N, FEATURES, K, seed=1, device="cpu")


@pytest.fixture(scope="module")
def theta() -> torch.Tensor:
    return torch.randn(D, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def sample_loss(p: SoftmaxRegression, theta: torch.Tensor, i: int) -> torch.Tensor:
    """The definition, one sample at a time."""
    scores = theta.reshape(K, FEATURES) @ p.X[i]
    return torch.log(torch.exp(scores).sum()) - scores[int(p.y[i])] + 0.5 * p.l2 * theta @ theta


def test_loss_is_its_definition(problem, theta):
    expected = torch.stack([sample_loss(problem, theta, i) for i in range(N)]).mean()
    torch.testing.assert_close(problem.loss(theta), expected, rtol=1e-13, atol=0)
    torch.testing.assert_close(problem.loss(theta.repeat(3, 2, 1)), expected.expand(3, 2))
    assert float(problem.loss(problem.initial(1))) == pytest.approx(math.log(K))


def test_gradient_hessian_and_per_sample_gradients_agree_with_autograd(problem, theta):
    expected = torch.func.grad(problem.loss)(theta)
    torch.testing.assert_close(problem.gradient(theta), expected, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(problem.gradient(theta.repeat(2, 1)), expected.repeat(2, 1))
    torch.testing.assert_close(problem.hessian(theta), torch.func.hessian(problem.loss)(theta), rtol=1e-12, atol=1e-14)
    samples = problem.per_sample_gradients(theta)
    for i in range(N):
        one = torch.func.grad(lambda t, i=i: sample_loss(problem, t, i))(theta)
        torch.testing.assert_close(samples[i], one, rtol=1e-12, atol=1e-14)


def test_single_gradients_are_the_rows_asked_for(problem, theta):
    rows = torch.tensor([5, 0, 5])
    both = torch.stack([theta, -theta, 2 * theta])
    expected = torch.stack([problem.per_sample_gradients(t)[i] for t, i in zip(both, rows, strict=True)])
    torch.testing.assert_close(problem.gradient_i(both, rows), expected, rtol=1e-13, atol=1e-15)
    logistic = Logistic.gaussian_classes(20, 3)
    both = both[:, :3]
    expected = torch.stack([logistic.per_sample_gradients(t)[i] for t, i in zip(both, rows, strict=True)])
    torch.testing.assert_close(logistic.gradient_i(both, rows), expected, rtol=1e-13, atol=1e-15)


def test_noise_covariance_is_that_of_the_data_set(problem, theta):
    centred = problem.per_sample_gradients(theta) - problem.gradient(theta)
    expected = sum(torch.outer(row, row) for row in centred) / N
    torch.testing.assert_close(problem.noise_covariance(theta), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("l2", [1e-6, 1e-2, 10.0])
def test_newton_reaches_the_optimum(l2):
    p = SoftmaxRegression.gaussian_classes(300, 4, 3, seed=2, l2=l2)
    assert p.gradient(p.optimum).norm() <= 1e-8
    assert p.floor == float(p.loss(p.optimum))
    around = p.optimum + 1e-2 * torch.randn(200, p.dim, generator=generator(0), dtype=torch.float64)
    assert (p.loss(around) > p.floor).all()
    # the l2 term leaves nothing in the direction that all classes share
    assert p.unflatten(p.optimum[None])["weight"].sum(dim=1).abs().max() < 1e-7 / l2


def test_the_default_problem_is_quick_and_has_overlapping_classes(monkeypatch):
    """Quick: a handful of Newton steps, each with one Hessian, find its optimum."""
    hessian, steps = SoftmaxRegression.hessian, []
    monkeypatch.setattr(SoftmaxRegression, "hessian", lambda self, theta: steps.append(1) or hessian(self, theta))
    p = SoftmaxRegression.gaussian_classes()
    assert 0 < len(steps) <= 10
    assert (p.n_samples, p.dim, p.classes) == (2000, 100, 5)
    assert p.gradient(p.optimum).norm() <= 1e-8
    assert 0.3 < p.floor < 1.2


def test_two_classes_are_logistic_regression():
    """softmax over (a, b) is the sigmoid of a - b, and two mirrored weights have half the l2 term of a - b."""
    logistic = Logistic.gaussian_classes(200, 3, seed=3, l2=0.02)
    p = SoftmaxRegression(logistic.X, (logistic.y > 0).long(), l2=0.04)
    torch.testing.assert_close(p.optimum, torch.cat([-logistic.optimum, logistic.optimum]) / 2, rtol=1e-8, atol=1e-9)
    assert p.floor == pytest.approx(logistic.floor, rel=1e-10)


def test_scores_of_ten_thousand_stay_finite(problem, theta):
    far = 1e4 * theta
    one = problem.oracle(1, 8, generator(0))(far[None])
    for value in (problem.loss(far), problem.gradient(far), problem.per_sample_gradients(far), one):
        assert torch.isfinite(value).all()


def test_oracle_is_unbiased_with_covariance_sigma_over_b(problem, theta, agrees):
    for batch_size in (1, 8):
        oracle = problem.oracle(500, batch_size, generator(4))
        errors = torch.cat([oracle(theta.expand(500, D)) for _ in range(40)]) - problem.gradient(theta)
        agrees(errors, torch.zeros(D))
        agrees(errors[:, :, None] * errors[:, None, :], problem.noise_covariance(theta) / batch_size)


def test_configurations_of_a_seed_share_its_minibatches(problem, theta):
    both = torch.stack([theta, theta, -theta, -theta])
    first = problem.oracle(4, 3, generator(5), copies=2)(both)
    second = problem.oracle(4, 3, generator(5), copies=2)(both.flip(0))
    torch.testing.assert_close(first, second.view(2, 2, D).flip(0).reshape(4, D))
    assert (first[0] - first[1]).abs().max() > 1e-3, "two seeds"
    means = torch.stack([problem.oracle(4, 4096, generator(s), copies=2)(both) for s in range(10)]).mean(dim=0)
    torch.testing.assert_close(means, problem.gradient(both), rtol=0.05, atol=0.03)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "muon", "shampoo"])
def test_every_kind_of_optimizer_trains_it(problem, optimizer):
    run = train(problem, steps=60, batch_size=8, peak=0.05, schedule=constant, optimizer=optimizer, runs=2)
    assert (run.loss[-1] < 0.95 * run.loss[0]).all() and (run.loss[-1] > problem.floor).all()


def test_svrg_and_saga_come_to_the_optimum(problem):
    p = SoftmaxRegression(problem.X, problem.y, l2=0.1)  # so curved that a few thousand steps are enough
    start = p.initial(2)
    snapshots = svrg(p.gradient_i, p.gradient, N, start, 0.03, 25, 2 * N, generator(6))
    last = saga(p.gradient_i, N, start, 0.03, 3000, generator(7))[0][-1]
    for theta in (snapshots[-1], last):
        torch.testing.assert_close(theta, p.optimum.expand(2, D), rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", ["softmax", "logistic"])
def test_in_single_precision_the_optimum_is_still_that_of_double_precision(kind):
    """As on mps, which has no float64: the data is rounded, the Newton solution is not."""
    p = SoftmaxRegression.gaussian_classes(N, FEATURES, K) if kind == "softmax" else Logistic.gaussian_classes(N, 3)
    rounded = p.X.float().double()
    exact = SoftmaxRegression(rounded, p.y, p.l2) if kind == "softmax" else Logistic(rounded, p.y, p.l2)
    p.dtype = torch.float32
    for key, value in vars(p).items():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            setattr(p, key, value.float())
    p._solve()
    assert torch.equal(p.optimum, exact.optimum.float())
    assert p.floor == pytest.approx(exact.floor, rel=1e-14)
    assert p.X.dtype == torch.float32, "the data stays as it is"


def test_no_operation_mixes_devices():
    p = SoftmaxRegression.gaussian_classes(N, FEATURES, K, device="cpu")
    with FakeTensorMode():
        for key, value in vars(p).items():
            if isinstance(value, torch.Tensor):
                setattr(p, key, torch.empty(value.shape, dtype=value.dtype, device="lazy"))
        p.device = torch.device("lazy")
        theta = p.initial(4)
        one = theta.unbind()[0]
        values = [p.oracle(4, 3, torch.Generator(), copies=2)(theta), p.loss(theta), p.gradient(theta), p.hessian(one)]
        values += [p.per_sample_gradients(one), p.gradient_i(theta, torch.zeros(4, dtype=torch.int64, device="lazy"))]
        assert {value.device.type for value in values} == {"lazy"}


def data(**changes):
    return {"X": torch.randn(5, 2, generator=generator(0)), "y": torch.tensor([0, 1, 2, 1, 0]), **changes}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"X": torch.full((5, 2), float("nan"))}, "X holds 10 NaN"),
        ({"y": torch.tensor([0.0, 1, 0.5, 1, 0])}, "whole numbers from 0"),
        ({"y": torch.tensor([0, -1, 0, 1, 0])}, "whole numbers from 0"),
        ({"y": torch.zeros(5)}, "at least 2"),
        ({"classes": 2}, "y holds 3 classes"),
        ({"classes": 1}, "classes must be a whole number of at least 2"),
        ({"y": torch.zeros(4)}, r"X must be \(N, features\) and y \(N,\).*got \(5, 2\) and \(4,\)"),
        ({"X": torch.ones(0, 2), "y": torch.ones(0)}, "neither empty"),
        ({"l2": -1.0}, "l2 must be finite and not negative"),
        ({"l2": 0.0}, "l2 must be positive"),
    ],
)
def test_bad_data(changes, words):
    with pytest.raises(ValueError, match=words):
        SoftmaxRegression(**data(**changes))
