"""Bounds, rates, fixed points and the batch-size hyperbola."""

import itertools
import math

import numpy as np
import pytest
import torch

from noisydescent import theory
from noisydescent.devices import generator

EIGENVALUES = torch.tensor([0.2, 0.7, 1.5], dtype=torch.float64)
HESSIAN = torch.tensor([[1.0, 0.3], [0.3, 0.4]], dtype=torch.float64)
SIGMA = torch.tensor([[1.0, -0.6], [-0.6, 2.0]], dtype=torch.float64)


def normals(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed, "cpu"), dtype=torch.float64)


@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_expected_square_norm_over_every_minibatch_of_a_tiny_data_set(batch_size):
    rows = normals(5, 2) + 0.5
    minibatches = list(itertools.product(range(5), repeat=batch_size))
    exact = torch.stack([rows[list(chosen)].mean(dim=0) for chosen in minibatches]).square().sum(dim=1).mean()
    trace = float(rows.var(dim=0, correction=0).sum())
    assert theory.expected_square_norm(rows.mean(dim=0), trace, batch_size) == pytest.approx(float(exact), rel=1e-12)


def one_step_losses(eigenvalues, gradient, rate, sigma, batch_size, draws=100_000) -> torch.Tensor:
    """Losses after one SGD step from where the gradient of 1/2 sum_i lambda_i theta_i^2 is `gradient`."""
    noise = normals(draws, len(eigenvalues), seed=batch_size) * (sigma / batch_size) ** 0.5
    theta = gradient / eigenvalues - rate * (gradient + noise)
    return 0.5 * (theta.square() @ eigenvalues)


@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("rate", [0.1, 0.6, 1.5])
def test_the_descent_bound_is_tight_for_one_curvature_and_holds_for_many(batch_size, rate, agrees):
    gradient = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    for eigenvalues, tight in [(torch.full((3,), 1.5).double(), True), (EIGENVALUES, False)]:
        before = float(0.5 * (gradient.square() / eigenvalues).sum())
        bound = theory.descent_bound(before, float(gradient.square().sum()), rate, 1.5, 3 * 0.8, batch_size)
        losses = one_step_losses(eigenvalues, gradient, rate, 0.8, batch_size)
        if tight:
            agrees(losses, bound)
        else:
            exact = theory.expected_loss(eigenvalues, 0.8, batch_size, torch.tensor([rate]), gradient / eigenvalues)
            agrees(losses, exact[1])
            assert exact[1] < bound


@pytest.mark.parametrize("rate", [0.01, 0.2, 1 / 1.5])
def test_the_strongly_convex_bound_holds_at_every_step_and_is_met_without_noise(rate):
    noise, start = torch.tensor([0.5, 1.0, 0.2], dtype=torch.float64), torch.tensor([1.0, -1.0, 2.0]).double()
    rates = torch.full((400,), rate, dtype=torch.float64)
    # E norm(theta - theta*)^2: each direction's E theta_i^2 is twice its expected loss over lambda_i
    square = torch.zeros(401, dtype=torch.float64)
    for lam, variance, first in zip(EIGENVALUES, noise, start, strict=True):
        square += 2 / lam * theory.expected_loss(lam[None], variance, 4, rates, first[None])
    t = torch.arange(401)
    bound = theory.strongly_convex_bound(float(start.square().sum()), rate, 0.2, float(noise.sum()), 4, t)
    assert bound.shape == (401,) and (square <= bound + 1e-12).all() and float(bound[0]) >= float(square[0])
    one_number = theory.strongly_convex_bound(float(start.square().sum()), rate, 0.2, float(noise.sum()), 4, 7)
    assert one_number == pytest.approx(float(bound[7]), rel=1e-13)
    # its contraction is (1 - eta mu) where the truth is the square of it, and its floor at most twice the truth's
    alone = theory.stationary_variance(torch.tensor([0.2]), 1.0, 4, rate)
    floor = theory.strongly_convex_bound(0.0, rate, 0.2, 1.0, 4, 10**6)
    assert float(alone) * (2 - 0.2 * rate) == pytest.approx(floor)
    assert theory.strongly_convex_bound(3.0, rate, 0.2, 0.0, 4, 2) == pytest.approx(3 * (1 - 0.2 * rate) ** 2)


