"""The adapter between a schedule and a PyTorch optimizer."""

import copy
import json
import types
import warnings
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from noisydescent.schedules import NAMES, constant, cosine, exponential, linear, named, one_cycle, with_warmup, wsd
from noisydescent.torch_scheduler import Scheduler

OPTIMIZERS = {
    "sgd": partial(torch.optim.SGD, momentum=0.9),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adafactor": torch.optim.Adafactor,
}


def training(kind="sgd", rates=(0.5, 0.02), seed=0):
    """A small model and an optimizer with one param group for each base rate."""
    torch.manual_seed(seed)
    model = torch.nn.Sequential(*[torch.nn.Linear(3, 3) for _ in rates]).double()
    groups = [{"params": layer.parameters(), "lr": rate} for layer, rate in zip(model, rates, strict=True)]
    return model, OPTIMIZERS[kind](groups)


def in_force(optimizer) -> list[float]:
    return [float(group["lr"]) for group in optimizer.param_groups]


def run(model, optimizer, scheduler, steps: int) -> list[list[float]]:
    """Train and return the rates that each optimizer step used."""
    used = []
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.ones(2, 3, dtype=torch.float64)).square().mean().div(10).backward()
        used.append(in_force(optimizer))
        optimizer.step()
        scheduler.step()
    return used


@given(
    st.sampled_from(NAMES),
    st.integers(2, 30),
    st.floats(0.0, 0.9),
    st.lists(st.floats(1e-4, 2.0), min_size=1, max_size=3),
)
@settings(deadline=None, max_examples=60, derandomize=True)
def test_the_rates_are_those_of_lambda_lr_for_every_group(name, steps, warmup, rates):
    schedule = named(name, steps, warmup)
    ours, theirs = training(rates=rates), training(rates=rates)
    schedulers = Scheduler(ours[1], schedule), lr_scheduler.LambdaLR(theirs[1], schedule)
    for t in range(steps):
        assert in_force(ours[1]) == in_force(theirs[1]) == schedulers[0].get_last_lr() == schedulers[1].get_last_lr()
        assert in_force(ours[1]) == [rate * schedule(t) for rate in rates]
        if t < steps - 1:
            for (_, optimizer), scheduler in zip((ours, theirs), schedulers, strict=True):
                optimizer.step()
                scheduler.step()


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_it_drives_any_optimizer_to_the_same_weights_as_lambda_lr(kind):
    schedule = with_warmup(partial(cosine, T=15), 5)
    (ours, first), (theirs, second) = training(kind), training(kind)
    used = run(ours, first, Scheduler(first, schedule), 20)
    assert used == run(theirs, second, lr_scheduler.LambdaLR(second, schedule), 20)
    assert used == [[0.5 * schedule(t), 0.02 * schedule(t)] for t in range(20)]
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other) and torch.isfinite(mine).all()


def test_the_first_rate_is_set_at_once_and_base_rates_are_kept_in_the_groups():
    _, optimizer = training()
    Scheduler(optimizer, with_warmup(constant, 4))
    assert in_force(optimizer) == [0.125, 0.005]
    assert [group["initial_lr"] for group in optimizer.param_groups] == [0.5, 0.02]
    # a second scheduler starts from the same base rates, not from those in force
    Scheduler(optimizer, with_warmup(constant, 2))
    assert in_force(optimizer) == [0.25, 0.01]


