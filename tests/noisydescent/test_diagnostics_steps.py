"""Diagnostics of a step and of an optimizer's state."""

import math

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, RMSprop

from noisydescent import diagnostics
from noisydescent.devices import generator
from noisydescent.optimizers import LAMB, LARS, SOAP, Shampoo


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.randn(4, 3, generator=generator(0), dtype=torch.float64))
        self.vector = nn.Parameter(torch.randn(3, generator=generator(1), dtype=torch.float64))


def step(module: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
    for i, p in enumerate(module.parameters()):
        p.grad = torch.randn(p.shape, generator=generator(100 * seed + i), dtype=p.dtype)
    optimizer.step()


SETTINGS = {
    "sgd": lambda p: SGD(p, lr=0.1),
    "sgd with decay": lambda p: SGD(p, lr=0.1, weight_decay=0.2, maximize=True),
    "momentum": lambda p: SGD(p, lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.1),
    "nesterov": lambda p: SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "nesterov foreach": lambda p: SGD(p, lr=0.1, momentum=0.9, nesterov=True, foreach=True),
    "adam": lambda p: Adam(p, lr=0.1, weight_decay=0.3),
    "adam foreach": lambda p: Adam(p, lr=0.1, weight_decay=0.3, foreach=True, maximize=True),
    "amsgrad": lambda p: Adam(p, lr=0.1, amsgrad=True),
    "adamw": lambda p: AdamW(p, lr=0.1, betas=(0.0, 0.9), eps=1e-2, weight_decay=0.5),
    "adamw fused": lambda p: AdamW(p, lr=0.1, fused=True),
    "rmsprop": lambda p: RMSprop(p, lr=0.1, weight_decay=0.1, maximize=True),
    "centered rmsprop": lambda p: RMSprop(p, lr=0.1, centered=True, momentum=0.8),
    "adagrad": lambda p: Adagrad(p, lr=0.1, weight_decay=0.2, initial_accumulator_value=0.1),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_direction_read_from_the_state_is_the_one_that_was_stepped(name):
    module = Pair()
    optimizer = SETTINGS[name](module.parameters())
    for t in range(4):
        before = diagnostics.snapshot(module)
        for i, p in enumerate(module.parameters()):
            p.grad = torch.randn(p.shape, generator=generator(100 * t + i), dtype=p.dtype)
        gradients = {key: p.grad.clone() for key, p in module.named_parameters()}
        optimizer.step()
        directions = diagnostics.update_directions(optimizer, before, module, gradients)
        for key, p in module.named_parameters():
            torch.testing.assert_close(before[key] - 0.1 * directions[key], p.detach(), rtol=1e-12, atol=1e-12)
        rate = diagnostics.applied_learning_rate(
            list(before.values()), list(module.parameters()), list(directions.values())
        )
        assert rate == pytest.approx(0.1, rel=1e-12)


def test_directions_are_copies_and_need_the_gradients_of_nesterov():
    module = Pair()
    optimizer = SGD(module.parameters(), lr=0.1, momentum=0.9)
    step(module, optimizer, 0)
    before = diagnostics.snapshot(module)
    step(module, optimizer, 1)
    directions = diagnostics.update_directions(optimizer, before, module)
    directions["vector"].zero_()
    assert optimizer.state[module.vector]["momentum_buffer"].abs().min() > 0
    with pytest.raises(ValueError, match=r"before lacks '0\.0': give `module` too"):
        diagnostics.update_directions(optimizer, before)
    nesterov = SGD(module.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    step(module, nesterov, 2)
    with pytest.raises(ValueError, match="give `gradients`"):
        diagnostics.update_directions(nesterov, before, module)


def test_effective_rates_are_what_the_formulas_say():
    for name in ("adam", "amsgrad", "rmsprop", "centered rmsprop", "adagrad"):
        module = Pair()
        optimizer = SETTINGS[name](module.parameters())
        for t in range(5):
            step(module, optimizer, t)
        rates = diagnostics.effective_learning_rate(optimizer, module)["vector"]
        state = optimizer.state[module.vector]
        squares = {
            "adam": lambda s: s["exp_avg_sq"] / (1 - 0.999**5),
            "amsgrad": lambda s: s["max_exp_avg_sq"] / (1 - 0.999**5),
            "rmsprop": lambda s: s["square_avg"],
            "centered rmsprop": lambda s: s["square_avg"] - s["grad_avg"] ** 2,
            "adagrad": lambda s: s["sum"],
        }[name](state)
        eps = optimizer.param_groups[0]["eps"]
        torch.testing.assert_close(rates, 0.1 / (squares.sqrt() + eps), rtol=1e-12, atol=0)


def test_the_effective_rate_of_adagrad_has_its_own_decay_and_follows_the_group():
    module = Pair()
    optimizer = Adagrad(module.parameters(), lr=0.1, lr_decay=0.5)
    for t in range(3):
        step(module, optimizer, t)
    total = sum(torch.randn(3, generator=generator(100 * t + 1), dtype=torch.float64).square() for t in range(3))
    expected = 0.1 / (1 + 2 * 0.5) / (total.sqrt() + 1e-10)
    torch.testing.assert_close(diagnostics.effective_learning_rate(optimizer, module)["vector"], expected)
    optimizer.param_groups[0]["lr"] = 0.2
    torch.testing.assert_close(diagnostics.effective_learning_rate(optimizer)["0.1"], 2 * expected)


def test_names_come_from_the_module_or_from_the_optimizer():
    module = Pair()
    named = AdamW(module.named_parameters(), lr=0.1)
    step(module, named, 0)
    assert list(diagnostics.effective_learning_rate(named)) == ["matrix", "vector"]
    with pytest.raises(ValueError, match="parameter 0 of group 0 is not one of the module's: build the optimizer from"):
        diagnostics.effective_learning_rate(named, Pair())


def test_quantiles_are_those_of_torch_and_of_all_tensors_together():
    tensors = {"a": torch.randn(7, 3, generator=generator(0)), "b": torch.ones(2, dtype=torch.bfloat16)}
    at = (0.0, 0.05, 0.5, 1.0)
    found = diagnostics.quantiles(tensors, at)
    assert list(found) == ["a", "b", "all"]
    torch.testing.assert_close(found["a"], torch.quantile(tensors["a"].double(), torch.tensor(at).double()))
    joined = torch.cat([x.double().flatten() for x in tensors.values()])
    torch.testing.assert_close(found["all"], torch.quantile(joined, torch.tensor(at).double()))
    with pytest.raises(ValueError, match="at must lie between 0 and 1"):
        diagnostics.quantiles(tensors, (50.0,))
    with pytest.raises(ValueError, match="must not be empty"):
        diagnostics.quantiles({})


def test_epsilon_fraction_counts_coordinates_below_it_strictly():
    module = Pair()
    optimizer = Adam(module.parameters(), lr=0.1, eps=0.5)
    module.matrix.grad = torch.full((4, 3), 1e-3, dtype=torch.float64)
    module.vector.grad = torch.tensor([0.1, 0.9, 0.7], dtype=torch.float64)
    optimizer.step()
    # after one step vhat is g^2, whatever beta2
    assert diagnostics.epsilon_fraction(optimizer) == pytest.approx(13 / 15)
    for group in optimizer.param_groups:
        group["eps"] = 1e-4
    assert diagnostics.epsilon_fraction(optimizer) == 0.0


def reference_report(params, grads, means, squares, t, lr, betas, eps):
    update = [
        lr * m / (1 - betas[0] ** t) / ((v / (1 - betas[1] ** t)) ** 0.5 + eps)
        for m, v in zip(means, squares, strict=True)
    ]
    flat = {
        key: torch.cat([x.detach().flatten() for x in xs]) for key, xs in [("w", params), ("g", grads), ("u", update)]
    }
    roots = torch.cat([(v / (1 - betas[1] ** t)).sqrt().flatten() for v in squares])
    return {
        "grad_norm": float(flat["g"].norm()),
        "update_rms": float(flat["u"].square().mean().sqrt()),
        "weight_norm": float(flat["w"].norm()),
        "update_to_weight": float(flat["u"].norm() / flat["w"].norm()),
        "eps_fraction": float((roots < eps).double().mean()),
    }


@pytest.mark.parametrize("kind", [Adam, AdamW])
def test_state_report(kind):
    module = Pair()
    optimizer = kind(module.parameters(), lr=0.02, betas=(0.8, 0.95), eps=0.8, weight_decay=0.1)
    for t in range(3):
        step(module, optimizer, t)
    params = list(module.parameters())
    states = [optimizer.state[p] for p in params]
    grads = [p.grad for p in params]
    means, squares = [s["exp_avg"] for s in states], [s["exp_avg_sq"] for s in states]
    expected = reference_report(params, grads, means, squares, 3, 0.02, (0.8, 0.95), 0.8)
    found = diagnostics.state_report(optimizer)
    assert found == pytest.approx(expected, rel=1e-12)
    assert 0 < found["eps_fraction"] < 1
    with torch.no_grad():
        for p in params:
            p.zero_()
    assert diagnostics.state_report(optimizer)["update_to_weight"] == math.inf
    optimizer.zero_grad()
    with pytest.raises(ValueError, match="no parameter has a gradient"):
        diagnostics.state_report(optimizer)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda p: SGD(p, lr=0.1), 0),
        (lambda p: SGD(p, lr=0.1, momentum=0.9), 4),
        (lambda p: Adagrad(p, lr=0.1), 4),
        (lambda p: RMSprop(p, lr=0.1, centered=True), 8),
        (lambda p: AdamW(p, lr=0.1), 8),
        (lambda p: Adam(p, lr=0.1, amsgrad=True), 12),
        (lambda p: torch.optim.Adafactor(p, lr=0.1), 4 * (6 + 4) / 24),
        (lambda p: LARS(p, lr=0.1), 4),
        (lambda p: LAMB(p, lr=0.1), 8),
        (lambda p: Shampoo(p, lr=0.1), 4 * (36 + 16) / 24),
        (lambda p: SOAP(p, lr=0.1), 4 * (2 * 24 + 2 * (36 + 16)) / 24),
    ],
)
def test_bytes_of_state_per_parameter(make, expected):
    weight = nn.Parameter(torch.randn(6, 4, generator=generator(0)))
    optimizer = make([weight])
    if not isinstance(optimizer, Adagrad):  # which has its sums from the start
        assert diagnostics.state_bytes_per_parameter(optimizer) == 0
    weight.grad = torch.randn(6, 4, generator=generator(1))
    optimizer.step()
    assert diagnostics.state_bytes_per_parameter(optimizer) == pytest.approx(expected)


