import pytest
import torch

from noisydescent import diagnostics


def pairs(rho: float, n: int = 4000) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, n, generator=random, dtype=torch.float64)
    return 3 * a + 7, rho * a + (1 - rho**2) ** 0.5 * b


@pytest.mark.parametrize("rho", [0.0, 0.6, -0.9])
def test_the_best_coefficient_leaves_one_minus_rho_square(rho):
    f, h = pairs(rho)
    ratio, c = diagnostics.variance_ratio(f, h)
    assert ratio == pytest.approx(1 - float(torch.corrcoef(torch.stack([f, h]))[0, 1]) ** 2, rel=1e-9)
    assert ratio == pytest.approx(1 - rho**2, abs=0.05) and c == pytest.approx(3 * rho, abs=0.15)
    assert ratio == pytest.approx(float((f - c * h).var() / f.var()), rel=1e-9)


def test_any_other_coefficient_leaves_more():
    f, h = pairs(0.6)
    best, c = diagnostics.variance_ratio(f, h)
    for other in [0.0, c - 0.5, c + 0.5, 10.0]:
        ratio, used = diagnostics.variance_ratio(f, h, other)
        assert used == other and ratio > best
    assert diagnostics.variance_ratio(f, h, 0.0)[0] == 1.0
    assert diagnostics.variance_ratio(f, h, 10.0)[0] > 1.0


def test_vectors_are_compared_by_trace():
    random = torch.Generator().manual_seed(1)
    f, h = torch.randn(2, 50, 3, generator=random)
    ratio, c = diagnostics.variance_ratio(f, h, 0.4)
    left = diagnostics.gradient_variance((f - 0.4 * h).double()) / diagnostics.gradient_variance(f.double())
    assert c == 0.4 and ratio == pytest.approx(float(left), rel=1e-6)
    assert diagnostics.variance_ratio(f, f)[0] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("f", "h", "word"),
    [
        (torch.randn(4), torch.randn(5), "values and controls"),
        (torch.randn(1), torch.randn(1), "n >= 2"),
        (torch.ones(4), torch.randn(4), "values"),
        (torch.randn(4), torch.ones(4), "controls"),
        (torch.tensor([1.0, float("nan")]), torch.randn(2), "values"),
    ],
)
def test_pairs_that_make_no_sense(f, h, word):
    with pytest.raises(ValueError, match=word):
        diagnostics.variance_ratio(f, h)


def test_table_bytes_are_those_of_a_table():
    table = torch.zeros(7, 5)
    assert diagnostics.table_bytes(7, 5) == table.numel() * table.element_size() == 140
    assert diagnostics.table_bytes(7, 5, torch.float64) == 280
    assert diagnostics.table_bytes(7, 5, linear=True) == 28
    with pytest.raises(ValueError, match="dim"):
        diagnostics.table_bytes(7, 0)


def test_temperature():
    assert diagnostics.temperature(0.1, 4) == pytest.approx(diagnostics.temperature(0.4, 16)) == pytest.approx(0.025)
    assert diagnostics.temperature(0.1, 4, momentum=0.9) == pytest.approx(0.25)
    for wrong in [(-0.1, 4, 0.0), (0.1, 0, 0.0), (0.1, 4, 1.0)]:
        with pytest.raises(ValueError):
            diagnostics.temperature(*wrong)
