import math

import pytest
import torch

from noisydescent.diagnostics import bias_z, effective_sample_size, generalization_gap, risk

random = torch.Generator().manual_seed(0)


def test_the_band_of_a_risk_covers_as_often_as_it_says():
    losses = torch.rand(4000, 200, generator=random, dtype=torch.float64)
    inside = [abs(mean - 0.5) <= half for mean, half in (risk(row, 0.9) for row in losses)]
    assert sum(inside) / 4000 == pytest.approx(0.9, abs=5 * (0.09 / 4000) ** 0.5)


def test_a_risk_by_hand():
    mean, half = risk(torch.tensor([1.0, 2.0, 3.0, 6.0]), confidence=0.95)
    assert mean == 3.0 and half == pytest.approx(1.959964 * (14 / 3) ** 0.5 / 2)


@pytest.mark.parametrize("losses", [torch.ones(1), torch.ones(2, 2)])
def test_a_risk_needs_two_numbers(losses):
    with pytest.raises(ValueError, match="losses"):
        risk(losses)
    with pytest.raises(ValueError, match="confidence"):
        risk(torch.ones(3), 1.0)


def test_the_gap_is_fresh_minus_train():
    gap, error = generalization_gap(torch.tensor([1.0, 3.0]), torch.tensor([4.0, 5.0, 6.0]))
    assert gap == 3.0 and error == pytest.approx((1.0 + 1 / 3) ** 0.5)


def test_z_is_standard_normal_without_bias_and_grows_with_it():
    truth = torch.tensor([1.0, -2.0]).double()
    estimates = truth + torch.randn(500, 300, 2, generator=random, dtype=torch.float64)
    z = torch.stack([bias_z(rows, truth) for rows in estimates])
    assert float(z.square().mean()) == pytest.approx(1.0, abs=5 * (2 / 1000) ** 0.5 + 0.01)
    few, many = bias_z(estimates[0], truth + 1)[0], bias_z(estimates.flatten(0, 1), truth + 1)[0]
    assert float(many / few) == pytest.approx(500**0.5, rel=0.2) and few < 0


def test_z_of_estimates_that_do_not_vary():
    z = bias_z(torch.tensor([[1.0, 1.0], [1.0, 1.0]]), torch.tensor([1.0, 2.0]))
    assert z.tolist() == [0.0, -math.inf]
    with pytest.raises(ValueError, match="truth"):
        bias_z(torch.ones(3, 2), torch.ones(3))


def test_effective_sample_size_counts_equal_weights():
    weights = torch.tensor([[2.0, 2.0, 2.0, 2.0], [1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
    assert effective_sample_size(weights).tolist() == [4.0, 1.0, 2.0]
    with pytest.raises(ValueError, match="weights"):
        effective_sample_size(torch.tensor([1.0, -1.0]))
    with pytest.raises(ValueError, match="weights"):
        effective_sample_size(torch.zeros(3))
