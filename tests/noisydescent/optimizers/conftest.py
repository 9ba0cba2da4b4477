"""Shared by the tests of the optimizers."""

import pytest
import torch

# name -> shapes of the parameters that the rule takes
VECTORS = {"bias": (5,), "matrix": (6, 4), "scalar": (), "filters": (3, 2, 2)}
MATRICES = {"wide": (3, 6), "tall": (6, 4), "square": (5, 5)}


@pytest.fixture
def shapes():
    """`shapes(name)`: shapes of parameters (without the run dimension) that the rule `name` takes."""
    from noisydescent.optimizers import MATRIX_RULES

    return lambda name: list((MATRICES if name in MATRIX_RULES else VECTORS).values())


@pytest.fixture
def draw():
    """`draw(shapes, seed, dtype, runs)`: independent standard normal tensors (runs, *shape)."""

    def tensors(shapes, seed, dtype=torch.float64, runs=1):
        generator = torch.Generator().manual_seed(seed)
        return [torch.randn(runs, *shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes]

    return tensors


@pytest.fixture
def trajectory(draw):
    """`trajectory(rule, shapes, steps, dtype, lr)`: parameters after the steps, gradients 2 w + noise."""

    def run(rule, shapes, steps, dtype, rate, runs=1, seed=0):
        params, state = draw(shapes, seed, dtype, runs), None
        for t in range(steps):
            noise = draw(shapes, 1000 + t, dtype, runs)
            grads = [2 * w + z for w, z in zip(params, noise, strict=True)]
            params, state = rule(params, grads, state, rate(t))
        return params

    return run


@pytest.fixture
def torch_trajectory(draw):
    """The same with an optimizer of torch, built by `make(parameters)`; lr set through its parameter group."""

    def run(make, shapes, steps, dtype, rate, seed=0):
        params = [torch.nn.Parameter(w[0].clone()) for w in draw(shapes, seed, dtype)]
        optimizer = make(params)
        for t in range(steps):
            noise = draw(shapes, 1000 + t, dtype)
            for p, z in zip(params, noise, strict=True):
                p.grad = 2 * p.detach() + z[0]
            optimizer.param_groups[0]["lr"] = rate(t)
            optimizer.step()
        return [p.detach()[None] for p in params]

    return run
