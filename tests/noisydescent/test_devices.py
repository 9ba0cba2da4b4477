from functools import partial

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from noisydescent import Logistic, MarkovLanguage, MarkovSource, Quadratic, devices, train
from noisydescent.optimizers import RULES, top_k
from noisydescent.schedules import constant
from noisydescent.training import Hooks, gradient_norm, loop

PROBLEMS = {
    "quadratic": lambda **more: Quadratic(torch.ones(3), noise=torch.eye(3), **more),
    "diagonal quadratic": lambda **more: Quadratic(torch.ones(3), **more),
    "logistic": lambda **more: Logistic.gaussian_classes(n_samples=40, dim=3, **more),
    "transformer": lambda **more: MarkovLanguage(
        MarkovSource.random(4, order=2), length=4, width=4, layers=1, heads=2, sequences=20, held_out=4, **more
    ),
}


def test_use_device_comes_before_the_environment_and_the_environment_before_the_machine(monkeypatch):
    monkeypatch.setenv("NOISY_DESCENT_DEVICE", "meta")
    assert devices.use_device("cpu") == devices.default_device() == torch.device("cpu")
    assert devices.use_device(None) == torch.device("meta")
    monkeypatch.delenv("NOISY_DESCENT_DEVICE")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.default_device() == torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert devices.default_device() == torch.device("mps")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert devices.default_device() == torch.device("cpu")


def test_problems_are_built_on_the_chosen_device():
    devices.use_device("cpu")
    assert PROBLEMS["quadratic"]().device == torch.device("cpu")
    assert Quadratic(torch.ones(2), device="cpu").device == torch.device("cpu")
    assert PROBLEMS["transformer"](device="meta").pool.device.type == "meta"


def test_generators_with_one_seed_draw_the_same():
    first, again, other = (torch.randn(3, generator=devices.generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


WORTH_IT = devices.NUMBERS_WORTH_A_SECOND_THREAD


@pytest.mark.parametrize(("numbers", "inside"), [(1, 1), (WORTH_IT - 1, 1), (WORTH_IT, 2)])
def test_one_thread_for_few_numbers(numbers, inside):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with devices.threads_for(numbers):
            assert torch.get_num_threads() == inside
        assert torch.get_num_threads() == 2
        with pytest.raises(KeyError), devices.threads_for(numbers):
            raise KeyError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("name", PROBLEMS)
def test_no_operation_mixes_devices(name):
    """With all data on the meta device, which computes shapes only, a tensor made on the CPU by default is an error."""
    p = PROBLEMS[name](device="cpu")
    for key, value in vars(p).items():
        if isinstance(value, torch.Tensor):
            setattr(p, key, value.to("meta"))
    p.device = torch.device("meta")
    theta = p.initial(2, torch.Generator())
    gradient = p.oracle(2, 3, torch.Generator())(theta)
    assert (gradient.device.type, gradient.shape, gradient.dtype) == ("meta", (2, p.dim), p.dtype)
    assert (p.loss(theta).device.type, p.loss(theta).shape) == ("meta", (2,))
    if name == "logistic":
        for value in (p.gradient(theta), p.per_sample_gradients(theta[0]), p.hessian(theta[0])):
            assert value.device.type == "meta"
    if name == "transformer":
        assert p.per_sample_gradients(theta[0], p.pool[:3]).device.type == "meta"


ALL_HOOKS = Hooks(clip=0.5, compress=partial(top_k, k=1), workers=2, local_steps=2)
TRAINED_WITH = [("quadratic", name, Hooks()) for name in ("sgd", "adam")]
TRAINED_WITH += [("logistic", name, Hooks()) for name in ("sgd", "heavy_ball", "lars")]
TRAINED_WITH += [("transformer", name, Hooks()) for name in RULES]
TRAINED_WITH += [(p, name, ALL_HOOKS) for p in ("quadratic", "logistic", "transformer") for name in ("sgd", "adam")]


@pytest.mark.parametrize(("name", "optimizer", "hooks"), TRAINED_WITH)
def test_a_whole_training_mixes_no_devices(name, optimizer, hooks, monkeypatch):
    """Fake tensors know their device without there being one: a step on a tensor made on the CPU would be an error."""
    monkeypatch.setattr(loop, "generator", lambda seed, device: torch.Generator())
    p, seen = PROBLEMS[name](device="cpu"), []
    with FakeTensorMode(allow_non_fake_inputs=True):
        for key, value in vars(p).items():
            if isinstance(value, torch.Tensor):
                setattr(p, key, torch.empty(value.shape, dtype=value.dtype, device="lazy"))
        p.device = torch.device("lazy")
        metrics = {"gradient_norm": gradient_norm} if optimizer == "adam" else {}
        rates = torch.full((4, 2 if hooks.gradient_only else 1, 1), 0.1, dtype=torch.float64)
        on_record = lambda step, loss: seen.append(loss.device.type)  # noqa: E731
        at = [0, 2, 4]
        training = loop.train_configurations(p, rates, 6, 3, optimizer, None, hooks, 0, at, metrics, on_record)
        assert seen == ["lazy"] * 3 and training.theta.device.type == "lazy"
        assert training.loss.device.type == training.learning_rate.device.type == "cpu"
        with pytest.raises(RuntimeError, match="device"):
            training.theta + torch.ones(6, p.dim)


def test_the_meta_device_finds_a_mixture():
    with pytest.raises(RuntimeError, match="device"):
        torch.ones(3) * torch.ones(3, device="meta")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", PROBLEMS)
def test_cuda_computes_what_the_cpu_computes(name):
    here, there = PROBLEMS[name](device="cpu"), PROBLEMS[name](device="cuda")
    theta = here.initial(2, devices.generator(0, "cpu"))
    torch.testing.assert_close(there.loss(theta.cuda()).cpu(), here.loss(theta), rtol=1e-4, atol=1e-5)
    training = train(there, steps=5, batch_size=4, peak=0.1, schedule=constant, runs=2)
    assert training.theta.device.type == "cuda" and training.loss.device.type == "cpu"
    assert torch.isfinite(training.loss).all()
    torch.testing.assert_close(training.learning_rate, torch.full((5, 2), 0.1).double(), rtol=1e-3, atol=0)
