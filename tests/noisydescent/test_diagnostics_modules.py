"""Diagnostics of anyone's module: gradient variance by layer, the two-batch noise scale, sharpness."""

import itertools
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from noisydescent import diagnostics
from noisydescent.devices import generator

N = 12


def normals(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def network(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()


X, Y = normals(N, 3), torch.arange(N) % 2


def one_by_one(module: nn.Module, loss_fn, X, Y) -> dict[str, torch.Tensor]:
    """Per-sample gradients by a loop over backward, which touches .grad: of a module used for nothing else."""
    rows = []
    for x, y in zip(X, Y, strict=True):
        module.zero_grad()
        loss_fn(module(x[None]), y[None]).backward()
        rows.append({name: p.grad.clone() for name, p in module.named_parameters()})
    module.zero_grad()
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


def test_sample_gradients_are_those_of_a_loop():
    module = network()
    expected = one_by_one(module, F.cross_entropy, X, Y)
    found = diagnostics.module_sample_gradients(module, F.cross_entropy, X, Y)
    assert list(found) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("chunk_size", [1, 5, 12, 100])
def test_variance_by_layer_is_the_trace_of_the_sample_covariance(chunk_size):
    module = network()
    found = diagnostics.module_gradient_variance(module, F.cross_entropy, X, Y, chunk_size)
    for name, rows in one_by_one(module, F.cross_entropy, X, Y).items():
        assert found[name] == pytest.approx(float(torch.cov(rows.flatten(1).T).trace()), rel=1e-10), name


def test_the_micro_batch_estimate_is_right_on_average_over_all_ways_to_split():
    """4 samples into 2 micro-batches: the mean over the 24 orders is the sample variance, exactly."""
    module = network()
    expected = diagnostics.module_gradient_variance(module, F.cross_entropy, X[:4], Y[:4])
    estimates = []
    for order in itertools.permutations(range(4)):
        order = list(order)
        estimates.append(diagnostics.microbatch_gradient_variance(module, F.cross_entropy, X[order], Y[order], 2))
    for name, value in expected.items():
        assert sum(e[name] for e in estimates) / 24 == pytest.approx(value, rel=1e-10)
    singles = diagnostics.microbatch_gradient_variance(module, F.cross_entropy, X, Y, 1)
    every = diagnostics.module_gradient_variance(module, F.cross_entropy, X, Y)
    assert singles == pytest.approx(every, rel=1e-10)


def test_a_transformer_with_dropout_and_its_random_state_are_left_as_they_were():
    torch.manual_seed(0)
    block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.2, batch_first=True)
    module = nn.Sequential(nn.Embedding(5, 8), block, nn.Linear(8, 5))
    module[2].bias.requires_grad_(False)
    tokens = torch.randint(5, (6, 7))

    def loss_fn(output, target):
        return F.cross_entropy(output.flatten(0, 1), target.flatten())

    loss_fn(module(tokens), tokens).backward()
    grads = [None if p.grad is None else p.grad.clone() for p in module.parameters()]
    weights, state = diagnostics.snapshot(module), torch.get_rng_state()
    for values in [
        diagnostics.module_gradient_variance(module, loss_fn, tokens, tokens),
        diagnostics.microbatch_gradient_variance(module, loss_fn, tokens, tokens, 3),
    ]:
        assert "2.weight" in values and "2.bias" not in values
        assert all(math.isfinite(v) and v >= 0 for v in values.values())
        assert sum(values.values()) > 0
    diagnostics.two_batch_norms(module, loss_fn, tokens, tokens, 3)
    pair = diagnostics.top_hessian_eigenvalue(module.eval(), lambda: loss_fn(module(tokens), tokens), iterations=3)
    assert math.isfinite(pair.value)
    assert torch.equal(torch.get_rng_state(), state)
    for p, g in zip(module.parameters(), grads, strict=True):
        assert (p.grad is None) == (g is None) and (g is None or torch.equal(p.grad, g))
    assert all(torch.equal(w, weights[name]) for name, w in diagnostics.snapshot(module).items())


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(normals(3, seed=4))

    def forward(self, a, b):
        return (a * b) @ self.weight


def test_a_module_may_take_several_inputs():
    a, b, y = normals(6, 3), normals(6, 3, seed=1), normals(6, seed=2)
    module = TwoInputs()
    loss_fn = nn.MSELoss()
    found = diagnostics.module_sample_gradients(module, loss_fn, (a, b), y)["weight"]
    product = a * b
    expected = 2 * (product @ module.weight.detach() - y)[:, None] * product
    torch.testing.assert_close(found, expected)
    assert diagnostics.microbatch_gradient_variance(module, loss_fn, (a, b), y, 1)["weight"] == pytest.approx(
        float(torch.cov(expected.T).trace())
    )


def test_two_batch_norms_are_those_of_the_micro_batches_and_of_the_batch():
    module = network()
    rows = torch.cat([g.flatten(1) for g in one_by_one(module, F.cross_entropy, X, Y).values()], dim=1)
    small, big, b_small, b_big = diagnostics.two_batch_norms(module, F.cross_entropy, X, Y, 4)
    assert (b_small, b_big) == (4, 12)
    assert big == pytest.approx(float(rows.mean(dim=0).square().sum()))
    assert small == pytest.approx(float(rows.view(3, 4, -1).mean(dim=1).square().sum(dim=1).mean()))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: diagnostics.module_sample_gradients(m, F.cross_entropy, X, Y[:5]), r"same number.*got \[12, 5\]"),
        (lambda m: diagnostics.module_gradient_variance(m, F.cross_entropy, X[:1], Y[:1]), "at least 2"),
        (lambda m: diagnostics.module_sample_gradients(m, F.cross_entropy, X[:0], Y[:0]), "at least 1"),
        (lambda m: diagnostics.module_gradient_variance(m, F.cross_entropy, X, Y, 0), "chunk_size must be"),
        (lambda m: diagnostics.microbatch_gradient_variance(m, F.cross_entropy, X, Y, 5), "micro_batch must divide"),
        (lambda m: diagnostics.two_batch_norms(m, F.cross_entropy, X, Y, 12), "at least 2 equal parts"),
        (lambda m: diagnostics.module_sample_gradients(m.requires_grad_(False), F.cross_entropy, X, Y), "no param"),
        (lambda m: diagnostics.module_sample_gradients(nn.BatchNorm1d(3).double(), F.mse_loss, X, X), "over the batch"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call(network())


def test_batch_normalization_is_fine_once_it_is_fixed():
    module = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2)).double().eval()
    found = diagnostics.module_sample_gradients(module, F.cross_entropy, X, Y)
    torch.testing.assert_close(found, one_by_one(module, F.cross_entropy, X, Y))