@pytest.mark.parametrize("kind", ["sgd", "adam"])
@pytest.mark.parametrize("stop", [0, 1, 4, 5, 11, 19, 20])
@pytest.mark.parametrize("scheduler_first", [True, False])
def test_resuming_is_bit_equal_to_not_stopping(kind, stop, scheduler_first, tmp_path):
    schedule = partial(one_cycle, T=20)  # raises after its horizon: stopping right at the end must work too
    model, optimizer = training(kind)
    straight = run(model, optimizer, Scheduler(optimizer, schedule), 20)

    before, optimizer = training(kind)
    scheduler = Scheduler(optimizer, schedule)
    used = run(before, optimizer, scheduler, stop)
    torch.save([before.state_dict(), optimizer.state_dict(), scheduler.state_dict()], tmp_path / "checkpoint")

    weights, states, progress = torch.load(tmp_path / "checkpoint", weights_only=True)
    after, optimizer = training(kind, rates=(7.0, 8.0), seed=1)
    after.load_state_dict(weights)
    scheduler = Scheduler(optimizer, schedule)
    loads = [lambda: scheduler.load_state_dict(progress), lambda: optimizer.load_state_dict(states)]
    for load in loads if scheduler_first else reversed(loads):
        load()
    used += run(after, optimizer, scheduler, 20 - stop)
    assert used == straight
    for mine, other in zip(after.parameters(), model.parameters(), strict=True):
        assert torch.equal(mine, other) and torch.isfinite(mine).all()


def test_the_state_is_a_plain_dict_of_its_own_and_loading_sets_the_rates_at_once():
    _, optimizer = training()
    scheduler = Scheduler(optimizer, partial(linear, T=10))
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    state = scheduler.state_dict()
    assert state == json.loads(json.dumps(state)) == {"last_epoch": 3, "base_lrs": [0.5, 0.02]}
    kept = copy.deepcopy(state)
    _, other = training(rates=(1.0, 1.0))
    resumed = Scheduler(other, partial(linear, T=10))
    resumed.load_state_dict(state)
    assert in_force(other) == in_force(optimizer) == resumed.get_last_lr() == pytest.approx([0.35, 0.014])
    assert [group["initial_lr"] for group in other.param_groups] == [0.5, 0.02]
    other.step()
    resumed.step()
    assert state == kept, "loading shares nothing with the state"
    state["base_lrs"][0] = 99.0
    assert scheduler.state_dict() == kept and resumed.state_dict() == {"last_epoch": 4, "base_lrs": [0.5, 0.02]}


def test_anything_with_param_groups_can_be_driven():
    thing = types.SimpleNamespace(param_groups=[{"lr": 2.0}, {"lr": 1.0, "initial_lr": 4.0}])
    scheduler = Scheduler(thing, partial(linear, T=4))
    assert in_force(thing) == [2.0, 4.0]
    scheduler.step()
    assert in_force(thing) == scheduler.get_last_lr() == [1.5, 3.0]
    state = scheduler.state_dict()
    other = types.SimpleNamespace(param_groups=[{"lr": 0.0}, {"lr": 0.0}])
    resumed = Scheduler(other, partial(linear, T=4))
    resumed.load_state_dict(state)
    resumed.step()
    assert in_force(other) == [1.0, 2.0] and resumed.last_epoch == 2


def test_a_learning_rate_that_is_a_tensor_stays_the_same_tensor():
    parameter = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([parameter], lr=torch.tensor(0.5), foreach=False, capturable=False)
    rate = optimizer.param_groups[0]["lr"]
    scheduler = Scheduler(optimizer, partial(linear, T=4))
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is rate and float(rate) == 0.375
    state = scheduler.state_dict()
    scheduler.step()
    scheduler.load_state_dict(state)
    assert optimizer.param_groups[0]["lr"] is rate and float(rate) == 0.375
    assert [float(base) for base in state["base_lrs"]] == [0.5], "the base rate did not follow the tensor"


def test_it_goes_where_a_pytorch_scheduler_goes():
    def sequence(optimizer, first, second):
        return lr_scheduler.SequentialLR(optimizer, [first, second], milestones=[3])

    warm, down = partial(constant, warmup_steps=4), partial(exponential, gamma=0.5)
    model, optimizer = training()
    ours = sequence(optimizer, Scheduler(optimizer, warm), Scheduler(optimizer, down))
    assert isinstance(ours._schedulers[0], lr_scheduler.LRScheduler)
    used = run(model, optimizer, ours, 8)
    model, optimizer = training()
    theirs = sequence(optimizer, lr_scheduler.LambdaLR(optimizer, warm), lr_scheduler.LambdaLR(optimizer, down))
    assert used == run(model, optimizer, theirs, 8)
    assert [rate / 0.5 for rate, _ in used] == [0.25, 0.5, 0.75, 1, 0.5, 0.25, 0.125, 0.0625]

    model, optimizer = training()
    chained = lr_scheduler.ChainedScheduler([Scheduler(optimizer, down)])
    assert [first for first, _ in run(model, optimizer, chained, 3)] == [0.5, 0.25, 0.125]


