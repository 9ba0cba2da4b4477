"""Our `torch.optim.Optimizer`s against those of pytorch_optimizer: one step on a model of a million parameters."""

import pytorch_optimizer
import torch
from torch import nn

from noisydescent import optimizers
from tests.bench.timing import medians, threads

PAIRS = {
    "LARS": (optimizers.LARS, pytorch_optimizer.LARS),
    "LAMB": (optimizers.LAMB, pytorch_optimizer.Lamb),
    "Shampoo": (optimizers.Shampoo, pytorch_optimizer.Shampoo),
    "SOAP": (optimizers.SOAP, pytorch_optimizer.SOAP),
}
STEPS = {"LARS": 20, "LAMB": 20, "Shampoo": 1, "SOAP": 10}  # SOAP renews its basis at every tenth


def stepper(optimizer):
    """A call that takes some steps of a fresh `optimizer` on four 512 x 512 layers with given gradients."""
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(512, 512) for _ in range(4)))
    gradients = [torch.randn_like(p) * 1e-2 for p in model.parameters()]
    made = optimizer(model.parameters(), lr=1e-3)

    def steps(count):
        for _ in range(count):
            for p, g in zip(model.parameters(), gradients, strict=True):
                p.grad = g.clone()  # pytorch_optimizer changes gradients in place
            made.step()

    return steps


def optimizer_step(name):
    with threads(1):
        ours, theirs = (stepper(optimizer) for optimizer in PAIRS[name])
        ours_s, theirs_s = medians(lambda: ours(STEPS[name]), lambda: theirs(STEPS[name]))
    return {"ratio": theirs_s / ours_s, "ours_ms": 1e3 * ours_s / STEPS[name], "rival_ms": 1e3 * theirs_s / STEPS[name]}
