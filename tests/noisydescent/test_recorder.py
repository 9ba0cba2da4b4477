"""The recorder: what it writes down is what happened, and the training does not notice."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adagrad, Adam, AdamW, RMSprop
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, OneCycleLR

from noisydescent.devices import generator
from noisydescent.diagnostics import Recorder
from noisydescent.optimizers import LAMB, SOAP

X = torch.randn(64, 3, generator=generator(0))
Y = torch.randint(4, (64,), generator=generator(1))


def network(dtype: torch.dtype = torch.float32) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 4)).to(dtype)


def loss_of(model: nn.Module, t: int) -> torch.Tensor:
    rows = slice(8 * (t % 8), 8 * (t % 8) + 8)
    return F.cross_entropy(model(X[rows].to(next(model.parameters()))), Y[rows])


def loop(model, optimizer, steps=10, scheduler=None, log=None) -> list[float]:
    """An ordinary training loop; returns its losses."""
    losses = []
    for t in range(steps):
        loss = loss_of(model, t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        if log is not None:
            log(loss)
        losses.append(loss.item())
    return losses


OPTIMIZERS = {
    "sgd": lambda p: SGD(p, lr=0.1),
    "nesterov": lambda p: SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-2, nesterov=True),
    "nesterov foreach": lambda p: SGD(p, lr=0.1, momentum=0.9, nesterov=True, foreach=True),
    "adam": lambda p: Adam(p, lr=0.01, weight_decay=0.1, amsgrad=True),
    "adamw": lambda p: AdamW(p, lr=0.01, weight_decay=0.1),
    "adamw fused": lambda p: AdamW(p, lr=0.01, fused=True),
    "rmsprop": lambda p: RMSprop(p, lr=0.01, centered=True, momentum=0.5),
    "adagrad": lambda p: Adagrad(p, lr=0.1),
    "nadam": lambda p: torch.optim.NAdam(p, lr=0.01),
    "lamb": lambda p: LAMB(p, lr=0.01),
    "soap": lambda p: SOAP(p, lr=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("every", [1, 3])
def test_training_is_the_same_to_the_bit_and_the_applied_rate_is_the_one_set(name, every):
    ends = []
    for recorded in (False, True):
        torch.manual_seed(1)  # dropout masks
        model = network()
        optimizer = OPTIMIZERS[name](model.parameters())
        scheduler = CosineAnnealingLR(optimizer, 12)
        recorder = Recorder(model, optimizer, every, per_layer=True) if recorded else None
        losses = loop(model, optimizer, 10, scheduler, recorder.log if recorded else None)
        ends.append([*model.parameters(), torch.tensor(losses), torch.get_rng_state(), scheduler.get_last_lr()])
    for plain, seen in zip(*ends, strict=True):
        assert torch.equal(plain, seen) if isinstance(plain, torch.Tensor) else plain == seen
    table = recorder.table()
    steps = torch.arange(0, 10, every)
    assert torch.equal(table["step"], steps)
    base = 0.1 if name in ("sgd", "nesterov", "nesterov foreach", "adagrad") else 0.01
    expected = base * (1 + torch.cos(math.pi * steps.double() / 12)) / 2
    torch.testing.assert_close(table["learning_rate"], expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(table["learning_rate_applied"], expected, rtol=1e-4, atol=0)
    torch.testing.assert_close(table["loss"], ends[1][-3][steps].double())


def test_every_column_is_what_a_loop_by_hand_measures():
    torch.manual_seed(1)
    model = network(torch.float64)
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.5)
    recorder = Recorder(model, optimizer, per_layer=True)
    rows: dict[str, list[float]] = {}
    last = None
    for t in range(6):
        loss = loss_of(model, t)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.2)
        before = torch.cat([p.detach().flatten() for p in model.parameters()]).clone()
        gradient = torch.cat([p.grad.flatten() for p in model.parameters()]).clone()
        head = model[3].weight.detach().clone()
        optimizer.step()
        update = torch.cat([p.detach().flatten() for p in model.parameters()]) - before
        values = {
            "gradient_norm": gradient.norm(),
            "update_norm": update.norm(),
            "weight_norm": before.norm(),
            "update_to_weight": update.norm() / before.norm(),
            "gradient_cosine": math.nan if last is None else F.cosine_similarity(gradient, last, dim=0),
            "update_to_weight.3.weight": (model[3].weight.detach() - head).norm() / head.norm(),
        }
        last = gradient
        for name, value in values.items():
            rows.setdefault(name, []).append(float(value))
    table = recorder.table()
    for name, values in rows.items():
        expected = torch.tensor(values, dtype=torch.float64)
        torch.testing.assert_close(table[name], expected, rtol=1e-9, atol=1e-12, equal_nan=True, msg=name)
    assert table["gradient_norm"].max() <= 0.2 + 1e-6, "the clipped gradient is the one that was used"
    assert "loss" not in table


def test_the_cosine_is_that_of_neighbouring_steps_where_most_are_left_out():
    tables = []
    for every in (1, 4):
        torch.manual_seed(1)
        model = network()
        optimizer = SGD(model.parameters(), lr=0.1)
        recorder = Recorder(model, optimizer, every)
        loop(model, optimizer)
        tables.append(recorder.table())
    assert tables[1]["step"].tolist() == [0, 4, 8]
    for name, column in tables[1].items():
        torch.testing.assert_close(column, tables[0][name][::4], rtol=0, atol=0, equal_nan=True)


def test_a_scheduler_stepped_before_the_optimizer_shows_in_the_first_rate():
    """The warmup's first step is meant to have 1/4 of the rate: stepping the scheduler first skips it."""
    model = network()
    optimizer = SGD(model.parameters(), lr=0.4)
    scheduler = LinearLR(optimizer, start_factor=0.25, total_iters=3)
    recorder = Recorder(model, optimizer)
    for t in range(5):
        optimizer.zero_grad()
        loss_of(model, t).backward()
        with pytest.warns(UserWarning, match="lr_scheduler.step") if t == 0 else torch.no_grad():
            scheduler.step()
        optimizer.step()
    meant, applied = [0.1, 0.2, 0.3, 0.4, 0.4], recorder.table()["learning_rate_applied"].tolist()
    assert applied == pytest.approx([0.2, 0.3, 0.4, 0.4, 0.4], rel=1e-4)
    assert applied != pytest.approx(meant, rel=1e-2)