def test_two_batch_parts_are_unbiased_and_invert_the_expectation():
    square, trace = 0.4, 6.0
    parts = diagnostics.two_batch_parts(square + trace / 2, square + trace / 8, 2, 8)
    assert parts == pytest.approx((square, trace))
    with pytest.raises(ValueError, match=r"b_small must be positive and below b_big, got 8\.0 and 8\.0"):
        diagnostics.two_batch_parts(1.0, 1.0, 8, 8)
    with pytest.raises(ValueError, match="n_big must be finite"):
        diagnostics.two_batch_parts(1.0, math.nan, 2, 8)


def two_batches(steps: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Squared norms at batch sizes 1 (a part of the other) and 4, and the true noise scale."""
    mean, spread = torch.tensor([0.6, -0.3]), torch.tensor([1.0, 0.5])
    rows = mean + spread * torch.randn(steps, 4, 2, generator=generator(seed), dtype=torch.float64)
    norms = rows[:, 0].square().sum(dim=1), rows.mean(dim=1).square().sum(dim=1)
    return *norms, float(spread.square().sum() / mean.square().sum())


def test_the_noise_scale_averages_both_parts_apart(agrees):
    small, big, true = two_batches(20_000, 0)
    parts = torch.tensor([diagnostics.two_batch_parts(*n, 1, 4) for n in zip(small, big, strict=True)])
    agrees(parts, torch.tensor([0.45, 1.25]))
    tracker = diagnostics.NoiseScale(decay=0.999)
    for n_small, n_big in zip(small, big, strict=True):
        tracker.update(n_small, n_big, 1, 4)
    assert tracker.value == pytest.approx(true, rel=0.15)
    quotients = parts[:, 1] / parts[:, 0]
    assert not 0.5 * true < float(quotients.mean()) < 1.5 * true, "the mean of quotients is far off"


def test_the_moving_averages_are_their_definition():
    tracker = diagnostics.NoiseScale(decay=0.9)
    assert math.isnan(tracker.value) and math.isnan(tracker.trace) and math.isnan(tracker.gradient_square)
    norms = [(3.0, 1.0), (2.5, 1.5), (4.0, 1.2)]
    weights = [0.9**2, 0.9, 1.0]
    parts = [diagnostics.two_batch_parts(*n, 2, 16) for n in norms]
    for n in norms:
        tracker.update(*n, 2, 16)
    square, trace = (sum(w * part[i] for w, part in zip(weights, parts, strict=True)) / sum(weights) for i in (0, 1))
    assert (tracker.gradient_square, tracker.trace) == pytest.approx((square, trace))
    assert tracker.value == pytest.approx(trace / square)
    assert tracker.signal_to_noise(8) == pytest.approx(square / (square + trace / 8))


def test_a_gradient_that_cannot_be_told_from_zero_has_an_infinite_noise_scale():
    tracker = diagnostics.NoiseScale(decay=0.0)
    tracker.update(8.0, 1.0, 1, 4)
    assert tracker.gradient_square < 0 and tracker.value == math.inf and tracker.signal_to_noise(4) == 0.0
    tracker.update(2.0, 1.0, 1, 4)
    assert math.isfinite(tracker.value), "decay 0 keeps the last update only"
    with pytest.raises(ValueError, match="batch_size must be positive"):
        tracker.signal_to_noise(0)
    with pytest.raises(ValueError, match=r"decay must lie in \[0, 1\), got 1.0"):
        diagnostics.NoiseScale(decay=1.0)


SYMMETRIC = normals(6, 6, seed=3)
SYMMETRIC = SYMMETRIC + SYMMETRIC.T


@pytest.mark.parametrize("sign", [1, -1])
def test_power_iteration_finds_the_largest_magnitude_with_its_sign(sign):
    eigenvalues = torch.linalg.eigvalsh(sign * SYMMETRIC)
    expected = float(eigenvalues[eigenvalues.abs().argmax()])
    calls = []
    pair = diagnostics.top_eigenvalue(
        lambda v: calls.append(1) or sign * SYMMETRIC @ v, normals(6, seed=5), 500, tolerance=1e-6
    )
    assert pair.value == pytest.approx(expected, rel=1e-9)
    assert pair.residual <= 1e-6 * abs(expected) and pair.products == len(calls) < 501
    assert float(pair.vector.norm()) == pytest.approx(1.0)
    torch.testing.assert_close(sign * SYMMETRIC @ pair.vector, expected * pair.vector, rtol=1e-4, atol=1e-4)


def test_power_iteration_says_when_it_did_not_converge():
    both = torch.diag(torch.tensor([1.0, -1.0]))
    pair = diagnostics.top_eigenvalue(lambda v: both @ v, torch.tensor([1.0, 0.5]), 50)
    assert pair.residual > 0.5 and pair.products == 51
    zero = diagnostics.top_eigenvalue(torch.zeros_like, torch.tensor([1.0, 0.5]))
    assert (zero.value, zero.residual, zero.products) == (0.0, 0.0, 1)


@pytest.mark.parametrize(
    ("hvp", "start", "words"),
    [
        (lambda v: v, torch.zeros(3), "not all zero"),
        (lambda v: v, torch.ones(2, 2), "start must be a vector"),
        (lambda v: v, torch.ones(2, dtype=torch.int64), "floating-point"),
        (lambda v: v, torch.tensor([1.0, math.nan]), "start holds 1 NaN"),
        (lambda v: v * math.nan, torch.ones(3), "hvp must return .3,. finite numbers"),
        (lambda v: v[:2], torch.ones(3), "got shape .2,."),
    ],
)
def test_power_iteration_refuses(hvp, start, words):
    with pytest.raises(ValueError, match=words):
        diagnostics.top_eigenvalue(hvp, start)


def test_hessian_of_a_module_is_that_of_torch_func():
    module = network()
    names = [name for name, _ in module.named_parameters()]
    shapes = [p.shape for p in module.parameters()]
    theta = torch.cat([p.detach().flatten() for p in module.parameters()])

    def loss_of(flat):
        parts = [x.view(s) for x, s in zip(flat.split([s.numel() for s in shapes]), shapes, strict=True)]
        return F.cross_entropy(torch.func.functional_call(module, dict(zip(names, parts, strict=True)), X), Y)

    hessian = torch.func.hessian(loss_of)(theta)
    product, dim = diagnostics.hessian_vector_product(module, lambda: F.cross_entropy(module(X), Y))
    assert dim == len(theta)
    for seed in range(3):
        v = normals(dim, seed=seed)
        torch.testing.assert_close(product(v), hessian @ v, rtol=1e-10, atol=1e-12)
    pair = diagnostics.top_hessian_eigenvalue(module, lambda: F.cross_entropy(module(X), Y), 1000, 1e-6)
    eigenvalues = torch.linalg.eigvalsh(hessian)
    assert pair.value == pytest.approx(float(eigenvalues[eigenvalues.abs().argmax()]), rel=1e-8)
    flipped = diagnostics.top_hessian_eigenvalue(module, lambda: -F.cross_entropy(module(X), Y), 1000, 1e-6)
    assert flipped.value == pytest.approx(-pair.value, rel=1e-6)
    assert all(p.grad is None for p in module.parameters())


def test_layers_without_curvature_and_closures_without_a_loss():
    module = nn.ModuleDict({"used": nn.Linear(3, 1), "unused": nn.Linear(3, 1)}).double()
    product, dim = diagnostics.hessian_vector_product(module, lambda: module["used"](X).sum())
    assert dim == 8 and not product(torch.ones(dim, dtype=torch.float64)).any()
    for loss in (lambda: torch.ones(()), lambda: 1.0, lambda: module["used"](X)):
        with pytest.raises(ValueError, match=r"loss\(\) must return"):
            diagnostics.hessian_vector_product(module, loss)
