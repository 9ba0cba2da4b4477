"""The contract of torch.optim.Optimizer, for LARS, LAMB, Shampoo and SOAP."""

import copy
import io

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from noisydescent.optimizers import LAMB, LARS, SOAP, Shampoo

OPTIMIZERS = [LARS, LAMB, Shampoo, SOAP]
every = pytest.mark.parametrize("make", OPTIMIZERS, ids=lambda make: make.__name__)
both = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


class Net(nn.Module):
    """Parameters of nought to four dimensions."""

    def __init__(self, dtype=torch.float32):
        super().__init__()
        torch.manual_seed(0)
        self.filters, self.head, self.gain = nn.Conv2d(1, 4, 3), nn.Linear(4, 3), nn.Parameter(torch.tensor(0.7))
        self.to(dtype)

    def forward(self, x):
        return self.gain * self.head(torch.tanh(self.filters(x)).mean(dim=(2, 3)))


def batches(dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    while True:
        y = torch.randint(3, (16,), generator=generator)
        x = torch.randn(16, 1, 6, 6, generator=generator) + 0.7 * (y - 1)[:, None, None, None]
        yield x.to(dtype), y


def train(model, optimizer, data, steps, scheduler=None):
    losses = []
    for _ in range(steps):
        x, y = next(data)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        if scheduler:
            scheduler.step()
        losses.append(loss.item())
    return losses


def skip(data, n):
    for _ in range(n):
        next(data)
    return data


def same(a, b):
    return all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


RATES = {LARS: 5.0, LAMB: 0.05, Shampoo: 0.1, SOAP: 0.02}


@every
@both
def test_training_lowers_the_loss(make, dtype):
    model = Net(dtype)
    losses = train(model, make(model.parameters(), lr=RATES[make]), batches(dtype), 150)
    assert sum(losses[-20:]) < 0.85 * sum(losses[:20])


@every
@both
def test_resume_is_equal_to_the_bit(make, dtype):
    """Through state_dict, and through torch.save and torch.load, at a step at which no root or basis is renewed."""
    hyper = {"precondition_frequency": 4} if make in (Shampoo, SOAP) else {}
    straight = Net(dtype)
    optimizer = make(straight.parameters(), lr=RATES[make], **hyper)
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 20)
    data = batches(dtype)
    train(straight, optimizer, data, 7, scheduler)
    kept = copy.deepcopy([straight.state_dict(), optimizer.state_dict(), scheduler.state_dict()])
    file = io.BytesIO()
    torch.save([straight.state_dict(), optimizer.state_dict(), scheduler.state_dict()], file)
    train(straight, optimizer, data, 8, scheduler)
    file.seek(0)
    for saved in [kept, torch.load(file)]:
        model = Net(dtype)
        resumed = make(model.parameters(), lr=0.123, **hyper)
        plan = lr_scheduler.CosineAnnealingLR(resumed, 20)
        for part, state in zip([model, resumed, plan], saved, strict=True):
            part.load_state_dict(state)
        train(model, resumed, skip(batches(dtype), 7), 8, plan)
        assert same(model, straight)


@every
def test_state_dict_is_plain_and_round_trips(make):
    model = Net()
    optimizer = make(model.parameters())
    train(model, optimizer, batches(), 2)
    other = make(Net().parameters())
    other.load_state_dict(optimizer.state_dict())
    for a, b in zip(optimizer.state.values(), other.state.values(), strict=True):
        assert a.keys() == b.keys()
        for name in a:
            assert isinstance(a[name], int | torch.Tensor)
            assert torch.equal(torch.as_tensor(a[name]), torch.as_tensor(b[name]))
    copy.deepcopy(optimizer)


@every
def test_gradients_are_left_unchanged_and_none_is_skipped(make):
    model = Net()
    optimizer = make(model.parameters(), weight_decay=0.1) if make is not Shampoo else make(model.parameters())
    for _ in range(2):
        for p in model.parameters():
            p.grad = torch.randn_like(p)
        model.head.bias.grad = None
        before = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
        bias = model.head.bias.detach().clone()
        optimizer.step()
        assert torch.equal(model.head.bias, bias)
        assert model.head.bias not in optimizer.state
        for name, p in model.named_parameters():
            if name in before:
                assert torch.equal(p.grad, before[name])
    model.zero_grad(set_to_none=True)
    weights = copy.deepcopy(model)
    optimizer.step()  # nothing has a gradient
    assert same(weights, model)


@every
def test_groups_have_their_own_hyperparameters(make):
    """A group behaves as an optimizer of its own."""
    together, apart = Net(), Net()
    groups = lambda m: [list(m.filters.parameters()), [*m.head.parameters(), m.gain]]  # noqa: E731
    hyper = [{"lr": 0.01}, {"lr": 0.1, **({"eps": 0.1} if make is not LARS else {"momentum": 0.3})}]
    one = make([{"params": groups(together)[0], **hyper[0]}])
    one.add_param_group({"params": groups(together)[1], **hyper[1]})
    two = [make(g, **h) for g, h in zip(groups(apart), hyper, strict=True)]
    for p, q in zip(together.parameters(), apart.parameters(), strict=True):
        p.grad = torch.randn_like(p)
        q.grad = p.grad.clone()
    for _ in range(3):
        one.step()
        for optimizer in two:
            optimizer.step()
    assert same(together, apart)


@every
def test_closure(make):
    model, (x, y) = Net(), next(batches())
    optimizer = make(model.parameters())
    seen = []

    def closure():
        assert torch.is_grad_enabled()
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        seen.append(loss)
        return loss

    before = copy.deepcopy(model)
    assert optimizer.step(closure) is seen[0]
    assert len(seen) == 1
    assert not same(model, before)
    assert optimizer.step() is None


