import pytest
import torch
from torch.nn import functional as F

from noisydescent import MarkovLanguage, MarkovSource, named, train
from noisydescent.devices import generator


def language(**changes) -> MarkovLanguage:
    settings = {"source": MarkovSource.random(vocabulary=5, seed=1), "length": 6, "width": 8, "layers": 2, "heads": 2}
    return MarkovLanguage(**{**settings, "sequences": 64, "held_out": 16, **changes})


@pytest.fixture(scope="module")
def problem() -> MarkovLanguage:
    return language(device="cpu")


def reference_logits(p: MarkovLanguage, theta: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """One transformer (d,) on one sequence (T,), attention written out: -> (T, V)."""
    w = {name: weight[0] for name, weight in p.unflatten(theta[None]).items()}
    x = torch.stack([w["embedding"][token] + w["position"][i] for i, token in enumerate(tokens.tolist())])
    size = p.width // p.heads

    def norm(x, gain):
        return (x - x.mean(-1, keepdim=True)) / (x.var(-1, correction=0, keepdim=True) + 1e-5).sqrt() * gain

    for i in range(p.layers):
        q, k, v = (norm(x, w[f"block{i}.norm1"]) @ w[f"block{i}.qkv"]).chunk(3, dim=1)
        heads = []
        for part in (slice(h * size, (h + 1) * size) for h in range(p.heads)):
            scores = q[:, part] @ k[:, part].T / size**0.5
            future = torch.ones_like(scores, dtype=torch.bool).triu(1)
            heads.append(torch.softmax(scores.masked_fill(future, -torch.inf), dim=1) @ v[:, part])
        x = x + torch.cat(heads, dim=1) @ w[f"block{i}.attention"]
        x = x + F.gelu(norm(x, w[f"block{i}.norm2"]) @ w[f"block{i}.up"]) @ w[f"block{i}.down"]
    return norm(x, w["norm"]) @ w["head"]


def test_logits_are_those_of_a_transformer_written_out(problem):
    theta = problem.initial(2, generator(0))
    tokens = problem.pool[:6, :-1].view(2, 3, -1)
    logits = problem.logits(theta, tokens)
    assert logits.shape == (2, 3, 6, 5)
    for run in range(2):
        for row in range(3):
            expected = reference_logits(problem, theta[run], tokens[run, row])
            torch.testing.assert_close(logits[run, row], expected, rtol=1e-4, atol=1e-6)


def test_runs_together_are_runs_apart(problem):
    theta, sequences = problem.initial(3, generator(0)), problem.pool[:12].view(3, 4, -1)
    losses, gradients = problem.sequence_losses(theta, sequences), problem.gradient(theta, sequences)
    held_out = problem.loss(theta)
    assert (theta[0] != theta[1]).any() and (gradients[0] != gradients[1]).any()
    for run in range(3):
        one = slice(run, run + 1)
        torch.testing.assert_close(losses[one], problem.sequence_losses(theta[one], sequences[one]))
        torch.testing.assert_close(gradients[one], problem.gradient(theta[one], sequences[one]), rtol=1e-4, atol=1e-7)
        torch.testing.assert_close(held_out[one], problem.loss(theta[one]))


def test_causal(problem):
    theta = problem.initial(1, generator(0))
    tokens = problem.pool[None, :1, :-1]
    before = problem.logits(theta, tokens)
    for position in range(1, 6):
        changed = tokens.clone()
        changed[..., position:] = (changed[..., position:] + 1) % 5
        after = problem.logits(theta, changed)
        torch.testing.assert_close(after[..., :position, :], before[..., :position, :], rtol=0, atol=1e-6)
        assert (after[..., position, :] - before[..., position, :]).abs().max() > 1e-3


def test_the_loss_is_the_cross_entropy_of_the_next_token(problem):
    theta = problem.initial(1, generator(0))
    losses = problem.sequence_losses(theta, problem.held_out[None])
    assert losses.shape == (1, 16, 6)
    log_p = problem.logits(theta, problem.held_out[None, :, :-1]).log_softmax(-1)[0]
    for row in range(16):
        for t in range(6):
            assert float(losses[0, row, t]) == pytest.approx(-float(log_p[row, t, problem.held_out[row, t + 1]]), 1e-5)
    assert float(problem.loss(theta)) == pytest.approx(float(losses.mean()), rel=1e-6)


def test_gradient_is_the_slope_of_the_loss(problem):
    theta, sequences = problem.initial(1, generator(0)).double(), problem.pool[None, :8]
    gradient = problem.gradient(theta, sequences)
    for seed in range(3):
        direction = F.normalize(torch.randn(1, problem.dim, generator=generator(seed), dtype=torch.float64))
        ahead, behind = (problem.sequence_losses(theta + h * direction, sequences).mean() for h in (1e-5, -1e-5))
        assert float((gradient * direction).sum()) == pytest.approx(float((ahead - behind) / 2e-5), rel=1e-5)


def test_per_sample_gradients_agree_with_torch_func_and_average_to_the_gradient(problem):
    theta, sequences = problem.initial(1, generator(0))[0], problem.pool[:5]
    samples = problem.per_sample_gradients(theta, sequences)
    assert samples.shape == (5, problem.dim)

    def loss(theta, sequence):
        logits = reference_logits(problem, theta, sequence[:-1])
        return F.cross_entropy(logits, sequence[1:])

    for i in range(5):
        expected = torch.func.grad(loss)(theta, sequences[i])
        torch.testing.assert_close(samples[i], expected, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(samples.mean(0), problem.gradient(theta[None], sequences[None])[0], rtol=1e-4, atol=1e-6)


def test_oracle_is_the_mean_gradient_of_sequences_of_the_pool(agrees):
    p = language(sequences=8, layers=1)
    theta = p.initial(1, generator(0))
    population = p.per_sample_gradients(theta[0], p.pool)
    runs = 250
    draws = p.oracle(runs, 2, generator(1))(theta.expand(runs, -1))
    # every minibatch of two of the eight sequences, and nothing else
    pairs = (population[:, None] + population[None]).flatten(0, 1) / 2
    assert (draws[:, None] - pairs).norm(dim=2).min(dim=1).values.max() < 1e-5
    basis = torch.linalg.qr(population.T).Q
    agrees((draws @ basis)[:, :4], (population.mean(0) @ basis)[:4])


@pytest.mark.parametrize("order", [1, 2])
def test_the_true_transition_reaches_the_floor_and_nothing_else_does(order, agrees):
    source = MarkovSource.random(vocabulary=4, order=order, seed=3)
    p = language(source=source, length=5, sequences=6000)
    index = tuple(p.pool[:, i : i + p.length + 1 - order] for i in range(order + 1))

    def cross_entropy(predicted: torch.Tensor) -> torch.Tensor:
        return -predicted[index].log().mean(dim=1)

    ideal = cross_entropy(source.transition)
    agrees(ideal, p.floor)
    # the mean over just the positions that the loss counts
    assert index[0].shape == p.sequence_losses(p.initial(1, generator(0)), p.pool[None])[0].shape
    blurred = 0.5 * source.transition + 0.5 / 4
    divergence = (source.rows * (source.transition / blurred).log().reshape(source.rows.shape)).sum(1)
    excess = float(source.stationary @ divergence)
    assert excess > 0.05
    agrees(cross_entropy(blurred), p.floor + excess)


def test_a_transformer_that_is_the_bigram_table_reaches_the_floor():
    """Weights set by hand: blocks that add nothing, orthogonal embeddings, a head that holds log p."""
    source = MarkovSource.random(vocabulary=5, seed=1)
    p = language(source=source, width=8, held_out=4000)
    theta = torch.zeros(1, p.dim)
    w = p.unflatten(theta)
    w["norm"].fill_(1.0)
    w["embedding"][0, :, :5] = 10 * torch.eye(5)
    normed = F.layer_norm(w["embedding"][0], (8,)).double()
    w["head"][0] = (torch.linalg.pinv(normed) @ source.transition.log()).float()
    per_sequence = p.sequence_losses(theta, p.held_out[None]).mean(dim=2)[0]
    torch.testing.assert_close(p.logits(theta, p.held_out[None, :, :-1]).softmax(-1)[0].double(),
                               source.transition[p.held_out[:, :-1]], rtol=1e-4, atol=1e-5)  # fmt: skip
    error = float(per_sequence.std()) / 4000**0.5
    assert float(p.loss(theta)) == pytest.approx(p.floor, abs=4 * error)


def test_a_short_training_comes_nearer_to_the_floor_but_not_below():
    p = MarkovLanguage()
    assert 10_000 <= p.dim <= 100_000
    training = train(p, steps=80, batch_size=16, peak=0.5, schedule=named("constant", 80), record_every=80)
    first, last = training.loss[0, 0] - p.floor, training.loss[-1, 0] - p.floor
    # zero-ish head at the start: a little above the entropy of a uniform guess
    assert 0 < float(last) < 0.75 * float(first)
    # the held-out text has 256 sequences: its own cross-entropy under the true source is off the floor by chance
    sequences = p.held_out
    surprise = -p.source.transition[sequences[:, :-1], sequences[:, 1:]].log().mean(dim=1)
    slack = 4 * float(surprise.std()) / len(surprise) ** 0.5
    assert (training.loss > p.floor - slack).all()


def test_initial_weights_differ_between_runs_and_have_the_scale_said(problem):
    p = MarkovLanguage()
    w = p.unflatten(p.initial(2, generator(0)))
    assert (w["block0.up"][0] != w["block0.up"][1]).any()
    assert (w["norm"] == 1).all() and (w["block1.norm2"] == 1).all()
    for name, fan_in in [("block0.qkv", 32), ("block1.down", 128)]:
        assert float(w[name].std()) == pytest.approx(fan_in**-0.5, rel=0.05)
    assert sum(weight[0].numel() for weight in w.values()) == p.dim


def test_held_out_sequences_are_not_training_sequences():
    p = MarkovLanguage()
    assert len(p.pool) == 8192 and len(p.held_out) == 256
    assert p.pool.data_ptr() != p.held_out.data_ptr()
    # 16 tokens in 17 places: that a sequence occurs twice by chance has a probability of about e^{-17 h} a pair
    assert len(torch.cat([p.pool, p.held_out]).unique(dim=0)) > 8192 + 256 - 20


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 9}, "width must be a multiple of heads, got width 9 and heads 2"),
        ({"layers": 0}, "layers must be a whole number of at least 1, got 0"),
        ({"source": MarkovSource.random(3, order=2), "length": 2}, "length must be greater than the order"),
        ({"sequences": 0}, "sequences must be a whole number"),
        ({"held_out": 0}, "held_out must be a whole number"),
    ],
)
def test_bad_arguments(changes, words):
    with pytest.raises(ValueError, match=words):
        language(**changes)
