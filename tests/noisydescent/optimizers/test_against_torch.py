"""The rules give the numbers of torch.optim over 200 steps with a changing learning rate."""

import math

import pytest
import torch

from noisydescent.optimizers import newton_schulz, rule

# float32: rounding of different but equal arrangements of one formula
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
STEPS = 200


def rate(t, peak):
    return peak * (1 + math.cos(math.pi * t / STEPS)) / 2 + 1e-4


CASES = {
    "sgd": ("sgd", {}, torch.optim.SGD, {}, 0.1),
    "sgd decay": ("sgd", {"weight_decay": 0.1}, torch.optim.SGD, {"weight_decay": 0.1}, 0.1),
    "heavy ball": ("heavy_ball", {"momentum": 0.8}, torch.optim.SGD, {"momentum": 0.8}, 0.05),
    "heavy ball decay": (
        "heavy_ball",
        {"weight_decay": 0.1},
        torch.optim.SGD,
        {"momentum": 0.9, "weight_decay": 0.1},
        0.05,
    ),
    "nesterov": (
        "nesterov",
        {"weight_decay": 0.1},
        torch.optim.SGD,
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        0.05,
    ),
    "adagrad": ("adagrad", {}, torch.optim.Adagrad, {}, 0.3),
    "adagrad all": (
        "adagrad",
        {"lr_decay": 0.01, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3},
        torch.optim.Adagrad,
        {"lr_decay": 0.01, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3},
        0.3,
    ),
    "rmsprop": ("rmsprop", {}, torch.optim.RMSprop, {}, 0.01),
    "rmsprop all": (
        "rmsprop",
        {"alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1, "momentum": 0.5, "centered": True},
        torch.optim.RMSprop,
        {"alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1, "momentum": 0.5, "centered": True},
        0.01,
    ),
    "adam": ("adam", {}, torch.optim.Adam, {}, 0.05),
    "adam eps": ("adam", {"eps": 0.1, "betas": (0.5, 0.9)}, torch.optim.Adam, {"eps": 0.1, "betas": (0.5, 0.9)}, 0.05),
    "adam l2": ("adam_l2", {"weight_decay": 0.1}, torch.optim.Adam, {"weight_decay": 0.1}, 0.05),
    "amsgrad": ("amsgrad", {"weight_decay": 0.1}, torch.optim.Adam, {"amsgrad": True, "weight_decay": 0.1}, 0.05),
    "adamw": ("adamw", {}, torch.optim.AdamW, {}, 0.05),
    "adamw decay": ("adamw", {"weight_decay": 0.3}, torch.optim.AdamW, {"weight_decay": 0.3}, 0.05),
}


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("case", CASES)
def test_same_numbers(case, dtype, shapes, trajectory, torch_trajectory):
    name, hyper, theirs, their_hyper, peak = CASES[case]
    ours = trajectory(rule(name, **hyper), shapes(name), STEPS, dtype, lambda t: rate(t, peak))
    reference = torch_trajectory(
        lambda p: theirs(p, **their_hyper, foreach=False), shapes(name), STEPS, dtype, lambda t: rate(t, peak)
    )
    for a, b in zip(ours, reference, strict=True):
        torch.testing.assert_close(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_adafactor(dtype, shapes, trajectory, torch_trajectory):
    """torch multiplies lr by max(eps2, RMS(w)) and caps it at 1/sqrt(t): with a huge eps2 and lr / eps2 neither acts.

    The decay then has to be given times eps2. Its eps1 is a floor of V (ours is added to g^2, as in the paper), so both
    agree where no gradient vanishes.
    """
    eps2 = 1e3
    ours = trajectory(rule("adafactor", weight_decay=0.1), shapes("adafactor"), STEPS, dtype, lambda t: rate(t, 0.05))
    reference = torch_trajectory(
        lambda p: torch.optim.Adafactor(p, eps=(1e-15, eps2), weight_decay=0.1 * eps2, foreach=False),
        shapes("adafactor"),
        STEPS,
        dtype,
        lambda t: rate(t, 0.05) / eps2,
    )
    tolerance = max(TOLERANCE[dtype], 4e-6 if dtype == torch.float32 else 0)
    for a, b in zip(ours, reference, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def test_muon_up_to_bfloat16(shapes, trajectory, torch_trajectory):
    """torch runs Newton-Schulz in bfloat16 (8 bits), ours in the gradient's dtype."""
    ours = trajectory(rule("muon"), shapes("muon"), 20, torch.float32, lambda t: rate(t, 0.02))
    theirs = torch_trajectory(torch.optim.Muon, shapes("muon"), 20, torch.float32, lambda t: rate(t, 0.02))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=3e-2, atol=3e-2)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_muon_exactly(dtype, shapes, trajectory, torch_trajectory, monkeypatch):
    """With its Newton-Schulz replaced by ours, in full precision, torch.optim.Muon gives our numbers over 200 steps."""
    monkeypatch.setattr(
        "torch.optim._muon._zeropower_via_newtonschulz",
        lambda g, coefficients, steps, eps: newton_schulz(g, steps, eps),
    )
    for nesterov in (True, False):
        hyper = {"nesterov": nesterov, "momentum": 0.8, "weight_decay": 0.2, "ns_steps": 3}
        ours = trajectory(rule("muon", **hyper), shapes("muon"), STEPS, dtype, lambda t: rate(t, 0.02))
        theirs = torch_trajectory(
            lambda p, hyper=hyper: torch.optim.Muon(p, **hyper), shapes("muon"), STEPS, dtype, lambda t: rate(t, 0.02)
        )
        tolerance = 1e-10 if dtype == torch.float64 else 1e-4  # the iteration triples a rounding error at each step
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)
