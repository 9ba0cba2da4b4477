import math
import pickle
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from noisydescent import schedules
from noisydescent.schedules import (
    PastHorizon,
    branch_cooldown,
    constant,
    cosine,
    cosine_restarts,
    exp_range,
    exponential,
    inverse_sqrt,
    inverse_time,
    linear,
    multipliers,
    named,
    one_cycle,
    one_cycle_momentum,
    polynomial,
    rewind,
    step_decay,
    triangular,
    warmup_steps,
    with_cooldown,
    with_warmup,
    wsd,
)

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


@given(st.integers(1, 20))
@settings(deadline=None, max_examples=10, derandomize=True)
def test_constant_is_constant_lr_and_with_warmup_linear_lr(warmup):
    same(multipliers(constant, STEPS), pytorch(lambda o: lr_scheduler.ConstantLR(o, factor=1.0, total_iters=warmup)))
    up = pytorch(lambda o: lr_scheduler.LinearLR(o, start_factor=1 / warmup, total_iters=max(1, warmup - 1)))
    same(multipliers(partial(constant, warmup_steps=warmup), STEPS), up)
    same(multipliers(with_warmup(constant, warmup), STEPS), up)


@given(st.floats(0.5, 1.0))
@settings(deadline=None, max_examples=40, derandomize=True)
def test_exponential_is_exponential_lr(gamma):
    same(multipliers(partial(exponential, gamma=gamma), STEPS), pytorch(lambda o: lr_scheduler.ExponentialLR(o, gamma)))


@given(horizons, st.floats(0.2, 5.0), ends)
@settings(deadline=None, max_examples=40, derandomize=True)
def test_polynomial_is_polynomial_lr(T, power, end):
    zero = multipliers(partial(polynomial, T=T, power=power), STEPS)
    same(zero, pytorch(lambda o: lr_scheduler.PolynomialLR(o, total_iters=T, power=power)))
    # PolynomialLR knows no other end: the rest of the way is scaled down to it
    same(multipliers(partial(polynomial, T=T, power=power, end=end), STEPS), end + (1 - end) * zero)
    same(
        multipliers(partial(polynomial, T=T, power=1, end=end), STEPS),
        multipliers(partial(linear, T=T, end=end), STEPS),
    )


@given(st.integers(1, 25), st.integers(1, 3), ends)
@settings(deadline=None, max_examples=60, derandomize=True)
def test_cosine_restarts_is_cosine_annealing_warm_restarts(T0, mult, end):
    theirs = pytorch(lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T0, mult, eta_min=end), 2 * STEPS)
    same(multipliers(partial(cosine_restarts, T0=T0, mult=mult, end=end), 2 * STEPS), theirs)


@given(st.integers(1, 20), st.integers(1, 20), ends)
@settings(deadline=None, max_examples=60, derandomize=True)
def test_triangular_is_cyclic_lr(up, down, low):
    theirs = pytorch(lambda o: lr_scheduler.CyclicLR(o, low, 1.0, up, down, cycle_momentum=False), 2 * STEPS)
    same(multipliers(partial(triangular, up=up, down=down, low=low), 2 * STEPS), theirs)


@given(st.integers(1, 20), st.integers(1, 20), ends, st.floats(0.8, 1.0))
@settings(deadline=None, max_examples=60, derandomize=True)
def test_exp_range_is_cyclic_lr_with_that_mode(up, down, low, gamma):
    theirs = pytorch(
        lambda o: lr_scheduler.CyclicLR(o, low, 1.0, up, down, mode="exp_range", gamma=gamma, cycle_momentum=False)
    )
    same(multipliers(partial(exp_range, up=up, down=down, gamma=gamma, low=low), STEPS), theirs)


@given(st.integers(4, STEPS), st.floats(0.3, 0.95), st.floats(1.0, 50.0), st.floats(1.0, 1e5), st.floats(0.0, 1.0))
@settings(deadline=None, max_examples=60, derandomize=True)
def test_one_cycle_is_one_cycle_lr_with_its_momentum(T, pct_start, div, final_div, low):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    scheduler = lr_scheduler.OneCycleLR(
        optimizer, 1.0, T, pct_start=pct_start, div_factor=div, final_div_factor=final_div, base_momentum=low
    )
    rates, momenta = [], []
    for _ in range(T):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step()
    ours = multipliers(partial(one_cycle, T=T, pct_start=pct_start, div=div, final_div=final_div), T)
    same(ours, torch.tensor(rates, dtype=torch.float64))
    ours = multipliers(partial(one_cycle_momentum, T=T, pct_start=pct_start, low=low), T)
    same(ours, torch.tensor(momenta, dtype=torch.float64))


