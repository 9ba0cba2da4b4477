import math

import pytest
import torch

from noisydescent.diagnostics import best_rate, log_log_slope

GRID = torch.logspace(-3, 0, 13, dtype=torch.float64)


@pytest.mark.parametrize("best", [0.004, 0.02, 0.3])
def test_best_rate_finds_the_vertex_between_grid_points(best):
    losses = 2 + 5 * (torch.log(GRID) - math.log(best)).square()
    assert float(best_rate(GRID, losses)) == pytest.approx(best, rel=1e-9)


def test_best_rate_on_an_uneven_grid():
    grid = torch.tensor([0.01, 0.02, 0.1, 0.15, 1.0])
    losses = (torch.log(grid.double()) - math.log(0.07)).square()
    assert float(best_rate(grid, losses)) == pytest.approx(0.07, rel=1e-6)


def test_best_rate_at_an_end_was_not_measured():
    losses = torch.stack([GRID, -GRID, (torch.log(GRID) + 3).square()])
    found = best_rate(GRID, losses)
    assert found.shape == (3,) and found[:2].isnan().all()
    assert float(found[2]) == pytest.approx(math.exp(-3), rel=1e-9)


def test_runs_that_diverged_count_as_worst():
    losses = torch.tensor([3.0, 2.0, 1.0, math.nan, math.inf])
    assert float(best_rate(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]), losses)) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("rates", "losses", "word"),
    [
        ([0.1, 0.2], [1.0, 2.0], "rates"),
        ([0.1, 0.3, 0.2], [1.0, 2.0, 3.0], "rates"),
        ([0.0, 0.1, 0.2], [1.0, 2.0, 3.0], "rates"),
        ([0.1, 0.2, 0.3], [1.0, 2.0], "losses"),
    ],
)
def test_best_rate_says_what_makes_no_sense(rates, losses, word):
    with pytest.raises(ValueError, match=word):
        best_rate(torch.tensor(rates), torch.tensor(losses))


@pytest.mark.parametrize("exponent", [-2.0, -0.3, 0.5, 1.0])
def test_log_log_slope_of_a_power_law(exponent):
    x = torch.tensor([2.0, 8.0, 32.0, 512.0], dtype=torch.float64)
    y = torch.stack([3 * x**exponent, 0.1 * x**exponent])
    assert torch.allclose(log_log_slope(x, y), torch.full((2,), exponent).double())


def test_log_log_slope_of_a_disturbed_power_law_is_that_of_least_squares():
    x = torch.logspace(0, 3, 40, dtype=torch.float64)
    y = x**-1 * torch.exp(0.1 * torch.sin(torch.arange(40.0)))
    A = torch.stack([torch.ones_like(x), torch.log(x)], dim=1)
    assert float(log_log_slope(x, y)) == pytest.approx(float(torch.linalg.lstsq(A, torch.log(y)).solution[1]))


@pytest.mark.parametrize(
    ("x", "y", "word"),
    [([1.0, 1.0], [1.0, 2.0], "x"), ([1.0, 2.0], [1.0, 0.0], "y"), ([1.0, 2.0], [1.0, 2.0, 3.0], "n")],
)
def test_log_log_slope_says_what_makes_no_sense(x, y, word):
    with pytest.raises(ValueError, match=word):
        log_log_slope(torch.tensor(x), torch.tensor(y))