SCHEDULERS = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 2, 0.5),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (t + 1)),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 5),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.1, 10, cycle_momentum=not isinstance(o, Shampoo)),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, 3, cycle_momentum=not isinstance(o, Shampoo)),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.ConstantLR(o), lr_scheduler.ExponentialLR(o, 0.9)], [3]
    ),
}


@every
@pytest.mark.parametrize("plan", SCHEDULERS)
def test_any_scheduler_drives_it(make, plan):
    """The step is as long as the rate of the moment asks: twice the same state, the rate set by hand."""
    model = Net()
    optimizer = make(model.parameters(), lr=0.1)
    scheduler, data = SCHEDULERS[plan](optimizer), batches()
    rates = []
    for _ in range(6):
        twin = copy.deepcopy((model, optimizer))
        fresh = make(twin[0].parameters())
        fresh.load_state_dict(copy.deepcopy(optimizer.state_dict()))  # torch's load shares the tensors
        fresh.param_groups[0]["lr"] = scheduler.get_last_lr()[0]
        batch = next(data)
        train(twin[0], fresh, iter([batch]), 1)
        train(model, optimizer, iter([batch]), 1)
        assert same(model, twin[0])
        rates.append(optimizer.param_groups[0]["lr"])
        scheduler.step()
    assert len(set(rates)) > 1


@every
def test_learning_rate_zero_moves_nothing_and_a_tensor_is_a_rate(make):
    model, twin = Net(), Net()
    before = copy.deepcopy(model)
    train(model, make(model.parameters(), lr=0.0), batches(), 2)
    assert same(model, before)
    train(model, make(model.parameters(), lr=0.01), batches(), 3)
    train(twin, make(twin.parameters(), lr=torch.tensor(0.01, dtype=torch.float64)), batches(), 3)
    assert same(model, twin)


@every
def test_memory_layout_does_not_matter_and_state_keeps_the_dtype(make):
    """Non-contiguous parameters and gradients give what contiguous ones give."""
    generator = torch.Generator().manual_seed(0)
    w, *grads = torch.randn(6, 5, 5, generator=generator)
    plain, turned = nn.Parameter(w.clone()), nn.Parameter(w.t().contiguous().t())
    assert not turned.is_contiguous()
    ours = [make([plain], lr=0.1), make([turned], lr=0.1)]
    for g in grads:
        plain.grad, turned.grad = g.clone(), g.t().contiguous().t()
        for optimizer in ours:
            optimizer.step()
    torch.testing.assert_close(plain.detach(), turned.detach(), rtol=1e-3, atol=1e-3)
    for value in ours[0].state[plain].values():
        assert isinstance(value, int) or value.dtype == torch.float32


@every
def test_empty_parameters_and_mixed_dtypes(make):
    params = [nn.Parameter(torch.ones(0, 2)), nn.Parameter(torch.ones(2, 2).double()), nn.Parameter(torch.ones(2, 2))]
    for p in params:
        p.grad = torch.tensor([[1.0, 2.0], [3.0, -4.0]], dtype=p.dtype)[: len(p)]
    make(params, lr=0.1).step()
    assert not torch.equal(params[1], torch.ones(2, 2).double())
    assert params[2].isfinite().all()
    if make is not SOAP:  # in float32 its first step is full of rounding errors, as its docstring says
        torch.testing.assert_close(params[1].float(), params[2], rtol=1e-3, atol=1e-3)


BAD = {
    LARS: {"lr": -1.0, "momentum": 1.0, "weight_decay": -0.1, "trust_coefficient": -1.0},
    LAMB: {"lr": float("nan"), "betas": (0.9, 1.0), "eps": -1.0, "weight_decay": -0.1},
    Shampoo: {"lr": -1.0, "eps": -1.0, "precondition_frequency": 0, "max_dim": 0},
    SOAP: {
        "lr": torch.tensor(-1.0),
        "betas": (-0.1, 0.9),
        "eps": -1.0,
        "weight_decay": -0.1,
        "precondition_frequency": 1.5,
        "basis": "svd",
    },
}


@pytest.mark.parametrize(("make", "name"), [(make, name) for make in OPTIMIZERS for name in BAD[make]])
def test_bad_hyperparameters(make, name):
    value = BAD[make][name]
    with pytest.raises(ValueError, match=name):
        make(Net().parameters(), **{name: value})
    with pytest.raises(ValueError, match=name):
        make([{"params": list(Net().parameters()), name: value}])
    optimizer = make([nn.Parameter(torch.ones(2))])
    with pytest.raises(ValueError, match=name):
        optimizer.add_param_group({"params": [nn.Parameter(torch.ones(2))], name: value})
    assert len(optimizer.param_groups) == 1


@every
def test_what_it_cannot_train_is_refused(make):
    with pytest.raises(ValueError, match="empty parameter list"):
        make([])
    with pytest.raises(ValueError, match="lr must be one number"):
        make(Net().parameters(), lr=torch.ones(2))
    p = nn.Parameter(torch.ones(3, 2))
    p.grad = torch.ones(3, 2).to_sparse()
    with pytest.raises(ValueError, match="dense gradients"):
        make([p]).step()
    if make in (Shampoo, SOAP):
        half = nn.Parameter(torch.ones(3, 2, dtype=torch.bfloat16))
        half.grad = torch.ones_like(half)
        with pytest.raises(ValueError, match="float32 or float64"):
            make([half]).step()
