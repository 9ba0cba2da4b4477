"""What every rule promises: runs do not mix, inputs stay unchanged, bad ones are refused; and known special cases."""

import copy
import inspect

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode

from noisydescent.optimizers import (
    MATRIX_RULES,
    RULES,
    adafactor,
    adam,
    adamw,
    amsgrad,
    defaults,
    factored_second_moment,
    inverse_root,
    muon,
    newton_schulz,
    rule,
    shampoo,
    soap,
)

ALL = sorted(RULES)


def close(a, b, tolerance=1e-10):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def tensors_in(value):
    """Every tensor in a nesting of dicts and lists."""
    if isinstance(value, torch.Tensor):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [t for part in inner for t in tensors_in(part)]


def steps(function, shapes, draw, n=5, runs=3, lr=0.1):
    params, state = draw(shapes, 0, runs=runs), None
    for t in range(n):
        params, state = function(params, draw(shapes, 100 + t, runs=runs), state, lr)
    return params, state


@pytest.mark.parametrize("name", ALL)
def test_runs_at_once_equal_separate_runs(name, shapes, draw):
    runs, lr = 3, torch.tensor([0.1, 0.03, 0.0], dtype=torch.float64)
    together, _ = steps(rule(name), shapes(name), draw, lr=lr)
    for r in range(runs):
        alone, state = [w[r : r + 1] for w in draw(shapes(name), 0, runs=runs)], None
        for t in range(5):
            grads = [g[r : r + 1] for g in draw(shapes(name), 100 + t, runs=runs)]
            alone, state = rule(name)(alone, grads, state, float(lr[r]))
        for a, b in zip(together, alone, strict=True):
            close(a[r : r + 1], b, 1e-6 if name == "soap" else 1e-10)


@pytest.mark.parametrize("name", ALL)
def test_inputs_are_left_alone_and_an_old_state_can_be_used_again(name, shapes, draw):
    params, state = steps(rule(name), shapes(name), draw, n=2)
    grads, lr = draw(shapes(name), 200, runs=3), torch.full((3,), 0.1, dtype=torch.float64)
    given_in = (params, grads, state, lr)
    before = copy.deepcopy(given_in)
    first = rule(name)(*given_in)
    for a, b in zip(tensors_in(list(given_in)), tensors_in(list(before)), strict=True):
        assert torch.equal(a, b)
    second = rule(name)(*given_in)
    for a, b in zip(tensors_in(list(first)), tensors_in(list(second)), strict=True):
        assert torch.equal(a, b)
    theirs = {t.untyped_storage().data_ptr() for t in tensors_in(list(given_in))}
    ours = [t.untyped_storage().data_ptr() for t in tensors_in(list(first)) if t.numel()]
    assert theirs.isdisjoint(ours)
    assert [w.shape for w in first[0]] == [w.shape for w in params]
    assert isinstance(first[0], list)


@pytest.mark.parametrize("name", ALL)
def test_first_step_shares_no_memory_with_the_gradients(name, shapes, draw):
    params, grads = draw(shapes(name), 0), draw(shapes(name), 1)
    result = rule(name)(params, grads, None, 0.1)
    theirs = {t.untyped_storage().data_ptr() for t in [*params, *grads]}
    assert theirs.isdisjoint(t.untyped_storage().data_ptr() for t in tensors_in(list(result)))


@pytest.mark.parametrize("name", ALL)
def test_zero_gradients_give_finite_steps_in_float32(name, shapes):
    params = [torch.ones(2, *shape) for shape in shapes(name)]
    state, function = None, rule(name, weight_decay=0.0) if "weight_decay" in defaults(name) else rule(name)
    for _ in range(3):
        params, state = function(params, [torch.zeros_like(w) for w in params], state, 0.1)
    for w in params:
        assert torch.equal(w, torch.ones_like(w))