@pytest.mark.parametrize("stop", [1, 3, 6])
def test_a_sequence_of_them_resumes(stop):
    def build(rates=(0.5, 0.02)):
        model, optimizer = training(rates=rates)
        parts = [Scheduler(optimizer, partial(constant, warmup_steps=4)), Scheduler(optimizer, partial(linear, T=6))]
        return model, optimizer, lr_scheduler.SequentialLR(optimizer, parts, milestones=[3])

    straight = run(*build(), 10)
    model, optimizer, scheduler = build()
    used = run(model, optimizer, scheduler, stop)
    state = copy.deepcopy(scheduler.state_dict())
    model, optimizer, scheduler = build(rates=(7.0, 8.0))
    scheduler.load_state_dict(state)
    assert used + run(model, optimizer, scheduler, 10 - stop) == straight


def test_the_step_after_the_last_keeps_the_rate_and_the_one_after_that_says_so():
    model, optimizer = training(rates=(1.0,))
    scheduler = Scheduler(optimizer, partial(one_cycle, T=5, pct_start=0.5))
    used = run(model, optimizer, scheduler, 5)
    assert in_force(optimizer) == used[-1]
    with pytest.raises(ValueError, match="t must be below T = 5"):
        scheduler.step()


def test_an_error_of_the_schedule_itself_is_not_kept_back():
    _, optimizer = training()
    scheduler = Scheduler(optimizer, lambda t: wsd(t, 4, 2, 2) if t < 2 else wsd(t, 4, 4, 4))
    optimizer.step()
    scheduler.step()
    with pytest.raises(ValueError, match="warmup \\+ cooldown must not exceed"):
        scheduler.step()


def test_a_group_added_later_follows_from_the_next_step():
    model, optimizer = training(rates=(0.5,))
    scheduler = Scheduler(optimizer, partial(linear, T=10))
    run(model, optimizer, scheduler, 3)
    optimizer.add_param_group({"params": [torch.zeros(2, requires_grad=True)], "lr": 0.1})
    assert in_force(optimizer) == pytest.approx([0.35, 0.1])
    run(model, optimizer, scheduler, 1)
    assert in_force(optimizer) == pytest.approx([0.3, 0.06])
    assert scheduler.state_dict()["base_lrs"] == [0.5, 0.1]


def test_stepping_before_the_optimizer_warns_as_pytorch_does():
    _, optimizer = training()
    scheduler = Scheduler(optimizer, constant)
    with pytest.warns(UserWarning, match=r"before `optimizer.step\(\)`"):
        scheduler.step()
    model, optimizer = training()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(model, optimizer, Scheduler(optimizer, constant), 3)


def test_a_name_is_no_schedule():
    with pytest.raises(ValueError, match=r"^schedule must be a function of the step, got 'cosine': .*schedules.named"):
        Scheduler(training()[1], "cosine")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"last_epoch": 3}, r"state_dict must come from Scheduler.state_dict\(\): it lacks base_lrs"),
        ({"last_epoch": 3, "base_lrs": [0.1]}, "a base rate for each of 2 param groups, got 1"),
        ({"last_epoch": 1.5, "base_lrs": [0.1, 0.1]}, "last_epoch must be a whole number"),
    ],
)
def test_bad_states(state, words):
    _, optimizer = training()
    scheduler = Scheduler(optimizer, constant)
    with pytest.raises(ValueError, match=words):
        scheduler.load_state_dict(state)
    assert in_force(optimizer) == [0.5, 0.02] and scheduler.last_epoch == 0