def second_moments(c: float, lam: float, noise: float, at: list[int], t0: int = 0) -> list[float]:
    """E theta_t^2 of SGD with eta_t = c / (t + t0 + 1) from theta_0 = 1, exactly, after each number of steps `at`."""
    square, found = 1.0, []
    for t in range(max(at)):
        eta = c / (t + t0 + 1)
        square = (1 - eta * lam) ** 2 * square + eta * eta * noise
        if t + 1 in at:
            found.append(square)
    return found


@pytest.mark.parametrize(("c", "lam"), [(1.0, 1.0), (3.0, 0.5), (0.8, 1.0)])
def test_robbins_monro_variance_is_the_limit_of_the_exact_recursion(c, lam):
    limit = theory.robbins_monro_variance(c, lam, 2.0)
    (square,) = second_moments(c, lam, 2.0, [400_000], t0=5)
    assert 400_000 * square == pytest.approx(limit, rel=2e-3)
    assert theory.robbins_monro_variance(c, lam, 2.0, batch_size=8) == pytest.approx(limit / 8)
    assert limit >= theory.robbins_monro_variance(1 / lam, lam, 2.0) == pytest.approx(2 / lam**2)


def test_robbins_monro_variance_is_that_of_many_runs(agrees):
    theta, steps = torch.ones(4000, dtype=torch.float64), 3000
    for t, zeta in enumerate(normals(steps, 4000, seed=1)):
        theta = theta - 1.5 / (t + 1) * (0.8 * theta + zeta)
    agrees(steps * theta.square(), theory.robbins_monro_variance(1.5, 0.8, 1.0))


@pytest.mark.parametrize(("c", "lam"), [(0.3, 1.0), (0.1, 0.5), (2.0, 1.0), (0.8, 1.0)])
def test_robbins_monro_exponent_is_the_slope_of_the_exact_recursion(c, lam):
    early, late = second_moments(c, lam, 0.1, [50_000, 400_000])
    slope = math.log(late / early) / math.log(50_000 / 400_000)
    assert slope == pytest.approx(theory.robbins_monro_exponent(c, lam), abs=0.02)


def test_robbins_monro_at_the_boundary_has_a_logarithm():
    assert theory.robbins_monro_variance(0.5, 1.0, 1.0) == theory.robbins_monro_variance(0.1, 1.0, 1.0) == math.inf
    assert theory.robbins_monro_exponent(0.5, 1.0) == 1.0
    # t E theta_t^2 grows as c^2 sigma^2 log t: by the same amount over each factor of ten
    first, second, third = (
        t * s for t, s in zip([10**3, 10**4, 10**5], second_moments(0.5, 1.0, 1.0, [10**3, 10**4, 10**5]), strict=True)
    )
    assert second - first == pytest.approx(0.25 * math.log(10), rel=1e-2)
    assert third - second == pytest.approx(0.25 * math.log(10), rel=1e-3)


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.5])
def test_polyak_covariance_is_the_limit_of_the_exact_one_for_every_rate(rate):
    """Moments of (theta_t, theta_0 + ... + theta_t) side by side: a linear recursion, so it is exact at every t."""
    A = np.eye(2) - rate * HESSIAN.numpy()
    F = np.block([[A, np.zeros((2, 2))], [A, np.eye(2)]])
    kick = np.vstack([np.eye(2), np.eye(2)])
    Q, C, steps = rate**2 / 4 * kick @ SIGMA.numpy() @ kick.T, np.zeros((4, 4)), 20_000
    for _ in range(steps):
        C = F @ C @ F.T + Q
    ours = theory.polyak_covariance(HESSIAN, SIGMA, steps, batch_size=4)
    np.testing.assert_allclose(ours.numpy(), C[2:, 2:] / steps**2, rtol=0, atol=5e-3 * float(ours.diagonal().max()))


def test_polyak_covariance_is_that_of_many_runs(agrees):
    steps, root = 3000, torch.linalg.cholesky(SIGMA)
    theta, total = torch.zeros(4000, 2, dtype=torch.float64), torch.zeros(4000, 2, dtype=torch.float64)
    for zeta in normals(steps, 4000, 2, seed=2):
        theta = theta - 0.9 * (theta @ HESSIAN + zeta @ root.T)
        total += theta
    mean = total / steps
    agrees(mean[:, :, None] * mean[:, None, :] * steps, theory.polyak_covariance(HESSIAN, SIGMA, 1))