@pytest.mark.parametrize("name", ALL)
def test_one_diverged_run_leaves_the_others_alone(name, shapes, draw):
    params, grads = draw(shapes(name), 0, runs=2), draw(shapes(name), 1, runs=2)
    wild = [g.clone() for g in grads]
    for g in wild:
        g[1] = torch.inf
    expected, state = rule(name)(params, grads, None, 0.1)
    expected, _ = rule(name)(expected, grads, state, 0.1)
    got, state = rule(name)(params, wild, None, 0.1)
    got, _ = rule(name)(got, wild, state, 0.1)
    for a, b in zip(got, expected, strict=True):
        close(a[0], b[0], 1e-8)
        assert not torch.isfinite(a[1]).all()


@pytest.mark.parametrize("name", ALL)
def test_every_tensor_stays_on_its_device(name, shapes):
    """FakeTensorMode refuses any operation that mixes devices."""
    with FakeTensorMode():
        params = [torch.empty(2, *shape, device="cuda") for shape in shapes(name)]
        state = None
        for _ in range(2):
            params, state = rule(name)(params, params, state, torch.empty(2, dtype=torch.float64))
        for t in tensors_in([params, state]):
            assert t.device.type == "cuda"
            assert t.dtype == torch.float32


@pytest.mark.parametrize("name", ALL)
def test_bad_arguments(name, shapes, draw):
    function, params, grads = rule(name), draw(shapes(name), 0, runs=2), draw(shapes(name), 1, runs=2)
    for lr in (-0.1, float("nan"), torch.tensor([0.1, -0.1]), torch.ones(3)):
        with pytest.raises(ValueError, match="lr"):
            function(params, grads, None, lr)
    with pytest.raises(ValueError, match="same length"):
        function(params, grads[:-1], None, 0.1)
    with pytest.raises(ValueError, match=r"grads\[0\]"):
        function(params, [grads[0][:1], *grads[1:]], None, 0.1)
    with pytest.raises(ValueError, match="run dimension"):
        function([*params[:-1], params[-1][:1]], [*grads[:-1], grads[-1][:1]], None, 0.1)
    _, state = function(params, grads, None, 0.1)
    if tensors_in(state):
        with pytest.raises(ValueError, match="state"):
            function(params[:1], grads[:1], state, 0.1)
    for hyper, value in defaults(name).items():
        if isinstance(value, bool):
            continue
        bad = {"betas": (0.9, 1.0), "beta2_decay": 0.5, "basis": "svd"}.get(hyper, -1)
        with pytest.raises(ValueError, match=hyper):
            RULES[name](params, grads, None, 0.1, **{hyper: bad})
        with pytest.raises(ValueError, match=hyper):
            rule(name, **{hyper: bad})


@pytest.mark.parametrize("name", MATRIX_RULES)
def test_matrix_rules_refuse_other_shapes(name, draw):
    for shape in [(), (4,), (2, 3, 4)]:
        w = draw([shape], 0)
        with pytest.raises(ValueError, match="another rule"):
            rule(name)(w, w, None, 0.1)


def test_names():
    assert " ".join(RULES) == (
        "sgd heavy_ball nesterov adagrad rmsprop adam amsgrad adam_l2 adamw adafactor lars lamb shampoo soap muon"
    )
    with pytest.raises(ValueError, match="did you mean 'adamw'"):
        rule("adamww")
    with pytest.raises(ValueError, match="did you mean 'momentum'"):
        rule("heavy_ball", momentun=0.5)
    with pytest.raises(ValueError, match="beta"):
        rule("adam", beta1=0.9)
    assert defaults("muon")["ns_steps"] == 5
    for function in RULES.values():
        assert list(inspect.signature(function).parameters)[:4] == ["params", "grads", "state", "lr"]


def test_a_rule_carries_its_hyperparameters(draw):
    w, g = draw([(3,)], 0), draw([(3,)], 1)
    close(rule("sgd", weight_decay=0.5)(w, g, None, 0.1)[0][0], w[0] - 0.1 * (g[0] + 0.5 * w[0]))


