import pytest
import torch

from noisydescent import Quadratic
from noisydescent.devices import generator

EIGENVALUES = torch.tensor([0.1, 1.0, 3.0], dtype=torch.float64)
OPTIMUM = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
FULL = torch.tensor([[2.0, 0.6, 0.0], [0.6, 1.0, -0.3], [0.0, -0.3, 0.5]], dtype=torch.float64)
NOISES = {"number": 1.5, "diagonal": torch.tensor([0.5, 1.0, 4.0], dtype=torch.float64), "full": FULL}


def problem(noise=1.0) -> Quadratic:
    return Quadratic(EIGENVALUES, noise=noise, optimum=OPTIMUM, start=torch.tensor([2.0, 1.0, -1.0]))


def test_loss_and_gradient_agree_with_their_definition_and_autograd():
    p = problem()
    theta = torch.randn(4, 3, generator=generator(0), dtype=torch.float64, requires_grad=True)
    for row, value in zip(theta, p.loss(theta), strict=True):
        torch.testing.assert_close(value, 0.5 * (row - OPTIMUM) @ torch.diag(EIGENVALUES) @ (row - OPTIMUM))
    (expected,) = torch.autograd.grad(p.loss(theta).sum(), theta)
    torch.testing.assert_close(p.gradient(theta.detach()), expected, rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(torch.func.hessian(p.loss)(OPTIMUM), p.hessian)
    assert float(p.loss(p.optimum)) == p.floor == 0.0
    assert torch.equal(p.initial(2), torch.tensor([[2.0, 1.0, -1.0]] * 2, dtype=torch.float64))


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("batch_size", [1, 16])
def test_oracle_is_unbiased_with_covariance_sigma_over_b(kind, batch_size, agrees):
    p = problem(NOISES[kind])
    theta = torch.randn(500, 3, generator=generator(1), dtype=torch.float64)  # the noise must not depend on theta
    oracle = p.oracle(500, batch_size, generator(2))
    errors = torch.cat([oracle(theta) - p.gradient(theta) for _ in range(40)])
    agrees(errors, torch.zeros(3))
    agrees(errors[:, :, None] * errors[:, None, :], p.noise_covariance / batch_size)


def test_oracle_draws_afresh_at_every_call_and_for_every_run():
    p = problem()
    oracle = p.oracle(2, 1, generator(0))
    draws = torch.cat([oracle(p.initial(2)) for _ in range(600)])  # more calls than one block of randomness holds
    assert len(draws.unique(dim=0)) == 1200


def test_per_sample_gradients(agrees):
    p = problem(FULL)
    samples = p.per_sample_gradients(p.start, 20_000, generator(3))
    assert samples.shape == (20_000, 3)
    agrees(samples, p.gradient(p.start))
    centred = samples - p.gradient(p.start)
    agrees(centred[:, :, None] * centred[:, None, :], FULL)


def test_a_covariance_of_less_than_full_rank_is_a_covariance():
    p = problem(torch.outer(OPTIMUM, OPTIMUM))
    noise = p.sample_noise(50, generator=generator(0))
    # rounding in a zero eigenvalue of 1e-16 is 1e-8 in its root
    torch.testing.assert_close(noise, noise[:, :1] * OPTIMUM, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"eigenvalues": torch.tensor([1.0, 0.0])}, "eigenvalues must be .* positive"),
        ({"eigenvalues": torch.eye(2)}, "eigenvalues must be a one-dimensional"),
        ({"eigenvalues": torch.tensor([1.0, float("nan")])}, "eigenvalues holds 1 NaN"),
        ({"noise": -1.0}, "negative variance"),
        ({"noise": torch.tensor([[1.0, 2.0], [2.0, 1.0]])}, "negative variance"),
        ({"noise": torch.tensor([[1.0, 0.9], [0.0, 1.0]])}, "symmetric"),
        ({"noise": torch.ones(3)}, r"noise must be a number, \(2,\) or \(2, 2\), got \(3,\)"),
        ({"noise": torch.eye(3)}, r"noise must be a number, \(2,\) or \(2, 2\), got \(3, 3\)"),
        ({"noise": float("inf")}, "noise holds 1 NaN or infinite"),
        ({"start": torch.ones(3)}, r"start must have shape \(2,\), got \(3,\)"),
        ({"optimum": torch.ones(2, 1)}, r"optimum must have shape \(2,\)"),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        Quadratic(**{"eigenvalues": torch.ones(2), **arguments})


def test_bad_batch_size():
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1, got 0"):
        problem().oracle(1, 0, generator(0))
