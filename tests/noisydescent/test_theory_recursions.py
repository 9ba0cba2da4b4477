"""Recursions and stationary laws: against every noise path there is, against sampled runs, and at their limits."""

import itertools

import pytest
import torch

from noisydescent import Quadratic, theory
from noisydescent.devices import generator
from noisydescent.schedules import constant, multipliers, named
from noisydescent.theory import recursions

EIGENVALUES = torch.tensor([0.05, 0.4, 1.0], dtype=torch.float64)
SIGMA = torch.tensor([[1.0, 0.5, 0.0], [0.5, 2.0, 0.3], [0.0, 0.3, 0.5]], dtype=torch.float64)
NOISE = SIGMA.diagonal()
START = torch.tensor([2.5, 2.0, -1.0], dtype=torch.float64)
METHODS = [(0.0, False), (0.5, False), (0.9, False), (0.5, True), (0.9, True)]


def momentum_loss(rates, momentum, nesterov, batch_size=4, noise=NOISE, eigenvalues=EIGENVALUES, start=START):
    return theory.expected_loss_momentum(eigenvalues, noise, batch_size, rates, start, momentum, nesterov)


def torch_losses(rates, momentum, nesterov, noise) -> torch.Tensor:
    """Losses (T + 1, n) of torch.optim.SGD on n noise paths at once; noise (T, n, d), added to the exact gradient."""
    theta = START.repeat(noise.shape[1], 1).requires_grad_()
    optimizer = torch.optim.SGD([theta], lr=1.0, momentum=momentum, nesterov=nesterov)
    losses = [0.5 * (theta.detach().square() @ EIGENVALUES)]
    for rate, zeta in zip(rates.tolist(), noise, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        theta.grad = EIGENVALUES * theta.detach() + zeta
        optimizer.step()
        losses.append(0.5 * (theta.detach().square() @ EIGENVALUES))
    return torch.stack(losses)


@pytest.mark.parametrize(("momentum", "nesterov"), METHODS)
@pytest.mark.parametrize("batch_sizes", [[4] * 8, [1, 1, 2, 2, 4, 4, 64, 3]])
def test_the_recursion_is_the_mean_over_every_noise_path(momentum, nesterov, batch_sizes):
    """Two-valued noise has 2^8 paths, which torch.optim.SGD all runs: no sampling error is left."""
    rates = 1.3 * torch.tensor([0.2, 0.6, 1.0, 1.0, 0.7, 0.0, 0.4, 0.1], dtype=torch.float64)
    sizes = torch.tensor(batch_sizes)
    signs = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=8)), dtype=torch.float64).T
    noise = signs[:, :, None] * (NOISE / sizes[:, None]).sqrt()[:, None]
    exact = torch_losses(rates, momentum, nesterov, noise).mean(dim=1)
    ours = momentum_loss(rates, momentum, nesterov, sizes)
    torch.testing.assert_close(ours, exact, rtol=1e-12, atol=0)
    if momentum == 0:
        torch.testing.assert_close(
            theory.expected_loss(EIGENVALUES, NOISE, sizes, rates, START), exact, rtol=1e-12, atol=0
        )
    if len(set(batch_sizes)) == 1:
        torch.testing.assert_close(ours, momentum_loss(rates, momentum, nesterov, 4), rtol=1e-15, atol=0)


@pytest.mark.parametrize(("momentum", "nesterov"), METHODS[1:])
@pytest.mark.parametrize("name", ["constant", "one cycle", "wsd sqrt"])
def test_expected_loss_with_momentum_is_the_mean_loss_of_many_runs(name, momentum, nesterov, agrees):
    steps, batch_size, schedule = 40, 4, named(name, 40, 0.25)
    z = torch.randn(steps, 4000, 3, generator=generator(len(name), "cpu"), dtype=torch.float64)
    noise = z @ torch.linalg.cholesky(SIGMA).T / batch_size**0.5
    rates = 0.4 * multipliers(schedule, steps)
    problem = Quadratic(EIGENVALUES, noise=SIGMA, start=START + 1, optimum=torch.ones(3), device="cpu")
    expected = theory.expected_loss_of(problem, batch_size, 0.4, schedule, steps, momentum, nesterov)
    agrees(torch_losses(rates, momentum, nesterov, noise)[10::10].T, expected[10::10])