def test_a_schedule_consumed_by_plotting_it_shows_as_a_constant_rate():
    model = network()
    optimizer = SGD(model.parameters(), lr=0.4)
    scheduler = LambdaLR(optimizer, lambda t: max(0.0, 1 - t / 10))
    with pytest.warns(UserWarning, match="lr_scheduler.step"):
        plotted = []
        for _ in range(10):
            plotted.append(scheduler.get_last_lr()[0])
            scheduler.step()
    recorder = Recorder(model, optimizer)
    loop(model, optimizer, 10, scheduler)
    assert plotted[0] == 0.4
    assert recorder.table()["learning_rate_applied"].abs().max() == 0.0
    assert recorder.table()["update_norm"].max() == 0.0


def test_a_rate_that_a_hook_changes_behind_the_group_shows_in_the_applied_one():
    model = network()
    optimizer = SGD(model.parameters(), lr=0.4)
    recorder = Recorder(model, optimizer)

    def halve(optimizer, args, kwargs):
        optimizer.param_groups[0]["lr"] /= 2

    optimizer.register_step_pre_hook(halve)
    loop(model, optimizer, 2)
    table = recorder.table()
    assert table["learning_rate"].tolist() == [0.4, 0.2]
    assert table["learning_rate_applied"].tolist() == pytest.approx([0.2, 0.1], rel=1e-4)


def test_each_group_has_its_rate_also_one_that_comes_later():
    model = network()
    optimizer = SGD(model[0].parameters(), lr=0.2)
    recorder = Recorder(model, optimizer)
    loop(model, optimizer, 2)
    optimizer.add_param_group({"params": list(model[3].parameters()), "lr": 0.05})
    loop(model, optimizer, 2)
    table = recorder.table()
    assert table["learning_rate"].tolist() == [0.2] * 4
    for name, rel in [("learning_rate.1", 1e-12), ("learning_rate_applied.1", 1e-3)]:
        assert table[name][:2].isnan().all() and table[name][2:].tolist() == pytest.approx([0.05, 0.05], rel=rel)


def test_one_cycle_momentum_and_closures():
    model = network()
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = OneCycleLR(optimizer, max_lr=0.5, total_steps=8)
    recorder = Recorder(model, optimizer)
    rates = []
    for t in range(7):

        def closure(t=t):
            optimizer.zero_grad()
            loss = loss_of(model, t)
            loss.backward()
            return loss

        rates.append(optimizer.param_groups[0]["lr"])
        recorder.log(optimizer.step(closure))
        scheduler.step()
    table = recorder.table()
    assert table["learning_rate_applied"].tolist() == pytest.approx(rates, rel=1e-3)
    assert (table["gradient_norm"] > 0).all() and table["loss"].isfinite().all()


def test_second_order_optimizers_and_frozen_layers_are_recorded_too():
    model = network()
    model[0].requires_grad_(False)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5)
    recorder = Recorder(model, optimizer)

    def closure():
        optimizer.zero_grad()
        loss = loss_of(model, 0)
        loss.backward()
        return loss

    optimizer.step(closure)
    table = recorder.table()
    assert table["learning_rate_applied"].tolist() == [0.5] and table["update_norm"] > 0