@given(st.integers(1, 15), st.integers(0, 20), st.integers(1, 20), st.floats(1e-3, 3.0))
@settings(deadline=None, max_examples=60, derandomize=True)
def test_wsd_is_three_schedulers_in_sequence(warmup, stable, cooldown, peak):
    T = warmup + stable + cooldown

    def make(optimizer):
        up = lr_scheduler.LinearLR(optimizer, start_factor=1 / warmup, total_iters=max(1, warmup - 1))
        hold = lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=1)
        down = lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=cooldown)
        parts, milestones = ([up, hold, down], [warmup, warmup + stable]) if stable else ([up, down], [warmup])
        return lr_scheduler.SequentialLR(optimizer, parts, milestones)

    ours = peak * multipliers(partial(wsd, T=T, warmup=warmup, cooldown=cooldown), T + 3)
    same(ours, pytorch(make, T + 3, peak))
    same(
        ours,
        peak * multipliers(with_warmup(partial(branch_cooldown, t_branch=stable, cooldown=cooldown), warmup), T + 3),
    )


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from(["linear", "sqrt"]))
@settings(deadline=None, max_examples=40, derandomize=True)
def test_branch_cooldown_is_its_formula_in_lambda_lr(t_branch, cooldown, shape):
    def formula(t):
        progress = min(1.0, max(0.0, (t - t_branch) / cooldown))
        return 1 - (progress if shape == "linear" else progress**0.5)

    ours = partial(branch_cooldown, t_branch=t_branch, cooldown=cooldown, shape=shape)
    same(multipliers(ours, STEPS), pytorch(lambda o: lr_scheduler.LambdaLR(o, formula)))


@given(st.integers(1, 30))
@settings(deadline=None, max_examples=20, derandomize=True)
def test_inverse_sqrt_is_its_formula_in_lambda_lr(warmup):
    theirs = pytorch(lambda o: lr_scheduler.LambdaLR(o, lambda t: min(t / warmup, (warmup / t) ** 0.5) if t else 0.0))
    same(multipliers(partial(inverse_sqrt, warmup=warmup), STEPS), theirs)


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


def test_the_steps_around_the_end_of_each_horizon():
    assert [polynomial(t, 4, 2) for t in range(6)] == [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]
    assert [polynomial(t, 2, 0.5, 0.25) for t in (2, 3, 200)] == [0.25] * 3
    assert [cosine_restarts(t, 2) for t in range(5)] == pytest.approx([1, 0.5, 1, 0.5, 1])
    # periods 2, 6, 18: restarts at 2, 8 and 26
    assert [t for t in range(60) if cosine_restarts(t, 2, 3) == 1.0] == [0, 2, 8, 26]
    assert min(cosine_restarts(t, 5, 2, end=0.2) for t in range(500)) > 0.2
    assert cosine_restarts(4**12 - 1, 3, 4) == 1.0 > cosine_restarts(4**12 - 2, 3, 4), "no logarithm's error"
    assert [triangular(t, 2, 4, 0.2) for t in range(8)] == pytest.approx([0.2, 0.6, 1, 0.8, 0.6, 0.4, 0.2, 0.6])
    assert [exponential(t, 0.5) for t in range(3)] == [1.0, 0.5, 0.25] and exponential(9, 1.0) == 1.0
    assert [inverse_sqrt(t, 4) for t in (0, 2, 4, 16)] == [0.0, 0.5, 1.0, 0.5]
    assert [inverse_sqrt(t, 1) for t in (0, 1, 4)] == [0.0, 1.0, 0.5]


def test_the_steps_around_the_phases_of_one_cycle():
    # pct_start T - 1 = 4: the peak falls on a step
    rates = [one_cycle(t, 10, 0.5, 4.0, 10.0) for t in range(10)]
    assert rates[0] == pytest.approx(0.25) and rates[4] == 1.0 == max(rates) and rates[9] == 0.025
    assert rates[2] == pytest.approx(0.625), "half way up"
    for late in (10, 11):
        with pytest.raises(PastHorizon, match=f"t must be below T = 10, got {late}"):
            one_cycle(late, 10, 0.5)
    assert one_cycle_momentum(4, 10, 0.5) == 0.85 and one_cycle_momentum(9, 10, 0.5) == 0.95
    assert one_cycle_momentum(0, 10, 0.5) == pytest.approx(0.95)