@pytest.mark.parametrize("block", [1, 100, 10_000_000])
def test_many_schedules_at_once_are_each_of_them_whatever_the_blocks(block, monkeypatch):
    monkeypatch.setattr(recursions, "_BLOCK", block)
    rates = torch.rand(25, 2, 3, generator=generator(0, "cpu"), dtype=torch.float64)
    sizes = torch.randint(1, 9, (25, 2, 3), generator=generator(1, "cpu"))
    functions = [
        lambda rates, sizes: theory.expected_loss(EIGENVALUES, NOISE, sizes, rates, START),
        lambda rates, sizes: theory.expected_loss_least_squares(EIGENVALUES, 0.5, sizes, rates, START),
        lambda rates, sizes: momentum_loss(rates, 0.8, False, sizes),
        lambda rates, sizes: momentum_loss(rates, 0.8, True, sizes),
    ]
    for function in functions:
        together = function(rates, sizes)
        one_size_a_step = function(rates, sizes[:, 0, 0])
        assert together.shape == (26, 2, 3) and together.dtype == torch.float64
        for i, j in itertools.product(range(2), range(3)):
            torch.testing.assert_close(together[:, i, j], function(rates[:, i, j], sizes[:, i, j]), rtol=1e-13, atol=0)
            apart = function(rates[:, i, j], sizes[:, 0, 0])
            torch.testing.assert_close(one_size_a_step[:, i, j], apart, rtol=1e-13, atol=0)
        assert function(rates[:0], 4).shape == (1, 2, 3)


def test_arguments_are_left_as_they_were():
    rates, start = torch.full((9,), 0.3, dtype=torch.float64), START.clone()
    first = theory.expected_loss(EIGENVALUES, NOISE, 4, rates, start)
    assert torch.equal(first, theory.expected_loss(EIGENVALUES, NOISE, 4, rates, start))
    theory.expected_loss_least_squares(EIGENVALUES, 1.0, 4, rates, start)
    momentum_loss(rates, 0.9, False, start=start)
    assert torch.equal(start, START) and (rates == 0.3).all()
    assert torch.equal(NOISE, SIGMA.diagonal())


def gaussian_fourth_moment(H: torch.Tensor) -> torch.Tensor:
    """E x_i x_j x_k x_l for x ~ N(0, H): the sum over the three pairings."""
    pairings = ("ij,kl->ijkl", "ik,jl->ijkl", "il,jk->ijkl")
    return sum(torch.einsum(pairing, H, H) for pairing in pairings)


@pytest.mark.parametrize("batch_size", [1, 2, 7])
def test_least_squares_is_the_matrix_recursion_with_every_fourth_moment(batch_size):
    """The whole d x d second moment in a basis that is not the eigenbasis, from E x x' M x x' written out."""
    basis = torch.linalg.qr(torch.randn(3, 3, generator=generator(3, "cpu"), dtype=torch.float64))[0]
    H, label_noise = basis @ torch.diag(EIGENVALUES) @ basis.T, 0.7
    fourth = gaussian_fourth_moment(H)
    M = torch.outer(basis @ START, basis @ START)
    rates = 0.9 * torch.tensor([0.3, 1.0, 0.8, 0.5, 0.1, 0.0, 0.6], dtype=torch.float64)
    losses = [0.5 * (H * M).sum()]
    for eta in rates:
        one = torch.einsum("ijkl,jk->il", fourth, M) + label_noise * H  # E g g' of one sample
        square = H @ M @ H + (one - H @ M @ H) / batch_size
        M = M - eta * (H @ M + M @ H) + eta**2 * square
        losses.append(0.5 * (H * M).sum())
    ours = theory.expected_loss_least_squares(EIGENVALUES, label_noise, batch_size, rates, START)
    torch.testing.assert_close(ours, torch.stack(losses), rtol=1e-12, atol=0)


def test_the_fourth_moment_is_that_of_gaussian_inputs(agrees):
    H = torch.tensor([[1.0, 0.4], [0.4, 0.5]], dtype=torch.float64)
    x = torch.randn(200_000, 2, generator=generator(4, "cpu"), dtype=torch.float64) @ torch.linalg.cholesky(H).T
    agrees(torch.einsum("ni,nj,nk,nl->nijkl", x, x, x, x), gaussian_fourth_moment(H))