def test_counters_are_counted_on_request_and_half_precision_halves():
    weight = nn.Parameter(torch.ones(4, dtype=torch.bfloat16))
    optimizer = AdamW([weight], lr=0.1)
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    assert diagnostics.state_bytes_per_parameter(optimizer) == 4
    assert diagnostics.state_bytes_per_parameter(optimizer, counters=True) == 4 + 4 / 4


def test_update_to_weight_and_trust_ratio():
    before = {"a": torch.tensor([3.0, 4.0]), "zero": torch.zeros(2), "still": torch.zeros(1)}
    after = {"a": torch.tensor([3.0, 4.5]), "zero": torch.tensor([0.0, 1.0]), "still": torch.zeros(1)}
    assert diagnostics.update_to_weight(before, after) == {"a": pytest.approx(0.1), "zero": math.inf, "still": 0.0}
    updates = {"a": torch.tensor([0.0, 2.0]), "zero": torch.ones(2), "still": torch.zeros(1)}
    assert diagnostics.trust_ratio(before, updates) == {"a": 2.5, "zero": 1.0, "still": 1.0}
    assert diagnostics.trust_ratio(before, updates, eps=0.5)["a"] == 2.0
    nan = {"a": torch.tensor([math.nan, 0.0])}
    assert math.isnan(diagnostics.update_to_weight({"a": before["a"]}, nan)["a"]), "a diverged layer is not at rest"
    with pytest.raises(ValueError, match="before and after must hold the same layers: they differ in 'a'"):
        diagnostics.update_to_weight({"a": torch.ones(2)}, {"a": torch.ones(3)})
    with pytest.raises(ValueError, match="differ in 'b'"):
        diagnostics.trust_ratio({}, {"b": torch.ones(3)})
    with pytest.raises(ValueError, match="eps must be finite and not negative"):
        diagnostics.trust_ratio({}, {}, eps=-1.0)