def test_sparse_gradients_are_recorded():
    model = nn.Embedding(6, 2, sparse=True)
    optimizer = SGD(model.parameters(), lr=0.1)
    recorder = Recorder(model, optimizer)
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.tensor([1, 1, 4])).square().sum().backward()
        optimizer.step()
    table = recorder.table()
    assert table["learning_rate_applied"].tolist() == pytest.approx([0.1, 0.1], rel=1e-4)
    assert table["gradient_cosine"][1] > 0.9


def test_losses_belong_to_their_steps_wherever_log_stands():
    wanted = None
    for where in ("before", "after", "micro"):
        torch.manual_seed(1)
        model = network()
        optimizer = SGD(model.parameters(), lr=0.1)
        recorder = Recorder(model, optimizer, every=2)
        losses = []
        for t in range(5):
            loss = loss_of(model, t)
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            if where == "before":
                recorder.log(loss)
            if where == "micro":
                recorder.log(loss.item() - 1)
                recorder.log(loss + 1)
            optimizer.step()
            if where == "after":
                recorder.table()  # a look at the records in between must not lose the loss
                recorder.log(loss)
        wanted = wanted or losses[::2]
        assert recorder.table()["loss"].tolist() == pytest.approx(wanted, rel=1e-6), where


def test_a_step_without_a_gradient_and_one_that_diverges():
    weight = nn.Parameter(torch.ones(2))
    model = nn.Module()
    model.weight = weight
    optimizer = SGD([weight], lr=0.1)
    recorder = Recorder(model, optimizer)
    for gradient in (torch.ones(2), torch.zeros(2), None, torch.full((2,), math.inf)):
        weight.grad = gradient
        optimizer.step()
    table = recorder.table()
    assert table["learning_rate_applied"][0].item() == pytest.approx(0.1)
    assert table["learning_rate_applied"][1:3].isnan().all()
    assert table["gradient_norm"].tolist() == pytest.approx([2**0.5, 0.0, 0.0, math.inf])
    assert table["gradient_cosine"][1].item() == 0.0
    assert table["update_to_weight"][1].item() == 0.0 and not table["update_to_weight"][3].isfinite()


def test_half_precision_does_not_overflow():
    weight = nn.Parameter(torch.full((1000,), 100.0, dtype=torch.float16))
    model = nn.Module()
    model.weight = weight
    optimizer = SGD([weight], lr=0.25)
    recorder = Recorder(model, optimizer)
    weight.grad = torch.full_like(weight, 100.0)
    optimizer.step()
    table = recorder.table()
    assert table["gradient_norm"].item() == pytest.approx(100 * 1000**0.5)
    assert table["learning_rate_applied"].item() == pytest.approx(0.25)


def test_long_trainings_keep_few_tensors_and_lose_no_record(monkeypatch):
    monkeypatch.setattr("noisydescent.diagnostics.recorder._FETCH", 4)
    model = network()
    optimizer = SGD(model.parameters(), lr=0.1)
    recorder = Recorder(model, optimizer)
    most = 0

    def log(loss):
        nonlocal most
        recorder.log(loss)
        most = max(most, len(recorder._records))

    losses = loop(model, optimizer, 30, log=log)
    assert most == 4
    table = recorder.table()
    assert table["step"].tolist() == list(range(30)) == recorder.table()["step"].tolist()
    torch.testing.assert_close(table["loss"], torch.tensor(losses).double())


def test_after_detach_nothing_more_is_recorded():
    model = network()
    optimizer = SGD(model.parameters(), lr=0.1)
    recorder = Recorder(model, optimizer)
    loop(model, optimizer, 3, log=recorder.log)
    recorder.detach()
    loop(model, optimizer, 2, log=recorder.log)
    recorder.detach()
    table = recorder.table()
    assert table["step"].tolist() == [0, 1, 2] and table["loss"].isfinite().all()
    assert not optimizer._optimizer_step_pre_hooks and not optimizer._optimizer_step_post_hooks


def test_an_unused_recorder_has_an_empty_table():
    model = network()
    assert Recorder(model, SGD(model.parameters(), lr=0.1)).table() == {}


def test_bad_input():
    model = network()
    optimizer = SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="every must be a whole number of at least 1, got 0"):
        Recorder(model, optimizer, every=0)
    with pytest.raises(ValueError, match="parameter 0 of group 0 is not one of the module's"):
        Recorder(network(), optimizer)
    odd = nn.Module()
    odd.weight = nn.Parameter(torch.ones(2, dtype=torch.complex64))
    with pytest.raises(ValueError, match="complex parameters cannot be recorded"):
        Recorder(odd, SGD(odd.parameters(), lr=0.1))
    assert not optimizer._optimizer_step_pre_hooks
    recorder = Recorder(model, optimizer)
    with pytest.raises(ValueError, match=r"loss must be one number, got a tensor of shape \(8,\)"):
        recorder.log(torch.ones(8))
    loop(model, optimizer, 2)
    with pytest.raises(ValueError, match=r"log\(loss\) came first after 2 steps"):
        recorder.log(1.0)