def least_squares_runs(rates, batch_size, label_noise, runs, seed) -> torch.Tensor:
    """Excess losses (T + 1, runs) of SGD on fresh minibatches of Gaussian inputs."""
    random = generator(seed, "cpu")
    theta = START.repeat(runs, 1)
    losses = [0.5 * (theta.square() @ EIGENVALUES)]
    for rate in rates.tolist():
        x = torch.randn(runs, batch_size, 3, generator=random, dtype=torch.float64) * EIGENVALUES.sqrt()
        error = (x @ theta[..., None]).squeeze(-1)
        error += label_noise**0.5 * torch.randn(runs, batch_size, generator=random, dtype=torch.float64)
        theta = theta - rate * (error[..., None] * x).mean(dim=1)
        losses.append(0.5 * (theta.square() @ EIGENVALUES))
    return torch.stack(losses)


@pytest.mark.parametrize(("batch_size", "label_noise"), [(1, 0.0), (1, 0.5), (4, 0.5)])
def test_least_squares_is_the_mean_loss_of_many_runs(batch_size, label_noise, agrees):
    rates = 0.3 * multipliers(named("linear", 30, 0.2), 30)
    losses = least_squares_runs(rates, batch_size, label_noise, 20_000, seed=5)
    expected = theory.expected_loss_least_squares(EIGENVALUES, label_noise, batch_size, rates, START)
    agrees(losses[1::5].T, expected[1::5])


def test_interpolation_leaves_no_floor_and_label_noise_does(agrees):
    rates = torch.full((400,), 0.5, dtype=torch.float64)
    long = torch.full((4000,), 0.5, dtype=torch.float64)
    assert theory.expected_loss_least_squares(EIGENVALUES, 0.0, 2, long, START)[-1] < 1e-30
    floor = float(theory.expected_loss_least_squares(EIGENVALUES, 0.3, 2, long, START)[-1])
    agrees(least_squares_runs(rates, 2, 0.3, 10_000, seed=6)[-1], floor)
    # the fixed point of the recursion: 1/2 label_noise h / (1 - h)
    h = 0.5 / 2 * float((EIGENVALUES / (2 - 0.5 * EIGENVALUES * (1 + 1 / 2))).sum())
    assert floor == pytest.approx(0.5 * 0.3 * h / (1 - h))


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("rate", [0.05, 1.0, 1.9])
def test_stationary_variance_is_where_the_recursion_stays(momentum, rate):
    rates = torch.full((6000,), rate, dtype=torch.float64)
    for i, variance in enumerate(theory.stationary_variance(EIGENVALUES, NOISE, 4, rate, momentum)):
        one = EIGENVALUES[i : i + 1]
        path = momentum_loss(rates, momentum, False, noise=NOISE[i : i + 1], eigenvalues=one, start=torch.ones(1))
        assert float(path[-1]) == pytest.approx(0.5 * float(one * variance), rel=1e-9)
    floor = theory.loss_floor(EIGENVALUES, NOISE, 4, rate, momentum)
    assert float(momentum_loss(rates, momentum, False)[-1]) == pytest.approx(floor, rel=1e-9)


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_stationary_variance_is_that_of_long_runs(momentum, agrees):
    noise = torch.randn(250, 4000, 3, generator=generator(7, "cpu"), dtype=torch.float64) * (NOISE / 8).sqrt()
    theta = START.repeat(4000, 1).requires_grad_()
    optimizer = torch.optim.SGD([theta], lr=0.8, momentum=momentum)
    for zeta in noise:
        theta.grad = EIGENVALUES * theta.detach() + zeta
        optimizer.step()
    agrees(theta.detach().square(), theory.stationary_variance(EIGENVALUES, NOISE, 8, 0.8, momentum))


def test_stationary_variance_has_its_known_forms():
    plain = theory.stationary_variance(EIGENVALUES, NOISE, 4, 0.7)
    torch.testing.assert_close(plain, 0.7 * NOISE / (4 * EIGENVALUES * (2 - 0.7 * EIGENVALUES)), rtol=1e-14, atol=0)
    # at a small learning rate momentum beta is plain SGD at eta / (1 - beta)
    slow = theory.stationary_variance(EIGENVALUES, 1.0, 1, 1e-6, 0.9)
    torch.testing.assert_close(slow, theory.stationary_variance(EIGENVALUES, 1.0, 1, 1e-5), rtol=1e-5, atol=0)
    assert theory.loss_floor(EIGENVALUES, NOISE, 4, 0.7) == pytest.approx(float(0.5 * plain @ EIGENVALUES))