def test_momentum_keeps_the_learning_rate_outside_the_buffer():
    w, state = [torch.zeros(1, 1, dtype=torch.float64)], None
    for lr in (1.0, 0.1):
        w, state = rule("heavy_ball", momentum=0.5)(w, [torch.ones(1, 1, dtype=torch.float64)], state, lr)
    assert w[0].item() == pytest.approx(-1.0 - 0.1 * 1.5)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.lists(st.integers(1, 4), max_size=3),
    runs=st.integers(1, 3),
    beta1=st.floats(0, 0.99),
    beta2=st.floats(0, 0.999),
    eps=st.floats(1e-8, 1.0),
    decay=st.floats(0, 1),
)
def test_adam_family_on_random_settings(shape, runs, beta1, beta2, eps, decay):
    """Against torch.optim on shapes of any number of dimensions, per run; ten steps."""
    generator = torch.Generator().manual_seed(len(shape) + 10 * runs)
    w0 = torch.randn(runs, *shape, generator=generator, dtype=torch.float64)
    grads = [torch.randn(runs, *shape, generator=generator, dtype=torch.float64) for _ in range(10)]
    hyper = {"betas": (beta1, beta2), "eps": eps, "weight_decay": decay}
    for name, make, more in [
        ("adam", torch.optim.Adam, {}),
        ("amsgrad", torch.optim.Adam, {"amsgrad": True}),
        ("adamw", torch.optim.AdamW, {}),
    ]:
        params, state = [w0], None
        live = torch.nn.Parameter(w0.clone())
        optimizer = make([live], lr=0.1, **hyper, **more)
        for g in grads:
            params, state = rule(name, **hyper)(params, [g], state, 0.1)
            live.grad = g
            optimizer.step()
        close(params[0], live.detach())


def test_adafactor_is_exact_for_rank_one(draw):
    """Row times column over the total is the matrix itself; U = g / sqrt(g^2) then is a sign."""
    a, b = (x[0].abs() + 0.1 for x in draw([(4, 1), (1, 3)], 0))
    square = a * b
    close(factored_second_moment(square.mean(-1, keepdim=True), square.mean(-2, keepdim=True)), square)
    g = square.sqrt()[None]
    w, _ = adafactor([torch.zeros_like(g)], [g], None, 0.1)
    close(w[0], torch.full_like(g, -0.1))
    zeros = torch.zeros(2, 4, 1), torch.zeros(2, 1, 3)
    assert torch.equal(factored_second_moment(*zeros), torch.zeros(2, 4, 3))


def test_amsgrad_counterexample():
    """Reddi, Kale, Kumar, 2018: gradient 1010 once in 101 steps, else -10, on [-1, 1]; the best point is -1."""
    ends, steps = {}, 10_000
    for name in ("adam", "amsgrad"):
        w, state = [torch.zeros(1, dtype=torch.float64)], None
        for t in range(steps):
            g = torch.full((1,), 1010.0 if t % 101 == 0 else -10.0, dtype=torch.float64)
            w, state = rule(name, betas=(0.9, 0.99))(w, [g], state, 0.2 * (1 - t / steps))
            w = [w[0].clamp(-1, 1)]
        ends[name] = w[0].item()
    assert ends["adam"] > 0.98
    assert ends["amsgrad"] < -0.9


def test_amsgrad_does_not_forget():
    """After one large gradient Adam's steps grow back as it is forgotten; AMSGrad's stay."""
    lengths = {}
    for function in (adam, amsgrad):
        w, state, taken = [torch.zeros(1, 1, dtype=torch.float64)], None, []
        for t in range(900):
            g = torch.full((1, 1), 100.0 if t == 0 else 1.0, dtype=torch.float64)
            after, state = function(w, [g], state, 0.1, betas=(0.0, 0.99))
            taken.append((w[0] - after[0]).abs().item())
            w = after
        lengths[function.__name__] = taken
    # from step 400 on the bias correction is 1 within 2 %
    assert lengths["adam"][-1] > 1.5 * lengths["adam"][400]
    assert lengths["amsgrad"][-1] == pytest.approx(lengths["amsgrad"][400], rel=0.02)
    assert lengths["adam"][-1] > 9 * lengths["amsgrad"][-1]


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
def test_fresh_shampoo_step_is_the_orthogonal_factor(shape, draw):
    g = draw([shape], 7, runs=2)
    U, _, Vh = torch.linalg.svd(g[0], full_matrices=False)
    w, _ = shampoo([torch.zeros_like(g[0])], g, None, 1.0, eps=1e-12)
    close(w[0], -U @ Vh, 1e-5)