def test_the_applied_rate_shows_a_step_that_rounding_swallowed():
    before = torch.ones(4, dtype=torch.bfloat16)
    direction = torch.ones(4, dtype=torch.bfloat16)
    assert diagnostics.applied_learning_rate(before, before - 0.125 * direction, direction) == 0.125
    assert diagnostics.applied_learning_rate(before, before - 1e-4 * direction, direction) == 0.0
    assert math.isnan(diagnostics.applied_learning_rate(before, before, torch.zeros(4)))
    with pytest.raises(ValueError, match="the same shapes"):
        diagnostics.applied_learning_rate(before, before, direction[:2])
    with pytest.raises(ValueError, match="the same shapes"):
        diagnostics.applied_learning_rate([], [], [])


def test_optimizers_that_are_not_known_or_have_not_stepped():
    module = Pair()
    with pytest.raises(ValueError, match="formula of NAdam is not known here: only those of Adagrad, RMSprop"):
        diagnostics.effective_learning_rate(torch.optim.NAdam(module.parameters()))
    with pytest.raises(ValueError, match="formula of SGD is not known"):
        diagnostics.epsilon_fraction(SGD(module.parameters(), lr=0.1))
    for call in (diagnostics.effective_learning_rate, diagnostics.epsilon_fraction, diagnostics.state_report):
        with pytest.raises(ValueError, match=r"no state yet: call this after optimizer.step\(\)"):
            call(Adam(module.parameters()))
    with pytest.raises(ValueError, match="no state yet"):
        diagnostics.effective_learning_rate(Adagrad(module.parameters()))


def test_signal_to_noise_of_samples():
    rows = torch.randn(50, 3, generator=generator(2), dtype=torch.float64) + 1
    scale = diagnostics.noise_scale(rows)
    assert diagnostics.signal_to_noise(rows, 8) == pytest.approx(8 / (8 + scale))
    assert diagnostics.signal_to_noise(torch.tensor([[1.0], [-1.0]]), 8) == 0.0
    for call in (diagnostics.noise_scale, lambda x: diagnostics.signal_to_noise(x, 4)):
        with pytest.raises(ValueError, match=r"per_sample must be \(N, d\) with at least 2 samples"):
            call(torch.ones(1, 3))