def test_the_steps_around_the_phases_of_wsd():
    assert [wsd(t, 10, 2, 4) for t in range(12)] == [0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0, 0]
    assert [wsd(t, 10, 2, 4, "sqrt") for t in range(6, 12)] == pytest.approx(
        [1, 0.5, 1 - 0.5**0.5, 1 - 0.75**0.5, 0, 0]
    )
    assert [wsd(t, 5, 0, 5) for t in range(6)] == pytest.approx([1, 0.8, 0.6, 0.4, 0.2, 0])
    assert [wsd(t, 3, 3, 0) for t in range(5)] == pytest.approx([1 / 3, 2 / 3, 1, 1, 1]), "no cooldown: 1 for ever"
    assert [wsd(t, 4, 2, 2) for t in range(5)] == [0.5, 1, 1, 0.5, 0]
    assert [branch_cooldown(t, 2, 2) for t in range(6)] == [1, 1, 1, 0.5, 0, 0]
    assert [branch_cooldown(t, 0, 1) for t in range(3)] == [1, 0, 0]


def test_constant_with_its_own_warmup_is_with_warmup():
    assert [constant(t, 4) for t in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
    assert [constant(t, 1) for t in range(2)] == [1, 1] == [constant(t, 0) for t in range(2)]


def test_a_cooldown_branches_from_any_schedule():
    base = with_warmup(partial(cosine, T=40), 5)
    branch = with_cooldown(base, 15, 10)
    assert [branch(t) for t in range(16)] == [base(t) for t in range(16)]
    assert [branch(t) for t in (20, 25, 26)] == pytest.approx([base(15) / 2, 0, 0])
    assert with_cooldown(base, 15, 16, "sqrt")(19) == pytest.approx(base(15) / 2)
    stable = with_cooldown(constant, 7, 3)
    assert [stable(t) for t in range(12)] == [branch_cooldown(t, 7, 3) for t in range(12)]


@given(st.integers(0, 30), st.integers(0, 30))
@settings(deadline=None, max_examples=30, derandomize=True)
def test_rewinding_replays_the_schedule_from_where_it_was(rewind_to, step):
    schedule = with_warmup(partial(linear, T=50), 4)
    assert rewind(step, rewind_to, schedule) == schedule(rewind_to + step)
    assert partial(rewind, rewind_to=rewind_to, schedule=schedule)(step) == schedule(rewind_to + step)


def test_warmup_steps_is_the_nearest_whole_number():
    assert [warmup_steps(100, ratio) for ratio in (0.0, 0.001, 0.014, 0.016, 0.1, 1.0)] == [0, 1, 1, 2, 10, 100]
    assert warmup_steps(1, 0.1) == 1 and isinstance(warmup_steps(10, 0.5), int)


def test_a_schedule_can_be_pickled():
    for schedule in [named(name, 20, 0.25) for name in schedules.NAMES] + [
        with_cooldown(with_warmup(constant, 3), 8, 4)
    ]:
        copy = pickle.loads(pickle.dumps(schedule))
        assert [copy(t) for t in range(20)] == [schedule(t) for t in range(20)]


MONOTONE = [
    *["constant", "linear", "cosine", "step", "inverse time", "inverse square root", "exponential", "polynomial"],
    *["wsd", "wsd sqrt", "branch cooldown"],
]


@given(st.sampled_from(MONOTONE), st.integers(1, 200), st.floats(0.0, 1.0))
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


@given(st.sampled_from(schedules.NAMES), st.integers(2, 200), st.floats(0.0, 1.0))
@settings(deadline=None, max_examples=200, derandomize=True)
def test_every_named_schedule_is_a_multiplier_at_every_step_of_every_horizon(name, steps, warmup):
    rates = multipliers(named(name, steps, warmup), steps)
    assert ((rates >= 0) & (rates <= 1)).all() and rates.max() > 0


def test_named_schedules_have_their_shapes():
    at = {name: named(name, 300) for name in schedules.NAMES}
    assert at["constant"](299) == 1.0
    assert at["linear"](300) == at["cosine"](300) == 0.0 and at["linear"](150) == pytest.approx(0.5)
    assert [at["step"](t) for t in (99, 100, 200)] == pytest.approx([1.0, 0.1, 0.01])
    assert at["inverse time"](15) == pytest.approx(0.5) and at["inverse square root"](45) == pytest.approx(0.5)
    assert at["exponential"](300) == pytest.approx(0.01) and at["polynomial"](150) == pytest.approx(0.25)
    assert [t for t in range(300) if at["cosine restarts"](t) == 1.0] == [0, 43, 129]
    # 300 / 8 is rounded up to 38 steps each way
    assert [at["triangular"](t) for t in (0, 38, 76, 114, 152)] == pytest.approx([0.1, 1, 0.1, 1, 0.1])
    tops = [at["exp range"](t) for t in (38, 114, 190, 266)]
    assert tops == pytest.approx([0.1 + 0.9 * 0.1 ** (t / 300) for t in (38, 114, 190, 266)])
    assert [at["wsd"](t) for t in (240, 270, 300)] == [1, 0.5, 0] and at["wsd sqrt"](255) == pytest.approx(0.5)
    assert [at["branch cooldown"](t) for t in (150, 225, 300)] == [1, 0.5, 0]
    assert at["one cycle"](89) == 1.0 and at["one cycle"](0) == pytest.approx(0.04) and at["one cycle"](299) < 1e-5
    assert named("one cycle", 300, 0.1)(29) == 1.0
    assert [at["transformer"](t) for t in (0, 15, 60)] == [0, 1, 0.5] and named("transformer", 300, 0.2)(60) == 1.0
    assert set(at) == {*MONOTONE, "cosine restarts", "triangular", "exp range", "one cycle", "transformer"}
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
        (lambda: inverse_time(0, 0.0), "t0 must be positive and finite, got 0.0"),
        (lambda: inverse_time(0, 1.0, -1.0), "power must be positive and finite, got -1.0"),
        (lambda: named("cosine_restart", 10), "did you mean 'cosine restarts'?"),
        (lambda: named("one_cycle", 10), "did you mean 'one cycle'?"),
        (lambda: named("WSD", 10), "unknown schedule 'WSD'"),
        (lambda: named("one cycle", 1), "steps must be at least 2 for one cycle, got 1"),
        (lambda: constant(0, -1), "warmup_steps must be a whole number of at least 0, got -1"),
        (lambda: linear(0, 10, 1.1), "end must lie between 0 and 1, got 1.1"),
        (lambda: cosine(0, 10, -0.1), "end must lie between 0 and 1, got -0.1"),
        (lambda: polynomial(0, 10, 1.0, float("nan")), "end must lie between 0 and 1, got nan"),
        (lambda: polynomial(0, 10, 0.0), "power must be positive and finite, got 0.0"),
        (lambda: polynomial(0, 0, 1.0), "T must be"),
        (lambda: polynomial(-1, 5, 1.0), "t must be"),
        (lambda: exponential(0, 0.0), "gamma must lie in (0, 1], got 0.0"),
        (lambda: exponential(1.5, 0.9), "t must be"),
        (lambda: cosine_restarts(-1, 5), "t must be"),
        (lambda: cosine_restarts(0, 0), "T0 must be a whole number of at least 1, got 0"),
        (lambda: cosine_restarts(0, 5, 0), "mult must be a whole number of at least 1, got 0"),
        (lambda: cosine_restarts(0, 5, 1.5), "mult must be a whole number of at least 1, got 1.5"),
        (lambda: cosine_restarts(0, 5, 1, 2.0), "end must lie"),
        (lambda: inverse_sqrt(0, 0), "warmup must be a whole number of at least 1, got 0"),
        (lambda: inverse_sqrt(-1, 3), "t must be"),
        (lambda: triangular(0, 0, 5), "up must be a whole number of at least 1, got 0"),
        (lambda: triangular(0, 5, 0), "down must be a whole number of at least 1, got 0"),
        (lambda: triangular(-1, 5, 5), "t must be"),
        (lambda: triangular(0, 5, 5, 1.5), "low must lie between 0 and 1, got 1.5"),
        (lambda: exp_range(0, 5, 5, 1.5), "gamma must lie in (0, 1], got 1.5"),
        (lambda: exp_range(0.5, 5, 5, 0.5), "t must be"),
        (lambda: one_cycle(10, 10), "t must be below T = 10, got 10"),
        (lambda: one_cycle(-1, 10), "t must be"),
        (lambda: one_cycle(0, 0), "T must be"),
        (lambda: one_cycle(0, 10, 1.0), "pct_start must lie strictly between 0 and 1, got 1.0"),
        (lambda: one_cycle(0, 10, 0.1), "pct_start must exceed 1 / T = 0.1"),
        (lambda: one_cycle(0, 10, 0.5, 0.0), "div must be positive and finite, got 0.0"),
        (lambda: one_cycle(0, 10, 0.5, 1.0, -1.0), "final_div must be positive and finite, got -1.0"),
        (lambda: one_cycle_momentum(0, 10, 0.5, low=-0.1), "low must lie between 0 and 1, got -0.1"),
        (lambda: wsd(0, 10, 6, 5), "warmup + cooldown must not exceed T = 10, got warmup 6 and cooldown 5"),
        (lambda: wsd(0, 10, 11, 0), "warmup + cooldown must not exceed T = 10"),
        (lambda: wsd(0, 0, 0, 0), "T must be"),
        (lambda: wsd(0, 10, -1, 0), "warmup must be"),
        (lambda: wsd(0, 10, 0, -1), "cooldown must be"),
        (lambda: wsd(-1, 10, 0, 0), "t must be"),
        (lambda: wsd(0, 10, 2, 0, "sqr"), "unknown shape 'sqr': did you mean 'sqrt'?"),
        (lambda: branch_cooldown(0, -1, 5), "t_branch must be a whole number of at least 0, got -1"),
        (lambda: branch_cooldown(0, 5, 0), "cooldown must be a whole number of at least 1, got 0"),
        (lambda: branch_cooldown(0, 5, 5, "cosine"), "unknown shape 'cosine'"),
        (lambda: with_cooldown(constant, 5, 0), "cooldown must be"),
        (lambda: rewind(-1, 3, constant), "step must be a whole number of at least 0, got -1"),
        (lambda: rewind(0, -3, constant), "rewind_to must be a whole number of at least 0, got -3"),
        (lambda: warmup_steps(0, 0.1), "T must be"),
        (lambda: warmup_steps(10, 1.1), "ratio must lie between 0 and 1, got 1.1"),
        (lambda: with_warmup(constant, -1), "warmup must be a whole number of at least 0, got -1"),
        (lambda: with_warmup(constant, 2)(-1), "t must be"),
        (lambda: multipliers(constant, -1), "steps must be"),
        (
            lambda: multipliers("cosine", 4),
            "schedule must be a function of the step or a tensor of multipliers, got 'cos",
        ),
        (lambda: multipliers("cosine", 4), "for a name use schedules.named(name, steps)"),
        (lambda: multipliers([1, 1, 1, 1], 4), "a function of the step or a tensor of multipliers, got [1, 1, 1, 1]"),
        (lambda: multipliers(None, 4), "a function of the step or a tensor of multipliers, got None"),
        (lambda: multipliers(torch.ones(4).bool(), 4), "schedule must hold real numbers, got a tensor of torch.bool"),
        (
            lambda: multipliers(torch.ones(4) * 1j, 4),
            "schedule must hold real numbers, got a tensor of torch.complex64",
        ),
        (lambda: multipliers(lambda t: None, 4), "schedule(0) must be a number, got None"),
        (lambda: multipliers(lambda t: 1 - t, 4), "schedule(2) must be finite and not negative, got -1.0"),
        (lambda: with_warmup("cosine", 2), "schedule must be a function of the step, got 'cosine'"),
        (lambda: with_cooldown("cosine", 2, 2), "schedule must be a function of the step, got 'cosine'"),
        (lambda: rewind(1, 3, "cosine"), "schedule must be a function of the step, got 'cosine'"),
        (lambda: one_cycle(0, 10, "a"), "pct_start must be a number, got 'a'"),
        (lambda: exponential(0, None), "gamma must be a number, got None"),
        (lambda: warmup_steps(10, "0.1"), "ratio must be a number, got '0.1'"),
    ],
)
def test_bad_arguments(call, words):
    with pytest.raises(ValueError) as caught:
        call()
    assert words in str(caught.value)


def test_no_steps_no_multipliers():
    assert multipliers(constant, 0).shape == (0,)