def test_soap_is_adam_where_the_basis_is_the_identity():
    """Diagonal gradients whose entries keep their order: L and R stay diagonal with ascending eigenvalues."""
    size = torch.tensor([1.0, 10.0, 100.0, 1000.0], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    hyper = {"betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.1}
    one = two = [torch.ones(1, 4, 4, dtype=torch.float64)]
    state = other = None
    for _ in range(30):
        g = [torch.diag(size * (1 + 0.5 * torch.randn(4, generator=generator).double()))[None]]
        one, state = soap(one, g, state, 0.01, **hyper)
        two, other = adamw(two, g, other, 0.01, **hyper)
        close(one[0], two[0], 1e-10)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10_000))
def test_soap_does_not_depend_on_rotations_of_the_problem(rows, cols, seed):
    """A rotated gradient gives the rotated step."""
    generator = torch.Generator().manual_seed(seed)
    rotation, _ = torch.linalg.qr(torch.randn(rows, rows, generator=generator, dtype=torch.float64))
    g = [torch.randn(1, rows, cols, generator=generator, dtype=torch.float64)]
    zero = [torch.zeros_like(g[0])]
    plain, _ = soap(zero, g, None, 1.0, eps=1e-3)
    turned, _ = soap(zero, [rotation @ g[0]], None, 1.0, eps=1e-3)
    close(turned[0], rotation @ plain[0], 1e-6)


def test_muon_maps_singular_values_near_one():
    """In [0.02, 1] they end in [0.68, 1.14]; orthogonal factors stay."""
    s = torch.linspace(0.02, 1, 5000, dtype=torch.float64)
    out = s.clone()
    for _ in range(5):
        out = 3.4445 * out - 4.7750 * out**3 + 2.0315 * out**5
    assert out.min() >= 0.68
    assert out.max() <= 1.14
    # the same through the matrix function, whose norm is one
    values = torch.tensor([0.9, 0.4, 0.15, 0.02], dtype=torch.float64)
    values = values / values.norm()
    for G in [torch.diag(values), torch.cat([torch.diag(values), torch.zeros(3, 4).double()])]:
        found = torch.linalg.svdvals(newton_schulz(G))
        assert found.min() >= 0.68
        assert found.max() <= 1.14


def test_newton_schulz_edges():
    zero = torch.zeros(2, 3, 4)
    assert torch.equal(newton_schulz(zero), zero)
    G = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    close(newton_schulz(G, 0), G / G.norm(), 1e-6)
    for bad in [lambda: newton_schulz(torch.ones(3)), lambda: newton_schulz(G, -1), lambda: newton_schulz(G, 5, -1.0)]:
        with pytest.raises(ValueError, match=r"G must|steps|eps"):
            bad()


def test_muon_scale_of_a_tall_matrix():
    g = torch.randn(1, 8, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    w, _ = muon([torch.zeros_like(g)], [g], None, 1.0, weight_decay=0.0)
    close(w[0], -2 * newton_schulz(g))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.sampled_from([1, 2, 4, 3.5]), st.integers(0, 10_000))
def test_inverse_root(n, p, seed):
    G = torch.randn(3, n, n + 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    M = G @ G.mT
    root = inverse_root(M, p, eps=0.1)
    assert torch.equal(root, root.mT)
    values, vectors = torch.linalg.eigh(M + 0.1 * torch.eye(n).double())
    close(root, vectors @ torch.diag_embed(values ** (-1 / p)) @ vectors.mT, 1e-9)


def test_inverse_root_refuses():
    eye = torch.eye(3)
    for bad, name in [
        (lambda: inverse_root(torch.ones(2, 3), 2), "square"),
        (lambda: inverse_root(torch.ones(3), 2), "square"),
        (lambda: inverse_root(eye + torch.ones(3, 3).triu(1), 2), "symmetric"),
        (lambda: inverse_root(eye, 0), "p must"),
        (lambda: inverse_root(eye, 2, -1.0), "eps"),
    ]:
        with pytest.raises(ValueError, match=name):
            bad()
