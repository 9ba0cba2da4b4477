import itertools
import math

import pytest
import torch

from noisydescent import diagnostics, theory
from noisydescent.devices import generator

ROWS = torch.randn(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_gradient_variance_is_the_trace_of_the_covariance():
    trace = float(torch.cov(ROWS.T, correction=0).trace())
    assert float(diagnostics.gradient_variance(ROWS)) == pytest.approx(trace)
    assert float(diagnostics.gradient_variance(ROWS, 4)) == pytest.approx(trace / 4)
    several = diagnostics.gradient_variance(torch.stack([ROWS, 2 * ROWS]))
    torch.testing.assert_close(several, torch.tensor([trace, 4 * trace], dtype=torch.float64))


def test_gradient_variance_by_layer_sums_to_the_whole():
    layers = {"a": ROWS[:, :1], "b": ROWS[:, 1:].reshape(5, 2, 1)}
    parts = diagnostics.gradient_variance_by_layer(layers)
    assert parts["a"] == pytest.approx(float(ROWS[:, 0].var(correction=0)))
    assert sum(parts.values()) == pytest.approx(float(diagnostics.gradient_variance(ROWS)))


def test_the_noise_scale_has_neither_part_biased(agrees):
    """Both parts of the ratio are unbiased: so the mean over data sets of trace - B * square is zero for the true B."""
    mean, spread = torch.tensor([0.3, -0.2]), torch.tensor([1.0, 0.5])
    true = float(spread.square().sum() / mean.square().sum())
    sets = mean + spread * torch.randn(20_000, 12, 2, generator=generator(0), dtype=torch.float64)
    trace = sets.var(dim=1, correction=1).sum(-1)
    square = sets.mean(dim=1).square().sum(-1) - trace / 12
    agrees(trace - true * square, 0.0)
    for rows, b, s in zip(sets[:50], trace, square, strict=False):
        expected = float(b / s) if s > 0 else math.inf
        assert diagnostics.noise_scale(rows) == pytest.approx(expected)
    many = mean + spread * torch.randn(200_000, 2, generator=generator(1), dtype=torch.float64)
    assert diagnostics.noise_scale(many) == pytest.approx(true, rel=0.05)


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_minibatch_means_are_the_means_of_all_minibatches_each_as_often(replacement, batch_size, agrees):
    means = diagnostics.minibatch_means(ROWS, batch_size, 4000, generator(2), replacement)
    assert means.shape == (4000, 3)
    chosen = itertools.product(range(5), repeat=batch_size)
    if not replacement:
        chosen = itertools.permutations(range(5), batch_size)
    possible = torch.stack([ROWS[list(index)].mean(dim=0) for index in chosen])
    same = (means[:, None] - possible).abs().amax(dim=2) < 1e-12
    assert same.any(dim=1).all(), "a mean that is no minibatch's"
    # one minibatch in several orders has one mean: share the draw among them
    agrees(same.double() / same.sum(dim=1, keepdim=True), 1 / len(possible))


def test_the_whole_data_set_is_the_only_minibatch_of_its_size_without_replacement():
    means = diagnostics.minibatch_means(ROWS, 5, 100, generator(0), replacement=False)
    torch.testing.assert_close(means, ROWS.mean(dim=0).expand(100, 3), rtol=0, atol=1e-14)


@pytest.mark.parametrize("replacement", [True, False])
def test_sampled_variance_is_the_theory(replacement):
    mean, error = diagnostics.sampled_variance(ROWS, 3, 20_000, generator(3), replacement)
    trace = float(diagnostics.gradient_variance(ROWS))
    expected = theory.gradient_variance(trace, 3, None if replacement else 5)
    assert abs(float(mean) - expected) <= 4 * float(error)
    assert float(error) < 0.02 * expected, "the other formula is a factor two away"


def test_a_minibatch_cannot_be_larger_than_the_data_without_replacement():
    with pytest.raises(ValueError, match="batch_size must not be greater than N = 5 without replacement, got 6"):
        diagnostics.minibatch_means(ROWS, 6, 1, generator(0), replacement=False)
    assert diagnostics.minibatch_means(ROWS, 6, 1, generator(0)).shape == (1, 3)


def test_cosine_of_a_zero_gradient_is_zero():
    a = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    torch.testing.assert_close(diagnostics.cosine(a, torch.tensor([2.0, 0.0])), torch.tensor([1.0, 0.5**0.5, 0.0]))


def test_mean_and_error():
    mean, error = diagnostics.mean_and_error(torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]), dim=1)
    assert mean.tolist() == [2.0, 0.0] and error.tolist() == pytest.approx([1 / 3**0.5, 0.0])


def test_steps_to_target_is_the_first_step_at_or_below_it():
    losses = torch.tensor([[3.0, 2.0, 1.0, 2.0, 0.5], [3.0, 3.0, 3.0, 3.0, 3.0], [1.0, 9.0, 9.0, 9.0, 9.0]])
    assert diagnostics.steps_to_target(losses, 1.0).tolist() == [2.0, math.inf, 0.0]
    assert diagnostics.steps_to_target(torch.tensor([math.nan, 0.5]), 1.0).item() == 1.0
