"""SVRG, SAGA, local SGD, federated averaging, compressed SGD."""

from functools import partial

import pytest
import torch

from noisydescent.optimizers import (
    client_models,
    compressed_sgd,
    fedavg,
    local_sgd,
    quantize,
    quantize_bits,
    saga,
    svrg,
    top_k,
    top_k_bits,
    with_feedback,
)

N, D, R = 30, 4, 3


@pytest.fixture(scope="module")
def least_squares():
    """f = mean of 1/2 (x_i.theta - y_i)^2: gradient_i, full gradient, optimum."""
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(N, D, generator=generator, dtype=torch.float64)
    y = torch.randn(N, generator=generator, dtype=torch.float64)

    def gradient_i(theta, rows):
        return X[rows] * ((X[rows] * theta).sum(dim=1) - y[rows])[:, None]

    return gradient_i, lambda theta: (theta @ X.T - y) @ X / N, torch.linalg.lstsq(X, y[:, None]).solution[:, 0]


@pytest.fixture
def theta0():
    return torch.randn(R, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def rng(seed=2):
    return torch.Generator().manual_seed(seed)


def test_svrg_and_saga_reach_the_optimum_at_a_constant_rate(least_squares, theta0):
    gradient_i, full, optimum = least_squares
    snapshots = svrg(gradient_i, full, N, theta0, 0.05, epochs=60, inner=2 * N, generator=rng())
    assert snapshots.shape == (61, R, D)
    assert torch.equal(snapshots[0], theta0)
    assert (snapshots[-1] - optimum).abs().max() < 1e-9
    iterates, table = saga(gradient_i, N, theta0, 0.03, steps=150 * N, generator=rng(), record_every=N)
    assert iterates.shape == (151, R, D)
    assert (iterates[-1] - optimum).abs().max() < 1e-9
    assert table.shape == (R, N, D)
    # the table holds the samples' gradients at the optimum, whose mean is zero
    assert table.mean(dim=1).abs().max() < 1e-9


def replay(gradient_i):
    seen = []

    def recorded(theta, rows):
        seen.append((theta.clone(), rows.clone()))
        return gradient_i(theta, rows)

    return recorded, seen


def test_svrg_by_hand(least_squares, theta0):
    """The rows it drew, replayed one run at a time; two sample gradients an inner step."""
    gradient_i, full, _ = least_squares
    recorded, seen = replay(gradient_i)
    rates = torch.tensor([0.1, 0.05, 0.0], dtype=torch.float64)
    snapshots = svrg(recorded, full, N, theta0, rates, epochs=2, inner=5, generator=rng())
    assert len(seen) == 2 * 2 * 5
    for r in range(R):
        theta, k = theta0[r : r + 1], 0
        for epoch in range(2):
            snapshot, mean = theta, full(theta)
            for _ in range(5):
                row = seen[k][1][r : r + 1]
                theta = theta - rates[r] * (gradient_i(theta, row) - gradient_i(snapshot, row) + mean)
                k += 2
            torch.testing.assert_close(snapshots[epoch + 1, r : r + 1], theta, rtol=1e-12, atol=1e-12)


def test_saga_by_hand(least_squares, theta0):
    gradient_i, _, _ = least_squares
    recorded, seen = replay(gradient_i)
    before = theta0.clone()
    iterates, table = saga(recorded, N, theta0, 0.05, steps=40, generator=rng())
    assert torch.equal(theta0, before)
    assert len(seen) == N + 40
    assert iterates.shape == (2, R, D)
    for r in range(R):
        theta = theta0[r : r + 1]
        kept = torch.cat([gradient_i(theta, torch.tensor([i])) for i in range(N)])
        for _, rows in seen[N:]:
            i = rows[r : r + 1]
            fresh = gradient_i(theta, i)
            theta = theta - 0.05 * (fresh - kept[i] + kept.mean(dim=0))
            kept[i] = fresh
        torch.testing.assert_close(iterates[-1, r : r + 1], theta, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(table[r], kept, rtol=1e-12, atol=1e-12)


def test_same_seed_same_numbers(least_squares, theta0):
    gradient_i, full, _ = least_squares
    for run in [
        lambda seed: svrg(gradient_i, full, N, theta0, 0.1, 2, 5, rng(seed)),
        lambda seed: saga(gradient_i, N, theta0, 0.1, 9, rng(seed))[0],
    ]:
        assert torch.equal(run(0), run(0))
        assert not torch.equal(run(0), run(1))


def client(matrix, optimum):
    return lambda theta: (theta - optimum) @ matrix


CLIENTS = [
    client(torch.diag(torch.tensor([1.0, 2.0], dtype=torch.float64)), torch.tensor([1.0, 0.0], dtype=torch.float64)),
    client(torch.diag(torch.tensor([4.0, 0.5], dtype=torch.float64)), torch.tensor([-1.0, 2.0], dtype=torch.float64)),
]
START = torch.tensor([[0.5, 0.5], [3.0, -1.0]], dtype=torch.float64)


def test_fedavg_by_hand():
    weights, lr = [1.0, 3.0], torch.tensor([0.1, 0.2], dtype=torch.float64)
    iterates = fedavg(CLIENTS, START, weights, lr, rounds=3, local_steps=4)
    server = START
    for t in range(3):
        models = []
        for gradient in CLIENTS:
            theta = server
            for _ in range(4):
                theta = theta - lr[:, None] * gradient(theta)
            models.append(theta)
        torch.testing.assert_close(client_models(server, CLIENTS, lr, 4), torch.stack(models))
        server = 0.25 * models[0] + 0.75 * models[1]
        torch.testing.assert_close(iterates[t + 1], server, rtol=1e-12, atol=1e-12)
    assert iterates.shape == (4, 2, 2)


def test_one_local_step_is_minibatch_sgd_and_equal_weights_are_local_sgd():
    iterates = local_sgd(CLIENTS, START, 0.1, rounds=5, local_steps=1)
    theta = START
    for t in range(5):
        theta = theta - 0.1 * sum(gradient(theta) for gradient in CLIENTS) / 2
        torch.testing.assert_close(iterates[t + 1], theta, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        fedavg(CLIENTS, START, [2, 2], 0.1, 3, 5), local_sgd(CLIENTS, START, 0.1, 3, 5), rtol=1e-12, atol=1e-12
    )


def test_top_k_keeps_the_largest():
    v = torch.tensor([[3.0, -4.0, 1.0, 0.5], [0.0, 0.1, -0.2, 0.3]])
    assert torch.equal(top_k(v, 2), torch.tensor([[3.0, -4.0, 0, 0], [0, 0, -0.2, 0.3]]))
    assert torch.equal(top_k(v, 9), v)
    sent, left = with_feedback(v, torch.ones_like(v), partial(top_k, k=1))
    assert torch.equal(sent + left, v + 1)


def test_quantization_is_unbiased_with_bounded_variance(agrees):
    d, levels = 6, 3
    v = torch.randn(d, generator=rng(), dtype=torch.float64)
    q = quantize(v.repeat(40_000, 1), levels, rng(3))
    agrees(q, v)
    variance = (q - v).square().sum(dim=1).mean()
    assert variance <= min(d / levels**2, d**0.5 / levels) * v.square().sum()
    steps = q.abs() * levels / v.norm()
    torch.testing.assert_close(steps, steps.round(), rtol=1e-9, atol=1e-9)
    assert torch.equal(quantize(torch.zeros(2, d), levels, rng()), torch.zeros(2, d))


def test_bits():
    assert top_k_bits(1024, 10) == 10 * (32 + 10)
    assert top_k_bits(1, 5) == 32
    assert quantize_bits(100, 1) == 32 + 200
    assert quantize_bits(100, 3) == 32 + 300


def test_compressed_sgd_by_hand_with_a_memory_for_each_worker():
    """One coordinate sent by each of two workers, with its own memory; rates per run."""
    compress, rates = partial(top_k, k=1), torch.tensor([0.1, 0.02], dtype=torch.float64)
    for feedback in (True, False):
        result = compressed_sgd(CLIENTS, START, rates, 6, compress, error_feedback=feedback)
        theta, memory = START, [torch.zeros_like(START)] * 2
        for t in range(6):
            wanted = [rates[:, None] * g(theta) + m for g, m in zip(CLIENTS, memory, strict=True)]
            sent = [compress(w) for w in wanted]
            memory = [w - s for w, s in zip(wanted, sent, strict=True)] if feedback else memory
            theta = theta - sum(sent) / 2
            torch.testing.assert_close(result.theta[t + 1], theta, rtol=1e-12, atol=1e-12)
            size = (sum(m.square().sum(dim=1) for m in memory) / 2).sqrt()
            torch.testing.assert_close(result.residual_norm[t + 1], size, rtol=1e-12, atol=1e-12)


def test_error_feedback_converges_where_top_k_alone_stalls():
    """Two workers whose large coordinates cancel: without memory the small one, on which they agree, is never sent."""
    big = torch.tensor([10.0, 0.0], dtype=torch.float64)
    aim = torch.tensor([0.0, 1.0], dtype=torch.float64)
    workers = [lambda theta: theta - aim + big, lambda theta: theta - aim - big]
    start, compress = torch.zeros(1, 2, dtype=torch.float64), partial(top_k, k=1)
    without = compressed_sgd(workers, start, 0.05, 2000, compress, error_feedback=False)
    assert torch.equal(without.theta[-1], start)
    assert torch.equal(without.residual_norm, torch.zeros(2001, 1).double())
    with_memory = compressed_sgd(workers, start, 0.05, 2000, compress)
    assert (with_memory.theta[-500:].mean(dim=0) - aim).norm() < 0.2


def test_without_compression_it_is_sgd():
    result = compressed_sgd(CLIENTS, START, 0.1, 5, lambda v: v.clone())
    expected = local_sgd(CLIENTS, START, 0.1, 5, 1)
    torch.testing.assert_close(result.theta, expected, rtol=1e-12, atol=1e-12)


BAD = {
    "theta0": lambda: local_sgd(CLIENTS, START[0], 0.1, 1, 1),
    "lr": lambda: local_sgd(CLIENTS, START, -0.1, 1, 1),
    "lr must be a number": lambda: compressed_sgd(CLIENTS, START, torch.ones(5), 1, top_k),
    "local_steps": lambda: local_sgd(CLIENTS, START, 0.1, 1, 0),
    "rounds": lambda: local_sgd(CLIENTS, START, 0.1, -1, 1),
    "clients is empty": lambda: local_sgd([], START, 0.1, 1, 1),
    "workers is empty": lambda: compressed_sgd([], START, 0.1, 1, top_k),
    "weights must hold": lambda: fedavg(CLIENTS, START, [1.0], 0.1, 1, 1),
    "weights must be finite": lambda: fedavg(CLIENTS, START, [1.0, -2.0], 0.1, 1, 1),
    "not all zero": lambda: fedavg(CLIENTS, START, [0.0, 0.0], 0.1, 1, 1),
    "k must": lambda: top_k(START, 0),
    "levels": lambda: quantize(START, 0, rng()),
    "n must": lambda: saga(None, 0, START, 0.1, 1, rng()),
    "inner": lambda: svrg(None, None, 5, START, 0.1, 1, 0, rng()),
    "epochs": lambda: svrg(None, None, 5, START, 0.1, -1, 1, rng()),
    "record_every": lambda: saga(None, 5, START, 0.1, 1, rng(), record_every=0),
    "steps": lambda: saga(None, 5, START, 0.1, -1, rng()),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_arguments(message):
    with pytest.raises(ValueError, match=message):
        BAD[message]()