def spectral_radius(eta: float, lam: float, beta: float, nesterov: bool) -> float:
    reach, kept = (1 + beta, beta**2) if nesterov else (1.0, beta)
    A = torch.tensor([[1 - eta * reach * lam, -eta * kept], [lam, beta]], dtype=torch.float64)
    return float(torch.linalg.eigvals(A).abs().max())


@pytest.mark.parametrize(("momentum", "nesterov"), METHODS)
@pytest.mark.parametrize("largest", [0.3, 4.0])
def test_the_largest_stable_learning_rate_is_where_the_spectral_radius_passes_one(momentum, nesterov, largest):
    limit = theory.max_learning_rate(torch.tensor([0.01, largest], dtype=torch.float64), momentum, nesterov)
    assert limit == theory.max_learning_rate(largest, momentum, nesterov)
    for share in (0.1, 0.5, 0.999):
        assert spectral_radius(share * limit, largest, momentum, nesterov) < 1
    assert spectral_radius(limit, largest, momentum, nesterov) == pytest.approx(1, abs=1e-6)
    assert spectral_radius(1.001 * limit, largest, momentum, nesterov) > 1


def test_runs_diverge_above_the_limit_and_not_below():
    for momentum, nesterov in METHODS:
        limit = theory.max_learning_rate(EIGENVALUES, momentum, nesterov)
        below, above = (torch.full((4000,), share * limit, dtype=torch.float64) for share in (0.98, 1.02))
        assert float(momentum_loss(below, momentum, nesterov)[-1]) < 1e3
        diverging = momentum_loss(above, momentum, nesterov)
        assert float(diverging[1000]) > 1e9 and not diverging.isnan().any()
        assert (diverging[300:].diff()[diverging[301:].isfinite()] > 0).all()


def test_a_loss_too_large_for_a_float_is_inf_and_stays_so():
    rates = torch.full((4000,), 50.0, dtype=torch.float64)
    rates[3000:] = 1.0  # 1 - eta lambda = 0 in one direction: 0 times inf
    for losses in [
        theory.expected_loss(EIGENVALUES, 1.0, 1, rates, START),
        theory.expected_loss_least_squares(EIGENVALUES, 1.0, 1, rates, START),
        *[momentum_loss(rates, momentum, nesterov) for momentum, nesterov in METHODS],
    ]:
        first = int(losses.isinf().nonzero()[0])
        assert 50 < first < 3000 and losses[:first].isfinite().all() and losses[first:].isinf().all()


def least_squares_matrix(eta: float, lam: torch.Tensor, batch_size: int) -> torch.Tensor:
    """How one step maps the diagonal of E theta theta', from the fourth moments."""
    fourth = gaussian_fourth_moment(torch.diag(lam))
    spread = torch.einsum("ijji->ij", fourth) - torch.diag(lam**2)
    return torch.diag((1 - eta * lam) ** 2) + eta**2 * spread / batch_size


@pytest.mark.parametrize("batch_size", [1, 2, 16, 1000])
@pytest.mark.parametrize("eigenvalues", [[1.0], [0.05, 0.4, 1.0], [0.5] * 30])
def test_the_largest_stable_rate_of_least_squares(eigenvalues, batch_size):
    lam = torch.tensor(eigenvalues, dtype=torch.float64)
    limit = theory.max_learning_rate_least_squares(lam, batch_size)
    assert limit < theory.max_learning_rate(lam)
    radius = [
        float(torch.linalg.eigvals(least_squares_matrix(share * limit, lam, batch_size)).abs().max())
        for share in (0.999, 1.0, 1.001)
    ]
    assert radius[0] < 1 and radius[1] == pytest.approx(1, abs=1e-12) and radius[2] > 1
    if len(lam) == 1:
        assert limit == pytest.approx(2 / (1.0 * (1 + 2 / batch_size)), rel=1e-14)
        assert theory.max_learning_rate_least_squares(1.0, batch_size) == limit
    assert theory.max_learning_rate_least_squares(lam, 10**9) == pytest.approx(2 / max(eigenvalues), rel=1e-6)