@pytest.mark.parametrize(("s_min", "e_min"), [(100.0, 5000.0), (7.0, 3.0)])
def test_steps_and_examples_lie_on_the_hyperbola(s_min, e_min):
    sizes = torch.tensor([1, 8, 64, 100_000])
    steps, examples = theory.steps_and_examples(sizes, s_min, e_min)
    torch.testing.assert_close(examples, steps * sizes, rtol=1e-12, atol=0)
    torch.testing.assert_close((steps / s_min - 1) * (examples / e_min - 1), torch.ones(4).double(), rtol=1e-9, atol=0)
    assert theory.steps_and_examples(8, s_min, e_min) == pytest.approx((float(steps[1]), float(examples[1])))
    twice = theory.steps_and_examples(torch.tensor(e_min / s_min), s_min, e_min)
    assert [float(x) for x in twice] == pytest.approx([2 * s_min, 2 * e_min])


def test_steps_and_examples_is_what_the_best_steps_give():
    """The gain of one best step is divided by 1 + B_noise/B, so the steps to a small decrease are multiplied by it."""
    gradient, sizes = torch.tensor([1.0, -2.0]).double(), torch.tensor([1.0, 4.0, 64.0]).double()
    critical = theory.critical_batch_size(gradient, HESSIAN, SIGMA)
    gains = theory.expected_gain(gradient, HESSIAN, SIGMA, torch.cat([sizes, torch.tensor([1e12])]))
    s_min = float(1e-3 / gains[-1])
    steps, _ = theory.steps_and_examples(sizes, s_min, s_min * critical)
    torch.testing.assert_close(steps, 1e-3 / gains[:-1], rtol=1e-9, atol=0)


def test_fit_critical_batch_is_exact_on_the_hyperbola_and_least_squares_off_it():
    sizes = [1, 2, 8, 32, 256]
    steps = [120 + 4000 / b for b in sizes]
    assert theory.fit_critical_batch(sizes, steps) == pytest.approx((120, 4000), rel=1e-10)
    noisy = [s * (1 + 0.1 * (-1) ** i) for i, s in enumerate(steps)]
    design = np.stack([np.ones(5), 1 / np.array(sizes)], axis=1)
    solution = np.linalg.lstsq(design, np.array(noisy), rcond=None)[0]
    assert theory.fit_critical_batch(torch.tensor(sizes), torch.tensor(noisy)) == pytest.approx(
        tuple(solution), rel=1e-5
    )


