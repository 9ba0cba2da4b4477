import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from noisydescent import schedules
from noisydescent.schedules import constant, cosine, inverse_time, linear, multipliers, named, step_decay, with_warmup
from torch.optim import lr_scheduler

STEPS = 60
horizons = st.integers(1, STEPS)
ends = st.floats(0.0, 1.0)


def pytorch(make, steps: int = STEPS, peak: float = 1.0) -> torch.Tensor:
    """The learning rate that a PyTorch scheduler gives to each step's optimizer.step()."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=peak)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return torch.tensor(rates, dtype=torch.float64)


def same(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    # PyTorch multiplies the last rate step by step, so its own rounding grows with the number of steps
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@given(horizons, ends)
@settings(deadline=None, max_examples=40, derandomize=True)
def test_linear_is_linear_lr(T, end):
    theirs = pytorch(lambda o: lr_scheduler.LinearLR(o, start_factor=1.0, end_factor=end, total_iters=T))
    same(multipliers(lambda t: linear(t, T, end), STEPS), theirs)


@given(horizons, ends)
@settings(deadline=None, max_examples=40, derandomize=True)
def test_cosine_is_cosine_annealing_lr_up_to_its_horizon(T, end):
    theirs = pytorch(lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=T, eta_min=end), T + 1)
    same(multipliers(lambda t: cosine(t, T, end), T + 1), theirs)
    # afterwards PyTorch's rate rises again, ours stays
    assert cosine(T + 1, T, end) == cosine(10 * T, T, end) == pytest.approx(end, abs=1e-15)


@given(st.integers(1, 30), st.floats(0.05, 1.0))
@settings(deadline=None, max_examples=40, derandomize=True)
def test_step_decay_is_step_lr(every, gamma):
    same(
        multipliers(lambda t: step_decay(t, every, gamma), STEPS),
        pytorch(lambda o: lr_scheduler.StepLR(o, every, gamma)),
    )


@given(st.floats(0.5, 50.0), st.floats(0.3, 1.0))
@settings(deadline=None, max_examples=40, derandomize=True)
def test_inverse_time_is_its_formula_in_lambda_lr(t0, power):
    theirs = pytorch(lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + t / t0) ** power))
    same(multipliers(lambda t: inverse_time(t, t0, power), STEPS), theirs)


@given(st.integers(1, 20), st.integers(1, 40), st.floats(1e-3, 3.0))
@settings(deadline=None, max_examples=40, derandomize=True)
def test_warmup_is_sequential_lr(warmup, T, peak):
    def make(optimizer):
        # LinearLR from 1/w reaches 1 after w - 1 steps, which is (t + 1)/w; SequentialLR then restarts the second at 0
        up = lr_scheduler.LinearLR(optimizer, start_factor=1 / warmup, total_iters=max(1, warmup - 1))
        down = lr_scheduler.CosineAnnealingLR(optimizer, T_max=T)
        return lr_scheduler.SequentialLR(optimizer, [up, down], milestones=[warmup])

    ours = peak * multipliers(with_warmup(lambda t: cosine(t, T), warmup), warmup + T)
    same(ours, pytorch(make, warmup + T, peak))


def test_first_and_last_steps():
    assert linear(0, 10) == cosine(0, 10) == inverse_time(0, 5) == step_decay(0, 10) == constant(0) == 1.0
    assert linear(9, 10) == pytest.approx(0.1) and linear(10, 10) == linear(11, 10) == 0.0
    assert cosine(5, 10) == pytest.approx(0.5) and cosine(9, 10) == pytest.approx((1 - math.cos(math.pi / 10)) / 2)
    assert cosine(10, 10) == cosine(11, 10) == 0.0
    assert [step_decay(t, 10) for t in (9, 10, 19, 20)] == pytest.approx([1, 0.1, 0.1, 0.01])
    assert inverse_time(5, 5) == 0.5 and inverse_time(15, 5, power=0.5) == 0.5
    assert linear(0, 1) == cosine(0, 1) == 1.0


def test_the_steps_around_the_end_of_the_warmup():
    schedule = with_warmup(lambda t: linear(t, 10), 4)
    assert [schedule(t) for t in range(7)] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 0.9, 0.8])
    assert schedule(14) == 0.0
    assert with_warmup(constant, 1)(0) == 1.0
    without = with_warmup(lambda t: linear(t, 10), 0)
    assert [without(t) for t in range(3)] == pytest.approx([1.0, 0.9, 0.8])


@given(st.sampled_from(schedules.NAMES), st.integers(1, 200), st.floats(0.0, 1.0))
@settings(deadline=None, max_examples=200, derandomize=True)
def test_named_schedules_start_above_zero_peak_at_one_and_never_rise_after_the_warmup(name, steps, warmup):
    rates = multipliers(named(name, steps, warmup), steps)
    assert rates.shape == (steps,) and rates.dtype == torch.float64
    assert float(rates.max()) == 1.0
    assert rates[0] > 0 and (rates >= 0).all()
    warm = round(steps * warmup)
    torch.testing.assert_close(rates[:warm], torch.arange(1, warm + 1, dtype=torch.float64) / max(1, warm))
    assert (rates[warm:].diff() <= 0).all()
    if warm < steps:
        assert rates[warm] == 1.0


def test_named_schedules_have_their_shapes():
    at = {name: named(name, 300) for name in schedules.NAMES}
    assert at["constant"](299) == 1.0
    assert at["linear"](300) == at["cosine"](300) == 0.0 and at["linear"](150) == pytest.approx(0.5)
    assert [at["step"](t) for t in (99, 100, 200)] == pytest.approx([1.0, 0.1, 0.01])
    assert at["inverse time"](15) == pytest.approx(0.5) and at["inverse square root"](45) == pytest.approx(0.5)
    assert named("linear", 300, 0.5)(225) == pytest.approx(0.5), "the shape is over the steps after the warmup"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: named("cosin", 10), "unknown schedule 'cosin': did you mean 'cosine'?"),
        (lambda: named("zzzz", 10), "unknown schedule 'zzzz': known: constant, linear"),
        (lambda: named("linear", 0), "steps must be a whole number of at least 1, got 0"),
        (lambda: named("linear", 10, 1.5), "warmup_fraction must lie between 0 and 1, got 1.5"),
        (lambda: named("linear", 10, float("nan")), "warmup_fraction must lie between 0 and 1, got nan"),
        (lambda: linear(-1, 10), "t must be a whole number of at least 0, got -1"),
        (lambda: cosine(0.5, 10), "t must be a whole number of at least 0, got 0.5"),
        (lambda: cosine(torch.tensor(0.5), 10), "t must be a whole number of at least 0"),
        (lambda: linear(0, 0), "T must be a whole number of at least 1, got 0"),
        (lambda: constant(-1), "t must be"),
        (lambda: step_decay(0, 0), "every must be"),
        (lambda: step_decay(0, 5, 0.0), "gamma must lie in"),
        (lambda: step_decay(0, 5, 1.1), "gamma must lie in"),
        (lambda: inverse_time(0, 0.0), "t0 must be positive, got 0.0"),
        (lambda: with_warmup(constant, -1), "warmup must be a whole number of at least 0, got -1"),
        (lambda: with_warmup(constant, 2)(-1), "t must be"),
        (lambda: multipliers(constant, -1), "steps must be"),
    ],
)
def test_bad_arguments(call, words):
    with pytest.raises(ValueError) as caught:
        call()
    assert words in str(caught.value)


def test_no_steps_no_multipliers():
    assert multipliers(constant, 0).shape == (0,)