def test_ema_variance(agrees):
    for beta in (0.0, 0.5, 0.9, 0.99):
        powers = beta ** torch.arange(5000, dtype=torch.float64)
        assert theory.ema_variance(beta, 3.0) == pytest.approx(3 * float(((1 - beta) * powers).square().sum()))
    m = torch.zeros(20_000, dtype=torch.float64)
    for x in 2**0.5 * torch.randn(100, 20_000, generator=generator(8, "cpu"), dtype=torch.float64):
        m = 0.9 * m + 0.1 * x
    agrees(m.square(), theory.ema_variance(0.9, 2.0))
    assert theory.ema_variance(0.5, torch.tensor([3.0, 6.0])).tolist() == pytest.approx([1.0, 2.0])


RATES = torch.full((5,), 0.1, dtype=torch.float64)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: theory.expected_loss(EIGENVALUES, 1.0, 0, RATES, START), "batch_size must be a whole number"),
        (lambda: theory.expected_loss(EIGENVALUES, 1.0, torch.zeros(5), RATES, START), "batch_size must be positive"),
        (lambda: theory.expected_loss(EIGENVALUES, 1.0, torch.ones(4), RATES, START), "batch_size must be a number, "),
        (lambda: theory.expected_loss(EIGENVALUES, -1.0, 1, RATES, START), "noise_variance must not be negative"),
        (lambda: theory.expected_loss(EIGENVALUES, SIGMA, 1, RATES, START), r"noise_variance must be .* shape \(3,\)"),
        (lambda: theory.expected_loss(EIGENVALUES, 1.0, 1, -RATES, START), "learning_rates must not be negative"),
        (lambda: theory.expected_loss(EIGENVALUES, 1.0, 1, RATES * float("nan"), START), "learning_rates must not be"),
        (
            lambda: theory.expected_loss(EIGENVALUES, 1.0, 1, torch.tensor(0.1), START),
            r"learning_rates must have shape",
        ),
        (lambda: theory.expected_loss(EIGENVALUES, 1.0, 1, RATES, START[:2]), r"start must have shape \(3,\)"),
        (lambda: theory.expected_loss(EIGENVALUES, 1.0, 1, RATES, START / 0), "eigenvalues and start must be finite"),
        (lambda: theory.expected_loss(SIGMA, 1.0, 1, RATES, START), r"eigenvalues must have shape \(d,\)"),
        (lambda: momentum_loss(RATES, 1.0, False), r"momentum must lie in \[0, 1\), got 1.0"),
        (lambda: momentum_loss(RATES, -0.1, True), r"momentum must lie in \[0, 1\), got -0.1"),
        (
            lambda: theory.expected_loss_least_squares(EIGENVALUES, -1.0, 1, RATES, START),
            "label_noise must be finite and not negative",
        ),
        (
            lambda: theory.expected_loss_of(Quadratic(EIGENVALUES, device="cpu"), 1, 0.1, constant, 5, momentum=1.5),
            "momentum must lie in",
        ),
        (
            lambda: theory.stationary_variance(EIGENVALUES, 1.0, 1, 3.8, 0.9),
            r"learning_rate must be below 2 \(1 \+ momentum\) / L = 3.8, got 3.8: SGD diverges",
        ),
        (
            lambda: theory.stationary_variance(EIGENVALUES, 1.0, 1, 2.0),
            "learning_rate must be below 2 / L = 2, got 2.0",
        ),
        (lambda: theory.stationary_variance(EIGENVALUES, 1.0, 0, 0.1), "batch_size must be"),
        (lambda: theory.stationary_variance(EIGENVALUES - 0.05, 1.0, 1, 0.1), "eigenvalues must be positive"),
        (lambda: theory.loss_floor(EIGENVALUES, 1.0, 1, -0.1), "learning_rate must be finite and not negative"),
        (lambda: theory.max_learning_rate(0.0), "eigenvalues must be positive"),
        (lambda: theory.max_learning_rate(1.0, 1.0), "momentum must lie in"),
        (lambda: theory.max_learning_rate_least_squares(1.0, 0), "batch_size must be"),
        (lambda: theory.ema_variance(1.0, 1.0), r"beta must lie in \[0, 1\), got 1.0"),
        (lambda: theory.ema_variance(0.5, -1.0), "variance must not be negative"),
    ],
)
def test_bad_arguments(call, words):
    with pytest.raises(ValueError, match=words):
        call()