def clients(seed: int = 3, count: int = 4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    roots = normals(count, 3, 3, seed=seed)
    hessians = roots @ roots.transpose(1, 2) / 3 + 0.2 * torch.eye(3)
    return hessians, normals(count, 3, seed=seed + 1), torch.tensor([1.0, 2.0, 0.5, 3.0]).double()


@pytest.mark.parametrize("local_steps", [1, 2, 5, 40])
def test_fedavg_settles_at_its_fixed_point(local_steps):
    hessians, optima, weights = clients()
    theta, shares = torch.zeros(3, dtype=torch.float64), weights / weights.sum()
    for _ in range(4000 // local_steps + 50):
        local = theta.expand(4, 3)
        for _ in range(local_steps):
            local = local - 0.1 * torch.einsum("kij,kj->ki", hessians, local - optima)
        theta = shares @ local
    ours = theory.fedavg_fixed_point(hessians, optima, weights, 0.1, local_steps)
    torch.testing.assert_close(ours, theta, rtol=1e-9, atol=1e-9)
    optimum = torch.linalg.solve(
        torch.einsum("k,kij->ij", weights, hessians), torch.einsum("k,kij,kj->i", weights, hessians, optima)
    )
    drift = float((ours - optimum).norm())
    assert drift < 1e-12 if local_steps == 1 else drift > 1e-2


def test_fedavg_does_not_drift_where_the_clients_agree():
    hessians, optima, weights = clients()
    same = optima[:1].expand(4, 3)
    torch.testing.assert_close(theory.fedavg_fixed_point(hessians, same, weights, 0.1, 9), optima[0])
    equal = hessians[:1].expand(4, 3, 3)
    mean = weights @ optima / weights.sum()
    torch.testing.assert_close(theory.fedavg_fixed_point(equal, optima, weights, 0.1, 9), mean)


EYE = torch.eye(2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: theory.expected_square_norm(EYE[0], -1.0, 1), "noise_trace must be finite and not negative"),
        (lambda: theory.expected_square_norm(EYE[0], 1.0, 0), "batch_size must be"),
        (lambda: theory.descent_bound(1.0, 1.0, -0.1, 1.0, 1.0, 1), "learning_rate must be finite and not negative"),
        (lambda: theory.descent_bound(1.0, -1.0, 0.1, 1.0, 1.0, 1), "gradient_square must be"),
        (lambda: theory.descent_bound(1.0, 1.0, 0.1, 0.0, 1.0, 1), "smoothness must be positive"),
        (lambda: theory.descent_bound(1.0, 1.0, 0.1, 1.0, 1.0, 0), "batch_size must be"),
        (lambda: theory.strongly_convex_bound(1.0, 0.1, 0.0, 1.0, 1, 1), "strong_convexity must be positive"),
        (lambda: theory.strongly_convex_bound(1.0, 2.1, 0.5, 1.0, 1, 1), "must not exceed 1 / L <= .* = 2, got 2.1"),
        (lambda: theory.strongly_convex_bound(-1.0, 0.1, 0.5, 1.0, 1, 1), "start_square must be"),
        (lambda: theory.strongly_convex_bound(1.0, 0.1, 0.5, 1.0, 1, -1), "steps must be a whole number"),
        (lambda: theory.strongly_convex_bound(1.0, 0.1, 0.5, 1.0, 1, torch.tensor(-1)), "steps must not be negative"),
        (lambda: theory.strongly_convex_bound(1.0, 0.1, 0.5, 1.0, 0, 1), "batch_size must be"),
        (lambda: theory.robbins_monro_variance(0.0, 1.0, 1.0), "c must be positive and finite, got 0.0"),
        (lambda: theory.robbins_monro_variance(1.0, -1.0, 1.0), "curvature must be positive"),
        (lambda: theory.robbins_monro_variance(1.0, 1.0, -1.0), "noise_variance must be"),
        (lambda: theory.robbins_monro_exponent(1.0, 0.0), "curvature must be positive"),
        (lambda: theory.polyak_covariance(EYE, EYE, 0), "steps must be"),
        (lambda: theory.polyak_covariance(EYE[0], EYE, 1), "hessian must be a square matrix"),
        (lambda: theory.polyak_covariance(EYE, torch.eye(3), 1), r"noise_covariance must be of shape \(2, 2\)"),
        (lambda: theory.steps_and_examples(0, 1.0, 1.0), "batch_size must be"),
        (lambda: theory.steps_and_examples(torch.tensor([1.0, 0.0]), 1.0, 1.0), "batch_size must be positive"),
        (lambda: theory.steps_and_examples(1, 0.0, 1.0), "s_min must be positive"),
        (lambda: theory.steps_and_examples(1, 1.0, -1.0), "e_min must be positive"),
        (lambda: theory.fit_critical_batch([1, 2], [3]), "batch_sizes and steps must be of one length"),
        (lambda: theory.fit_critical_batch([], []), "batch_sizes must hold at least two different"),
        (lambda: theory.fit_critical_batch([2, 2], [3, 4]), "batch_sizes must hold at least two different"),
        (lambda: theory.fit_critical_batch([0, 2], [3, 4]), "batch_sizes must be positive"),
        (lambda: theory.fit_critical_batch([1, 2], [3, math.inf]), "leave out the runs that missed the target"),
        (lambda: theory.fedavg_fixed_point(EYE, EYE, EYE[0], 0.1, 1), r"hessians must have shape \(K, d, d\)"),
        (lambda: theory.fedavg_fixed_point(EYE[None], EYE, EYE[0, :1], 0.1, 1), r"optima must have shape \(1, 2\)"),
        (lambda: theory.fedavg_fixed_point(EYE[None], EYE[:1], EYE[0], 0.1, 1), r"weights must have shape \(1,\)"),
        (lambda: theory.fedavg_fixed_point(EYE[None], EYE[:1], -EYE[0, :1], 0.1, 1), "weights must not be negative"),
        (lambda: theory.fedavg_fixed_point(EYE[None], EYE[:1], EYE[0, :1], 0.1, 0), "local_steps must be"),
        (lambda: theory.fedavg_fixed_point(EYE[None], EYE[:1], EYE[0, :1], 0.0, 1), "learning_rate must be positive"),
    ],
)
def test_bad_arguments(call, words):
    with pytest.raises(ValueError, match=words):
        call()
