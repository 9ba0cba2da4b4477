"""Graders of assignment 1.6 Advanced topics: noise scale, control variates, SVRG, SAGA, compression, temperature.

Every input is drawn from `generator`, expected values are closed forms or replays. SVRG and SAGA draw their own
indices: the iterates are replayed with those that the callable saw, so streams are never compared. A right answer can
fail by chance in five tests only.

- Draws of SVRG and SAGA: two independent runs with n = 3 samples give 40 draws in all. That one of the three samples
  is never drawn: at most 3 (2/3)^40 = 2.7e-7. That all twelve blocks of three draws, from any of three offsets, hold
  three different samples: at most 3 (6/27)^12 = 4.4e-8. That both runs draw the same: 3^-20 = 3e-10. Together 3.2e-7
  for each exercise.
- Quantization: the shares of 4 groups of 800 entries, in two calls, are each within 0.11 of their probabilities.
  Hoeffding: at most 8 x 2 exp(-2 x 800 x 0.11^2) = 6.3e-8. Two results that must differ, in 200 entries of probability
  0.15 to 0.85, are equal with probability at most 0.745^200 < 1e-25. An answer in float32
  may see an entry 2e-7 beside the grid on which it lies, and move it with that probability: below 1e-6 for the three
  such vectors.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.graders.inputs import columns_first, normal, strided, uniform
from autograde.graders.mistakes_1_6_advanced_topics import (
    SampleGradients,
    controlled,
    estimate_mistakes,
    largest,
    matched,
    messages,
    noise_scale_of,
    on_grid,
    other_steps,
    quantize_forms,
    quotient_mistakes,
    ratio_mistakes,
    replay_saga,
    replay_svrg,
    saga_mistakes,
    saga_patterns,
    signal_mistakes,
    svrg_mistakes,
    svrg_patterns,
    table_mistakes,
    temperature_mistakes,
    top_k_mistakes,
    trace_mistakes,
    tracked,
    tracker_mistakes,
)
from autograde.judge.exercise import Exercise, grade
from autograde.judge.expect import (
    AnswerError,
    Mistake,
    as_float64,
    as_tensor,
    expect_close,
    expect_error,
    expect_number,
    low_precision,
    matches,
)

NOISE_SCALE = Exercise(
    id="so-noise-scale",
    notebook="1_6_advanced_topics",
    title="Gradient noise scale",
    functions=("noise_scale",),
    difficulty=3,
    minutes=20,
    concepts=("gradient noise scale",),
)
CONTROL_VARIATE = Exercise(
    id="so-control-variate",
    notebook="1_6_advanced_topics",
    title="The best control variate",
    functions=("control_variate",),
    difficulty=2,
    minutes=20,
    concepts=("control variates",),
)
SVRG = Exercise(
    id="so-svrg",
    notebook="1_6_advanced_topics",
    title="SVRG",
    functions=("svrg",),
    difficulty=4,
    minutes=30,
    concepts=("SVRG", "control variates"),
)
SAGA = Exercise(
    id="so-saga",
    notebook="1_6_advanced_topics",
    title="SAGA",
    functions=("saga",),
    difficulty=4,
    minutes=30,
    concepts=("SAGA", "control variates"),
)
TOP_K = Exercise(
    id="so-top-k",
    notebook="1_6_advanced_topics",
    title="Top-k with error feedback",
    functions=("TopKCompressor",),
    difficulty=3,
    minutes=25,
    concepts=("communication compression",),
)
QUANTIZE = Exercise(
    id="so-quantize",
    notebook="1_6_advanced_topics",
    title="Stochastic quantization",
    functions=("stochastic_quantize",),
    difficulty=3,
    minutes=25,
    concepts=("communication compression",),
)
TEMPERATURE = Exercise(
    id="so-temperature",
    notebook="1_6_advanced_topics",
    title="Learning rate at equal temperature",
    functions=("matched_lr",),
    difficulty=1,
    minutes=5,
    concepts=("large-scale view",),
)
NOISE_TRACKER = Exercise(
    id="so-noise-tracker",
    notebook="1_6_advanced_topics",
    title="Noise scale over a run",
    functions=("NoiseScaleTracker",),
    difficulty=3,
    minutes=20,
    concepts=("LLM pretraining noise", "gradient noise scale"),
)


def check_form(got, like, name, mistakes=None):
    """Whether `got` is a finite tensor of the shape of `like`: any value is in tolerance. Mistakes have values one."""
    expect_close(got, torch.ones_like(like), name=name, mistakes=mistakes, rtol=math.inf, atol=math.inf)


def parts(got, count, name, what, numbers=True):
    """The entries of a returned tuple (or list, or, where they are numbers, a vector)."""
    if numbers and isinstance(got, (torch.Tensor, np.ndarray)) and tuple(got.shape) == (count,):
        return list(got)
    if isinstance(got, (list, tuple)) and len(got) == count:
        return list(got)
    if got is None:
        raise Mistake(f"`{name}` returned None: is `return` missing?")
    size = f" of {len(got)}" if isinstance(got, (list, tuple, dict)) else ""
    raise Mistake(f"`{name}` returned a {type(got).__name__}{size}: return the tuple {what}")


# so-noise-scale


def measured(generator, pairs, signal, noise, b_small, b_big, spread):
    """Squared norms that scatter about signal + noise/B, as two lists; their means hardly do."""

    def draw(size):
        factors = 2 * spread * torch.rand(pairs, generator=generator, dtype=torch.float64)
        factors += 1 + uniform(generator, -0.03, 0.03) - factors.mean()
        return ((signal + noise / size) * factors).tolist()

    return draw(b_small), draw(b_big)


# The numbers of pairs are even, lest the median be one of the pairs.


def scales(answer, n_small, n_big, b_small, b_big, name):
    return parts(answer.noise_scale(n_small, n_big, b_small, b_big), 3, name, "(G2, S, B_simple)")


TABLES = (signal_mistakes, trace_mistakes, quotient_mistakes)


def check_scale(answer, n_small, n_big, b_small, b_big, which=(0, 1, 2), what="", rtol=None):
    """Compare the entries `which` of (G2, S, B_simple)."""
    name = "noise_scale(n_small, n_big, b_small, b_big)" + what
    got = scales(answer, n_small, n_big, b_small, b_big, name)
    expected = noise_scale_of(n_small, n_big, b_small, b_big)
    for part in which:
        table = TABLES[part](n_small, n_big, b_small, b_big)
        if part == 2 and not matches(got[2], expected[2], name):
            table = own_quotient(got, table)
        expect_number(got[part], expected[part], name=f"{name}[{part}]", mistakes=table, rtol=rtol)


def own_quotient(got, table):
    """With a wrong G2 or S the quotient of the two is wrong as well: say so where nothing better is known."""
    try:
        quotient = float(got[1]) / float(got[0])
    except (TypeError, ValueError, ZeroDivisionError):
        return table
    return table | {"B_simple is the quotient of your S and G2, which are wrong: mend those first": quotient}


def check_part(answer, generator, part, sizes, spread):
    """Entry `part` of the result, from pairs that scatter by `spread`; `sizes`: (pairs, b_small, b_big) a call."""
    for pairs, b_small, b_big in sizes:
        signal, noise = uniform(generator, 1.0, 3.0), uniform(generator, 20.0, 40.0)
        n_small, n_big = measured(generator, pairs, signal, noise, b_small, b_big, spread)
        check_scale(answer, n_small, n_big, b_small, b_big, (part,), f" with {pairs} pair{'s' * (pairs > 1)}")


@grade(NOISE_SCALE, points=1)
def test_noise_scale_signal(answer, generator):
    """G2, the squared norm of the gradient without noise"""
    check_part(answer, generator, 0, [(1, 4, 24), (6, 3, 32)], 0.15)


@grade(NOISE_SCALE, points=1)
def test_noise_scale_trace(answer, generator):
    """S, the trace of the covariance of a single sample's gradient"""
    check_part(answer, generator, 1, [(1, 4, 24), (6, 3, 32)], 0.15)


@grade(NOISE_SCALE, points=2)
def test_noise_scale_ratio_of_means(answer, generator):
    """B_simple from many noisy pairs: average first, divide once"""
    check_part(answer, generator, 2, [(8, 4, 24), (40, 6, 50)], 0.35)


@grade(NOISE_SCALE, points=1, hidden=True)
def test_noise_scale_sizes(answer, generator):
    """Batch size 1, neighbouring and far batch sizes, large and small gradients"""
    for pairs, b_small, b_big, unit in [(6, 1, 16, 1.0), (4, 3, 8, 1e-4), (4, 5, 4000, 1e3)]:
        signal, noise = unit * uniform(generator, 1.0, 3.0), unit * uniform(generator, 20.0, 40.0)
        n_small, n_big = measured(generator, pairs, signal, noise, b_small, b_big, 0.1)
        check_scale(answer, n_small, n_big, b_small, b_big)


@grade(NOISE_SCALE, points=1, hidden=True)
def test_noise_scale_negative(answer, generator):
    """A negative G2: all three come back as they are"""
    noise = uniform(generator, 28.0, 36.0)
    n_small, n_big = measured(generator, 4, -0.5, noise, 4, 32, 0.02)
    check_scale(answer, n_small, n_big, 4, 32, what=" with a negative G2")
    # Some pairs negative, their mean is not.
    n_small = [8.0 + uniform(generator, 0.0, 1.0), 6.0 + uniform(generator, 0.0, 1.0)]
    n_big = [0.7, 4.0 + uniform(generator, 0.0, 1.0)]
    check_scale(answer, n_small, n_big, 4, 32, what=" where some pairs have a negative G2")


def as_column(values):
    return torch.tensor(values, dtype=torch.float64)


@grade(NOISE_SCALE, points=1)
def test_noise_scale_containers(answer, generator):
    """Tensors instead of lists, float32, views that are not contiguous"""
    n_small, n_big = measured(generator, 6, uniform(generator, 1.0, 3.0), 30.0, 4, 24, 0.15)
    check_scale(answer, as_column(n_small), as_column(n_big), 4, 24, what=" with tensors")
    check_scale(answer, strided(as_column(n_small)), strided(as_column(n_big)), 4, 24, what=" with strided tensors")
    small, big = as_column(n_small).float(), as_column(n_big).float()
    check_scale(answer, small, big, 4, 24, what=" in float32", rtol=1e-4)


@grade(NOISE_SCALE, points=1)
def test_noise_scale_arguments(answer, generator):
    """ValueError for sequences that are no pairs and for batch sizes out of order"""
    call = answer.noise_scale
    n_small, n_big = measured(generator, 3, 2.0, 30.0, 4, 24, 0.15)
    scales(answer, n_small, n_big, 4, 24, "noise_scale(n_small, n_big, b_small, b_big)")
    lengths = ("n_small", "n_big")
    expect_error(call, n_small, n_big[:2], 4, 24, names=lengths, what="3 entries in n_small and 2 in n_big")
    expect_error(call, [], [], 4, 24, names=lengths, what="empty n_small and n_big")
    sizes = ("b_small", "b_big")
    expect_error(call, n_small, n_big, 24, 4, names=sizes, what="b_small = 24 with b_big = 4")
    expect_error(call, n_small, n_big, 8, 8, names=sizes, what="b_small = b_big")
    expect_error(call, n_small, n_big, 0, 8, names=sizes, what="b_small = 0")
    expect_error(call, n_small, n_big, -4, 8, names=sizes, what="b_small = -4")


# so-control-variate


def correlated(generator, n, slope, noise=1.0, offset=2.0):
    """Samples f that follow h up to noise, h, and a known mean of h that is not the sample's."""
    h = 1.0 + uniform(generator, 0.5, 1.5) * normal(generator, n)
    f = offset + slope * h + noise * normal(generator, n)
    return f, h, h.mean().item() + uniform(generator, 0.4, 0.9)


CONTROL_WHAT = "(estimate, variance_ratio)"


# An answer may work in float32: an estimate near zero, or a ratio near zero, then has only its absolute accuracy.
SINGLE = 1e-6


def check_estimate(answer, f, h, h_mean, name, **tolerance):
    got = parts(answer.control_variate(f, h, h_mean), 2, name, CONTROL_WHAT)
    slope = (f.double().mean().item() - controlled(f, h, h_mean)[0]) / (h.double().mean().item() - h_mean)
    adjusted = f.double() - slope * (h.double() - h_mean)
    expect_number(
        got[0],
        controlled(f, h, h_mean)[0],
        name=f"{name}[0]",
        mistakes=estimate_mistakes(f, h, h_mean),
        tensors={"All corrected samples came back: the estimate is their mean": adjusted},
        atol=SINGLE * f.abs().max().item(),
        **tolerance,
    )


def check_ratio(answer, f, h, h_mean, name, **tolerance):
    got = parts(answer.control_variate(f, h, h_mean), 2, name, CONTROL_WHAT)
    expected = controlled(f, h, h_mean)[1]
    tolerance = {"atol": SINGLE} | tolerance
    expect_number(got[1], expected, name=f"{name}[1]", mistakes=ratio_mistakes(f, h, h_mean), **tolerance)


@grade(CONTROL_VARIATE, points=2)
def test_control_variate_estimate(answer, generator):
    """The estimate with the best coefficient"""
    for n, slope in [(12, 1.7), (30, -0.6)]:
        f, h, h_mean = correlated(generator, n, slope)
        check_estimate(answer, f, h, h_mean, f"control_variate(f, h, h_mean) with n = {n}")


@grade(CONTROL_VARIATE, points=2)
def test_control_variate_ratio(answer, generator):
    """Variance after over variance before, 1 - rho^2"""
    for n, slope in [(12, 1.7), (30, -0.6)]:
        f, h, h_mean = correlated(generator, n, slope)
        check_ratio(answer, f, h, h_mean, f"control_variate(f, h, h_mean) with n = {n}")


@grade(CONTROL_VARIATE, points=1, hidden=True)
def test_control_variate_extremes(answer, generator):
    """f on a line in h, weak correlation, very different scales, three samples"""
    f, h, h_mean = correlated(generator, 9, -2.3, noise=0.0)
    check_estimate(answer, f, h, h_mean, "control_variate(f, h, h_mean) with f a line in h")
    # Nothing is left; 1 - rho^2 then is rounding error, of float32 where that was used.
    check_ratio(answer, f, h, h_mean, "control_variate(f, h, h_mean) with f a line in h", atol=1e-5)
    for n, slope, unit in [(25, 0.2, 1.0), (10, 0.8, 1e-3), (14, 1.2, 1e3), (3, 1.4, 1.0)]:
        f, h, h_mean = correlated(generator, n, slope)
        check_estimate(answer, unit * f, h, h_mean, "control_variate(f, h, h_mean)")
        check_estimate(answer, f, unit * h, unit * h_mean, "control_variate(f, h, h_mean)")
        check_ratio(answer, unit * f, h, h_mean, "control_variate(f, h, h_mean)")


@grade(CONTROL_VARIATE, points=1)
def test_control_variate_layouts(answer, generator):
    """float32 input, and views that are not contiguous"""
    f, h, h_mean = correlated(generator, 15, 1.3)
    for one, other, what in [(strided(f), strided(h), "strided views"), (f.float(), h.float(), "float32")]:
        tolerance = {"rtol": 1e-4} if what == "float32" else {}
        name = f"control_variate(f, h, h_mean) with {what}"
        check_estimate(answer, one, other, h_mean, name, **tolerance)
        check_ratio(answer, one, other, h_mean, name, **tolerance)


@grade(CONTROL_VARIATE, points=1)
def test_control_variate_arguments(answer, generator):
    """ValueError for shapes that do not fit and for a constant h"""
    call = answer.control_variate
    f, h, h_mean = correlated(generator, 8, 1.3)
    parts(call(f, h, h_mean), 2, "control_variate(f, h, h_mean)", CONTROL_WHAT)
    names = ("h", "f")
    expect_error(call, f, h[:5], h_mean, names=names, what="8 samples f and 5 samples h")
    expect_error(call, f, h[:, None], h_mean, names=names, what="an h of shape (n, 1)")
    expect_error(call, f[:, None], h[:, None], h_mean, names=names, what="f and h of shape (n, 1)")
    # Whole numbers: the sample mean is exact, and so is the variance 0.
    constant = torch.full_like(h, float(torch.randint(1, 9, (), generator=generator)))
    expect_error(call, f, constant, h_mean, names=("h",), what="a constant h")
    expect_error(call, f[:1], h[:1], h_mean, names=names, what="a single sample")


# so-svrg and so-saga

NO_SVRG = (
    "These are not the iterates of SVRG, and the calls fit no known mistake: in an epoch grad_i is asked for all n "
    "samples at the snapshot, then with one index at theta and at the snapshot in each inner step"
)
NO_SAGA = (
    "These are not the iterates of SAGA, and the calls fit no known mistake: grad_i is asked for all n samples at "
    "theta0, then for one sample at the current theta in each step"
)


def fresh(generator):
    """Another generator, seeded by this one."""
    return torch.Generator().manual_seed(int(torch.randint(2**40, (), generator=generator)))


def problem(generator, n, dim):
    """Sample gradients, a start away from the optimum, and a learning rate at which every step is seen."""
    samples = SampleGradients(generator, n, dim)
    theta0 = 3.0 + torch.rand(dim, generator=generator, dtype=torch.float64)
    lr = uniform(generator, 0.3, 0.5) / torch.linalg.eigvalsh(samples.hessians).max().item()
    return samples, theta0, lr


def run_svrg(answer, samples, theta0, lr, epochs, inner, generator):
    samples.start()
    got = answer.svrg(samples.grad_i, samples.n, theta0, lr, epochs, inner, fresh(generator))
    samples.check_indices()
    return got


def check_svrg(answer, samples, theta0, lr, epochs, inner, generator, name, **tolerance):
    got = run_svrg(answer, samples, theta0, lr, epochs, inner, generator)
    if isinstance(got, (list, tuple)):
        raise Mistake(f"`{name}` returned a {type(got).__name__}: stack the snapshots into a tensor (epochs + 1, d)")
    replay = replay_svrg(samples, theta0, lr, epochs, inner)
    if replay is not None and matches(got, replay[0].to(theta0.dtype), name):
        expect_close(got, replay[0].to(theta0.dtype), name=name, **tolerance)  # with its notes
        return
    if isinstance(got, np.ndarray):
        got = torch.from_numpy(np.array(got))
    rows = as_float64(got) if isinstance(got, torch.Tensor) else theta0.double()[None]
    rows = rows.reshape(-1, len(theta0)) if rows.numel() % len(theta0) == 0 else theta0.double()[None]
    table = svrg_mistakes(samples, theta0, lr, epochs, inner, rows)
    # Where the answer left the path of SVRG nothing is expected: any value that no mistake gives is as wrong.
    expected = replay[0] if replay else torch.full((epochs + 1, len(theta0)), math.inf, dtype=torch.float64)
    try:
        expect_close(got, expected, name=name, mistakes=table, **tolerance)
    except Mistake as mistake:
        shapes = isinstance(got, torch.Tensor) and got.shape == expected.shape
        if str(mistake) in table or replay is not None or not shapes or bool(torch.isnan(rows).any()):
            raise
        raise Mistake(NO_SVRG) from None


@grade(SVRG, points=2)
def test_svrg_snapshots(answer, generator):
    """Snapshots of two epochs, replayed with the indices that were asked for"""
    samples, theta0, lr = problem(generator, 4, 3)
    check_svrg(
        answer, samples, theta0, lr, 2, 5, generator, "svrg(grad_i, 4, theta0, lr, epochs=2, inner=5, generator)"
    )


@grade(SVRG, points=1, hidden=True)
def test_svrg_renewal(answer, generator):
    """Several epochs: snapshot and full gradient are renewed together"""
    samples, theta0, lr = problem(generator, 3, 4)
    check_svrg(answer, samples, theta0, lr, 3, 4, generator, "svrg(grad_i, n, theta0, lr, epochs, inner, generator)")


@grade(SVRG, points=1)
def test_svrg_calls(answer, generator):
    """n + 2 inner gradients an epoch"""
    epochs, inner = 2, 6
    samples, theta0, lr = problem(generator, 5, 2)
    got = run_svrg(answer, samples, theta0, lr, epochs, inner, generator)
    if got is None:
        raise Mistake("`svrg` returned None: is `return` missing?")
    count, allowed = len(samples.calls), epochs * (samples.n + 2 * inner)
    promised = f"n + 2 inner gradients an epoch are {allowed} with n = 5, epochs = 2, inner = 6"
    if count > allowed:
        raise Mistake(f"grad_i is called {count} times: {promised}")
    # The two gradients of an epoch's first step are equal: leaving out one or both of them is fine.
    if count < allowed - 2 * epochs:
        replay = replay_svrg(samples, theta0, lr, epochs, inner)
        kept = replay is not None and matches(got, replay[0], "svrg(...)")
        why = ", so the n gradients of the snapshot are kept in a table" if kept else ""
        raise Mistake(f"grad_i is called {count} times{why}: {promised}")


def draws_of(samples, replay, patterns):
    """The indices drawn in each epoch, from the replay or else from the order of the calls."""
    if replay is not None:
        return replay[1]
    if not patterns:
        raise Mistake("the calls of grad_i show no index for each step: see the other tests first")
    return patterns[0][1]


def check_draws(first, second, repeated, indices, n):
    """The draws of two runs from different seeds, each a list of epochs; `repeated` the indices of the first again."""
    if indices != repeated:
        raise Mistake("Two runs with generators of the same seed differ: draw the indices from `generator` alone")
    epochs = first + second
    seen = {i for drawn in epochs for i in drawn}
    count = sum(map(len, epochs))
    if all(len(set(drawn)) == 1 for drawn in epochs):
        raise Mistake("One index serves a whole run of steps: draw afresh in each of them")
    if first == second:
        raise Mistake("Generators of different seeds give the same indices: draw them from `generator`")
    if len(seen) < n:
        missing = "The last sample" if seen == set(range(n - 1)) else "Some sample"
        missing = "The first sample" if seen == set(range(1, n)) else missing
        raise Mistake(f"{missing} is never drawn in {count} draws from {n}: indices are uniform on 0, ..., n - 1")
    for offset in range(n):
        blocks = [drawn[k : k + n] for drawn in epochs for k in range(offset, len(drawn) - n + 1, n)]
        if all(len(set(block)) == n for block in blocks):
            raise Mistake(
                "Every sample comes once before any comes again: draw with replacement, each index independently"
            )


@grade(SVRG, points=1, hidden=True)
def test_svrg_draws(answer, generator):
    """Indices are uniform, with replacement, and come from the generator"""
    n, inner = 3, 21
    samples, theta0, _ = problem(generator, n, 3)
    lr = 0.05 / torch.linalg.eigvalsh(samples.hessians).max().item()
    seeds = [int(torch.randint(2**40, (), generator=generator)) for _ in range(2)]
    drawn, indices = [], []
    for seed in (seeds[0], seeds[0], seeds[1]):
        samples.start()
        answer.svrg(samples.grad_i, n, theta0, lr, 1, inner, torch.Generator().manual_seed(seed))
        samples.check_indices()
        replay = replay_svrg(samples, theta0, lr, 1, inner)
        drawn.append(draws_of(samples, replay, svrg_patterns(samples.indices, n, 1, inner)))
        indices.append(samples.indices)
    check_draws(drawn[0], drawn[2], indices[1], indices[0], n)


@grade(SVRG, points=1)
def test_svrg_edges(answer, generator):
    """No epoch, one sample, one inner step, float32 and a strided start"""
    samples, theta0, lr = problem(generator, 3, 2)
    check_svrg(answer, samples, theta0, lr, 0, 3, generator, "svrg(...) with epochs = 0")
    # One inner step is a step of gradient descent, whatever the index; with one sample every step is.
    check_svrg(answer, samples, theta0, lr, 3, 1, generator, "svrg(...) with inner = 1")
    single, start, rate = problem(generator, 1, 3)
    check_svrg(answer, single, start, rate, 2, 3, generator, "svrg(...) with n = 1")
    check_svrg(answer, samples, strided(theta0), lr, 2, 3, generator, "svrg(...) with a strided theta0")
    check_svrg(answer, samples, theta0.float(), lr, 2, 3, generator, "svrg(...) in float32", rtol=1e-4)


def optimum_of(samples):
    total = torch.einsum("nij,nj->i", samples.hessians, samples.centres)
    return torch.linalg.solve(samples.hessians.sum(dim=0), total)


@grade(SVRG, points=1, hidden=True)
def test_svrg_optimum(answer, generator):
    """Other sizes; and started at the optimum, where sample gradients differ, the snapshots stay there"""
    samples, theta0, lr = problem(generator, 5, 2)
    epochs, inner = 2, 4
    name = "svrg(grad_i, n, theta0, lr, epochs, inner, generator)"
    check_svrg(answer, samples, theta0, lr, epochs, inner, generator, name)
    # The noise vanishes as theta and snapshot near the optimum together; that of plain SGD does not.
    optimum = optimum_of(samples)
    got = run_svrg(answer, samples, optimum, lr, epochs, inner, generator)
    table = svrg_mistakes(samples, optimum, lr, epochs, inner, optimum[None])
    stays = optimum.expand(epochs + 1, -1)
    expect_close(got, stays, name=f"{name} from the optimum", mistakes=table, atol=1e-5)


SAGA_WHAT = "(theta, table)"


def run_saga(answer, samples, theta0, lr, steps, generator, name):
    samples.start()
    got = answer.saga(samples.grad_i, samples.n, theta0, lr, steps, fresh(generator))
    samples.check_indices()
    return parts(got, 2, name, SAGA_WHAT, numbers=False)


def check_saga(answer, samples, theta0, lr, steps, generator, name, **tolerance):
    theta, _ = run_saga(answer, samples, theta0, lr, steps, generator, name)
    replay = replay_saga(samples, theta0, lr, steps)
    if replay is not None and matches(theta, replay[0].to(theta0.dtype), name):
        expect_close(theta, replay[0].to(theta0.dtype), name=f"{name}[0]", **tolerance)
        return
    table = saga_mistakes(samples, theta0, lr, steps)
    expected = replay[0] if replay else torch.full_like(theta0.double(), math.inf)
    try:
        expect_close(theta, expected, name=f"{name}[0]", mistakes=table, **tolerance)
    except Mistake as mistake:
        shapes = isinstance(theta, (torch.Tensor, np.ndarray)) and tuple(theta.shape) == tuple(theta0.shape)
        if str(mistake) in table or replay is not None or not shapes:
            raise
        raise Mistake(NO_SAGA) from None


def check_table(answer, samples, theta0, lr, steps, generator, name, **tolerance):
    theta, table = run_saga(answer, samples, theta0, lr, steps, generator, name)
    if isinstance(table, (list, tuple)):
        raise Mistake(f"`{name}[1]` is a {type(table).__name__}: stack the gradients into a tensor (n, d)")
    last = as_float64(theta) if isinstance(theta, torch.Tensor) else theta0.double()
    expected, mistakes = table_mistakes(samples, theta0, last, steps)
    expect_close(table, expected.to(theta0.dtype), name=f"{name}[1]", mistakes=mistakes, **tolerance)


@grade(SAGA, points=2)
def test_saga_theta(answer, generator):
    """The last theta, replayed with the indices that were asked for"""
    for n, dim, steps in [(4, 3, 9), (3, 2, 12)]:
        samples, theta0, lr = problem(generator, n, dim)
        name = f"saga(grad_i, {n}, theta0, lr, steps={steps}, generator)"
        check_saga(answer, samples, theta0, lr, steps, generator, name)


@grade(SAGA, points=1)
def test_saga_table(answer, generator):
    """Row i of the table is the gradient that was last computed for sample i"""
    for n, dim, steps in [(4, 3, 6), (6, 2, 5)]:
        samples, theta0, lr = problem(generator, n, dim)
        name = f"saga(grad_i, {n}, theta0, lr, steps={steps}, generator)"
        check_table(answer, samples, theta0, lr, steps, generator, name)


@grade(SAGA, points=1, hidden=True)
def test_saga_optimum(answer, generator):
    """Other sizes; and started at the optimum with gradients that differ, theta stays there"""
    samples, theta0, lr = problem(generator, 5, 2)
    name = "saga(grad_i, n, theta0, lr, steps, generator)"
    check_saga(answer, samples, theta0, lr, 7, generator, name)
    optimum = optimum_of(samples)
    theta, _ = run_saga(answer, samples, optimum, lr, 8, generator, name)
    table = saga_mistakes(samples, optimum, lr, 8)
    expect_close(theta, optimum, name=f"{name}[0] from the optimum", mistakes=table, atol=1e-5)


@grade(SAGA, points=1)
def test_saga_calls(answer, generator):
    """n + steps gradients in all"""
    steps = 8
    samples, theta0, lr = problem(generator, 5, 2)
    run_saga(answer, samples, theta0, lr, steps, generator, "saga(grad_i, 5, theta0, lr, steps=8, generator)")
    count, allowed = len(samples.calls), samples.n + steps
    if count == allowed:
        return
    promised = f"n + steps gradients are {allowed} with n = 5 and steps = 8"
    if count == steps:
        raise Mistake(f"grad_i is called {count} times, so the table does not start with the n gradients: {promised}")
    if count == samples.n + 2 * steps:
        raise Mistake(
            f"grad_i is called {count} times, twice in each step: use its result for the table too, {promised}"
        )
    if count >= samples.n * steps:
        raise Mistake(f"grad_i is called {count} times, for all samples in each step: {promised}")
    if count == allowed - 1:
        return  # the first step follows the mean of the table, whatever its index: nothing is lost by not asking
    raise Mistake(f"grad_i is called {count} times: {promised}")


@grade(SAGA, points=1, hidden=True)
def test_saga_draws(answer, generator):
    """Indices are uniform, with replacement, and come from the generator"""
    n, steps = 3, 21
    samples, theta0, _ = problem(generator, n, 3)
    lr = 0.05 / torch.linalg.eigvalsh(samples.hessians).max().item()
    seeds = [int(torch.randint(2**40, (), generator=generator)) for _ in range(2)]
    drawn, indices = [], []
    for seed in (seeds[0], seeds[0], seeds[1]):
        samples.start()
        answer.saga(samples.grad_i, n, theta0, lr, steps, torch.Generator().manual_seed(seed))
        samples.check_indices()
        replay = replay_saga(samples, theta0, lr, steps)
        replay = replay and (replay[0], [replay[1]])
        patterns = [(pattern, [found]) for pattern, found in saga_patterns(samples.indices, n, steps)]
        drawn.append(draws_of(samples, replay, patterns))
        indices.append(samples.indices)
    check_draws(drawn[0], drawn[2], indices[1], indices[0], n)


@grade(SAGA, points=1)
def test_saga_edges(answer, generator):
    """No step, one step, one sample, float32 and a strided start"""
    samples, theta0, lr = problem(generator, 3, 2)
    for steps in (0, 1):
        check_saga(answer, samples, theta0, lr, steps, generator, f"saga(...) with steps = {steps}")
        check_table(answer, samples, theta0, lr, steps, generator, f"saga(...) with steps = {steps}")
    single, start, rate = problem(generator, 1, 3)
    check_saga(answer, single, start, rate, 4, generator, "saga(...) with n = 1")
    check_saga(answer, samples, strided(theta0), lr, 5, generator, "saga(...) with a strided theta0")
    check_saga(answer, samples, theta0.float(), lr, 5, generator, "saga(...) in float32", rtol=1e-4)
    check_table(answer, samples, theta0.float(), lr, 5, generator, "saga(...) in float32", rtol=1e-4)


def rejects(call, samples, theta0, changes, order, valid):
    """`expect_error` for each (argument, value) in `changes`."""
    for argument, value in changes:
        arguments = dict(valid, **{argument: value})
        expect_error(
            call,
            samples.grad_i,
            arguments["n"],
            theta0,
            0.1,
            *(arguments[key] for key in order),
            torch.Generator().manual_seed(0),
            names=(argument,),
            what=f"{argument} = {value}",
        )


@grade(SVRG, points=1)
def test_svrg_arguments(answer, generator):
    """ValueError for n or inner below 1 and for negative epochs"""
    samples, theta0, lr = problem(generator, 3, 2)
    if run_svrg(answer, samples, theta0, lr, 1, 2, generator) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    changes = [("n", 0), ("inner", 0), ("inner", -3), ("epochs", -1)]
    rejects(answer.svrg, samples, theta0, changes, ("epochs", "inner"), {"n": 3, "epochs": 2, "inner": 2})


@grade(SAGA, points=1)
def test_saga_arguments(answer, generator):
    """ValueError for n below 1 and for negative steps"""
    samples, theta0, lr = problem(generator, 3, 2)
    run_saga(answer, samples, theta0, lr, 2, generator, "saga(grad_i, 3, theta0, lr, 2, generator)")
    changes = [("n", 0), ("n", -2), ("steps", -1)]
    rejects(answer.saga, samples, theta0, changes, ("steps",), {"n": 3, "steps": 2})


# so-top-k


def compress_all(answer, k, gradients, later=False):
    """Messages of a new compressor; `later` says that it is not the first one of the test."""
    compressor, sent = answer.TopKCompressor(k), []
    for gradient in gradients:
        try:
            sent.append(compressor.compress(gradient))
        except AnswerError as failure:
            if k > gradient.numel() and not isinstance(failure.error, NotImplementedError):
                raise Mistake(f"{failure}: where k exceeds the number of entries, all of them are sent") from None
            if later and not sent and isinstance(failure.error, (ValueError, RuntimeError, IndexError)):
                raise Mistake(f"{failure}: does a new compressor share the residual of an earlier one?") from None
            raise
    return sent


def check_messages(got, gradients, k, name):
    """Whether each message is a top-k of its gradient plus what earlier messages held back; any of tied entries."""
    count = min(k, gradients[0].numel())
    dtype = gradients[0].dtype
    residual = torch.zeros(gradients[0].shape, dtype=torch.float64)
    sent, valid, too_many = [], True, 0
    for gradient, one in zip(gradients, got, strict=True):
        check_form(one, gradient, name, shape_mistakes(gradient, count))
        message = as_float64(as_tensor(one, name, gradient.shape))
        corrected = gradient.double() + residual
        tolerance = (
            1e-4 if low_precision(dtype) or low_precision(as_tensor(one, name, gradient.shape).dtype) else 1e-9
        ) * (1 + corrected.abs().max().item())
        here = message != 0
        too_many = max(too_many, int(here.sum()))
        held = corrected[~here].abs()
        least = corrected[here].abs().min().item() if here.any() else math.inf
        valid &= bool(((message - corrected).abs()[here] <= tolerance).all())
        valid &= int(here.sum()) <= count and not bool((held > least + tolerance).any())
        # Fewer than k entries are right only where nothing is left to send.
        valid &= int(here.sum()) == count or not bool((held > tolerance).any())
        residual = corrected - message
        sent.append(message)
    if valid:
        return
    expected, table = messages(gradients, k), top_k_mistakes(gradients, k)
    stacked = torch.stack(sent)
    try:
        expect_close(stacked.to(dtype), expected.to(dtype), name=name, mistakes=table)
    except Mistake as mistake:
        if str(mistake) not in table and too_many > count:
            raise Mistake(
                "a message has more than k entries that are not zero: send exactly k, also among ties"
            ) from None
        raise
    raise Mistake(f"`{name}` keeps entries that are not the k largest in magnitude")


def shape_mistakes(gradient, count):
    kept = "dense, of the shape of g"
    return {
        f"The k values alone came back: the message is {kept}": torch.ones(count, dtype=torch.float64),
        f"The message is flattened: it is {kept}": torch.ones(gradient.numel(), dtype=torch.float64),
    }


@grade(TOP_K, points=2)
def test_top_k_choice(answer, generator):
    """The first message: the k entries of largest magnitude, with their signs"""
    for index, (dim, k) in enumerate([(8, 3), (15, 4), (6, 1)]):
        gradient = normal(generator, dim)
        gradient[0], gradient[-1] = -2.5 - gradient[0].abs(), -3.0 - gradient[-1].abs()  # a large negative entry
        got = compress_all(answer, k, [gradient], later=index > 0)
        check_messages(got, [gradient], k, f"TopKCompressor({k}).compress(g) with d = {dim}")


@grade(TOP_K, points=2)
def test_top_k_feedback(answer, generator):
    """Messages of several gradients: what was not sent is added to the next"""
    for dim, k in [(8, 3), (12, 2)]:
        gradients = [normal(generator, dim) for _ in range(6)]
        got = compress_all(answer, k, gradients)
        check_messages(got, gradients, k, f"TopKCompressor({k}).compress(g), 6 calls with d = {dim}")


@grade(TOP_K, points=1, hidden=True)
def test_top_k_nothing_lost(answer, generator):
    """All gradients arrive in the end: with zeros to follow, the messages add up to the gradients"""
    dim, k = 7, 2
    gradients = [normal(generator, dim) for _ in range(3)] + [torch.zeros(dim, dtype=torch.float64)] * 4
    got = compress_all(answer, k, gradients)
    name = "compress(g) for gradients followed by zeros"
    check_messages(got, gradients, k, name)
    total = sum(as_float64(as_tensor(one, name, gradients[0].shape)) for one in got)
    expected = torch.stack(gradients).sum(dim=0)
    lost = "The messages do not add up to the gradients: what is not sent must stay in the residual"
    if not bool(((total - expected).abs() <= 1e-5).all()):
        raise Mistake(lost)


@grade(TOP_K, points=1)
def test_top_k_edges(answer, generator):
    """Ties, k as large as the tensor or larger, a gradient of zeros"""
    name = "TopKCompressor({}).compress(g) with "
    # Whole numbers: five entries of the same magnitude, in random places and with random signs.
    tied = torch.tensor([4.0, 4.0, 4.0, 4.0, 4.0, 1.0, 2.0, 1.0], dtype=torch.float64)
    signs = torch.where(torch.rand(8, generator=generator) < 0.5, -1.0, 1.0).double()
    tied = (tied * signs)[torch.randperm(8, generator=generator)]
    other = torch.tensor([3.0, 3.0, 3.0, 3.0, 2.0, 2.0, 1.0, -1.0], dtype=torch.float64)
    other = other[torch.randperm(8, generator=generator)]
    got = compress_all(answer, 3, [tied, other])
    check_messages(got, [tied, other], 3, name.format(3) + "entries of equal magnitude")
    for k in (5, 9):
        gradients = [normal(generator, 5), normal(generator, 5)]
        got = compress_all(answer, k, gradients)
        check_messages(got, gradients, k, name.format(k) + "d = 5")
    gradients = [torch.zeros(4, dtype=torch.float64), normal(generator, 4), normal(generator, 4)]
    got = compress_all(answer, 2, gradients)
    check_messages(got, gradients, 2, name.format(2) + "zeros first")


@grade(TOP_K, points=1, hidden=True)
def test_top_k_state(answer, generator):
    """Every compressor has its own residual, and messages stay as they were returned"""
    name = "compress(g) of two compressors in turn"
    ours, theirs = [[normal(generator, 9) for _ in range(4)] for _ in range(2)]
    first, second = answer.TopKCompressor(2), answer.TopKCompressor(3)
    buffer = torch.zeros(9, dtype=torch.float64)  # as `.grad`, which the next backward pass fills anew
    mine, other, copies = [], [], []
    for one, another in zip(ours, theirs, strict=True):
        buffer.copy_(one)
        mine.append(first.compress(buffer))
        copies.append(as_tensor(mine[-1], name, buffer.shape).clone())
        buffer.copy_(another)
        other.append(second.compress(buffer))
    changed = [
        not torch.equal(copy, as_tensor(one, name, buffer.shape)) for copy, one in zip(copies, mine, strict=True)
    ]
    if any(changed):
        raise Mistake("A message that was returned before is changed by a later call: return a new tensor each time")
    try:
        check_messages(copies, ours, 2, name)
        check_messages(other, theirs, 3, name)
    except Mistake:
        alone = answer.TopKCompressor(2)
        fresh_messages = [as_tensor(alone.compress(one), name, one.shape).clone() for one in ours]
        try:
            check_messages(fresh_messages, ours, 2, name)
        except Mistake as mistake:
            if not shared_memory(copies, other, ours, theirs):
                raise mistake from None
        raise Mistake("Two compressors share their residual: keep it on the object, set in __init__") from None


def shared_memory(mine, other, ours, theirs):
    """Whether these are the messages of two compressors with one residual for both."""
    residual = torch.zeros_like(ours[0])
    for pair in zip(ours, theirs, mine, other, strict=True):
        for gradient, k, message in ((pair[0], 2, pair[2]), (pair[1], 3, pair[3])):
            corrected = gradient + residual
            if not matches(message, largest(corrected, k), "message"):
                return False
            residual = corrected - largest(corrected, k)
    return True


@grade(TOP_K, points=1)
def test_top_k_layouts(answer, generator):
    """A matrix (k over all its entries), float32, views that are not contiguous"""
    name = "TopKCompressor({}).compress(g) with "
    for shape, k in [((4, 5), 3), ((6, 4), 2)]:
        gradients = [normal(generator, *shape) for _ in range(3)]
        got = compress_all(answer, k, gradients)
        check_messages(got, gradients, k, name.format(k) + f"a matrix {shape}")
        views = [columns_first(gradients[0]), strided(gradients[1]), gradients[2]]
        got = compress_all(answer, k, views)
        check_messages(got, gradients, k, name.format(k) + f"a matrix {shape} in other memory layouts")
    gradients = [normal(generator, 8).float() for _ in range(4)]
    got = compress_all(answer, 3, gradients)
    check_messages(got, gradients, 3, name.format(3) + "float32")


@grade(TOP_K, points=1)
def test_top_k_arguments(answer, generator):
    """ValueError for k below 1 and for a g of another shape"""
    gradient = normal(generator, 6)
    compressor = answer.TopKCompressor(2)
    if compressor.compress(gradient) is None:
        raise Mistake("`compress` returned None for valid arguments: is `return` missing?")
    expect_error(answer.TopKCompressor, 0, names=("k",), what="k = 0")
    expect_error(answer.TopKCompressor, -2, names=("k",), what="k = -2")
    names = ("g", "gradient", "shape")
    expect_error(compressor.compress, normal(generator, 4), names=names, what="a g of 4 entries after one of 6")
    # (1,) broadcasts against (6,), so that PyTorch itself would not complain.
    expect_error(compressor.compress, normal(generator, 1), names=names, what="a g of 1 entry after one of 6")


# so-quantize


def check_quantized(got, v, levels, name):
    """The result as float64, once it lies on the grid, next to v, with its signs."""
    check_form(got, v, name)
    value = as_tensor(got, name, v.shape)
    tolerance = 1e-2 if low_precision(value.dtype) or low_precision(v.dtype) else 1e-4
    value, v = as_float64(value), v.double()
    if on_grid(value, v, v.norm().item() / levels, tolerance):
        return value
    for sentence, shown in quantize_forms(value, v, levels, tolerance).items():
        if shown:
            raise Mistake(sentence)
    for sentence, step in other_steps(v, levels).items():
        if on_grid(value, v, step, tolerance):
            raise Mistake(sentence)
    units = value * levels / v.norm()
    if bool(((units - units.round()).abs() > tolerance).any()):
        raise Mistake(f"`{name}` has entries that are no multiples of norm(v)/levels")
    if bool((units * v < -tolerance).any()):
        raise Mistake(f"`{name}` has entries with another sign than v")
    raise Mistake(f"`{name}` has entries more than a step from v: round to the next level below or above")


def quantize(answer, v, levels, generator, name):
    try:
        got = answer.stochastic_quantize(v, levels, generator)
    except AnswerError as failure:
        if isinstance(failure.error, ZeroDivisionError):
            raise Mistake(f"{failure}: return zeros for the zero vector") from None
        raise
    return check_quantized(got, v, levels, name)


@grade(QUANTIZE, points=2)
def test_quantize_grid(answer, generator):
    """Entries are multiples of norm/levels, next below or above v, with its sign"""
    for dim, levels in [(7, 4), (20, 9), (5, 1), (12, 100)]:
        v = uniform(generator, 0.5, 5.0) * (normal(generator, dim) + 0.2)
        quantize(answer, v, levels, fresh(generator), f"stochastic_quantize(v, {levels}, generator) with d = {dim}")


GROUP, SHARE = 800, 0.11


def groups(generator, floors, levels, size=GROUP):
    """(v, positions of each group, probabilities): groups of entries with the same place between two levels.

    Probabilities are well away from 0, 1/2 and 1; one more entry makes the norm what it must be.
    """
    low = torch.rand(len(floors), generator=generator, dtype=torch.float64) * 0.2
    chances = torch.where(torch.arange(len(floors)) % 2 == 0, 0.15 + low, 0.85 - low)
    places = torch.tensor(floors, dtype=torch.float64) + chances
    units = places.repeat_interleave(size)
    units = torch.cat([units, (levels**2 - units.square().sum()).sqrt()[None]])
    signs = torch.where(torch.rand(len(units), generator=generator) < 0.5, -1.0, 1.0).double()
    order = torch.randperm(len(units), generator=generator)
    v = (uniform(generator, 0.5, 2.0) / levels * units * signs)[order]
    where = torch.argsort(order)[:-1].reshape(len(floors), size)
    return v, where, chances


def shares_up(value, v, levels, where, floors):
    """Share of the entries of each group that were rounded up, and whether each entry was."""
    units = (value * levels / v.norm()).abs()
    up = units[where] - torch.tensor(floors, dtype=torch.float64)[:, None] > 0.5
    return up.double().mean(dim=1), up


FIXED = {
    "Entries are always rounded down: go up with probability l - floor(l)": lambda p: 0 * p,
    "Entries are always rounded up: go up with probability l - floor(l)": lambda p: 0 * p + 1,
    "Entries are rounded to the nearest level, always the same way: go up with probability l - floor(l)": torch.round,
    "Entries are rounded away from the nearest level: go up with probability l - floor(l)": lambda p: 1 - p.round(),
}
CHANCES = {
    "The probabilities are swapped: go up with probability l - floor(l), not down": lambda p: 1 - p,
    "Up and down are equally likely: go up with probability l - floor(l)": lambda p: 0 * p + 0.5,
    "The probability is squared: go up with probability l - floor(l)": lambda p: p**2,
    "The root of the probability is used: go up with probability l - floor(l)": torch.sqrt,
}


@grade(QUANTIZE, points=2)
def test_quantize_unbiased(answer, generator):
    """Rounded up with probability l - floor(l), so that the mean is v"""
    for floors, levels in [((0, 1, 2, 0), 120), ((0, 0, 0, 1), 200)]:
        v, where, chances = groups(generator, floors, levels)
        name = f"stochastic_quantize(v, {levels}, generator) with d = {len(v)}"
        value = quantize(answer, v, levels, fresh(generator), name)
        shares, _ = shares_up(value, v, levels, where, floors)
        if bool(((shares - chances).abs() <= SHARE).all()):
            continue
        if bool(((shares == 0) | (shares == 1)).all()):
            # Without chance, or one random number for all entries? Then other seeds give other results.
            for _ in range(6):
                again = quantize(answer, v, levels, fresh(generator), name)
                if not torch.equal(again, value):
                    raise Mistake("One random number serves all entries: draw one for each")
            for sentence, rule in FIXED.items():
                if torch.equal(shares, rule(chances)):
                    raise Mistake(sentence)
        for sentence, rule in CHANCES.items():
            if bool(((shares - rule(chances)).abs() <= 0.08).all()):
                raise Mistake(sentence)
        group = int((shares - chances).abs().argmax())
        raise Mistake(
            f"Of {GROUP} entries with l - floor(l) = {chances[group]:.3f} the share {shares[group]:.3f} was rounded "
            "up: the result is biased"
        )


@grade(QUANTIZE, points=1, hidden=True)
def test_quantize_generator(answer, generator):
    """Random numbers come from the generator, which moves on"""
    floors, levels = (0, 1, 0, 1), 150
    v, _, _ = groups(generator, floors, levels, size=50)
    name = "stochastic_quantize(v, levels, generator)"
    seeds = [int(torch.randint(2**40, (), generator=generator)) for _ in range(2)]

    def rounds(seed, count=1):
        source = torch.Generator().manual_seed(seed)
        return [quantize(answer, v, levels, source, name) for _ in range(count)]

    one, next_one = rounds(seeds[0], 2)
    if not torch.equal(one, rounds(seeds[0])[0]):
        raise Mistake("Two generators of the same seed give different results: draw from `generator` alone")
    if torch.equal(one, rounds(seeds[1])[0]):
        raise Mistake("Generators of different seeds give the same result: draw from `generator`")
    if torch.equal(one, next_one):
        raise Mistake("Two calls with one generator round alike: use it up, do not seed anything with it again")


@grade(QUANTIZE, points=1)
def test_quantize_zero(answer, generator):
    """The zero vector gives zeros; a vector on the grid comes back as it is"""
    for levels in (1, 6):
        name = f"stochastic_quantize(torch.zeros(4), {levels}, generator)"
        try:
            got = answer.stochastic_quantize(torch.zeros(4, dtype=torch.float64), levels, fresh(generator))
        except AnswerError as failure:
            if isinstance(failure.error, (ZeroDivisionError, ValueError, RuntimeError)):
                raise Mistake("The zero vector has norm 0: return zeros before dividing by it") from None
            raise
        if isinstance(got, (torch.Tensor, np.ndarray)) and bool(
            np.isnan(np.asarray(torch.as_tensor(got).detach())).any()
        ):
            raise Mistake("NaN for the zero vector, whose norm is 0: return zeros before dividing by it")
        expect_close(got, torch.zeros(4, dtype=torch.float64), name=name)
    # 3-4-5: with 5 steps from 0 to the norm 5 every entry lies on the grid. A single entry is the norm itself.
    size = float(torch.randint(1, 9, (), generator=generator))
    exact = size * torch.tensor([0.0, 3.0, 0.0, -4.0], dtype=torch.float64)[torch.randperm(4, generator=generator)]
    alone = normal(generator, 1) + 3.0
    for v, levels in [(exact, 5), (alone, 3), (-alone, 1)]:
        name = f"stochastic_quantize(v, {levels}, generator) with v on the grid"
        value = quantize(answer, v, levels, fresh(generator), name)
        expect_close(value, v, name=name, atol=1e-5)


@grade(QUANTIZE, points=1)
def test_quantize_layouts(answer, generator):
    """float32 input, and views that are not contiguous"""
    v = normal(generator, 14)
    quantize(answer, strided(v), 6, fresh(generator), "stochastic_quantize(v, 6, generator) with a strided v")
    quantize(answer, v.float(), 6, fresh(generator), "stochastic_quantize(v, 6, generator) in float32")


@grade(QUANTIZE, points=1)
def test_quantize_arguments(answer, generator):
    """ValueError for levels below 1"""
    call, v = answer.stochastic_quantize, normal(generator, 6)
    if call(v, 3, fresh(generator)) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(call, v, 0, fresh(generator), names=("levels",), what="levels = 0")
    expect_error(call, v, -3, fresh(generator), names=("levels",), what="levels = -3")


# so-temperature


def check_rate(answer, lr, batch, new_batch, shown=True):
    name = f"matched_lr({lr:.3g}, {batch}, {new_batch})" if shown else "matched_lr(lr, batch, new_batch)"
    mistakes = temperature_mistakes(lr, batch, new_batch)
    expect_number(answer.matched_lr(lr, batch, new_batch), matched(lr, batch, new_batch), name=name, mistakes=mistakes)


@grade(TEMPERATURE, points=2)
def test_matched_lr_larger(answer, generator):
    """A larger batch"""
    for batch, new_batch in [(32, 256), (256, 1280), (8, 24)]:
        check_rate(answer, uniform(generator, 0.03, 0.3), batch, new_batch)


@grade(TEMPERATURE, points=1)
def test_matched_lr_smaller(answer, generator):
    """A smaller batch, and the same one"""
    for batch, new_batch in [(256, 32), (96, 16), (48, 48)]:
        check_rate(answer, uniform(generator, 0.03, 0.3), batch, new_batch)


@grade(TEMPERATURE, points=1, hidden=True)
def test_matched_lr_ratio(answer, generator):
    """Batch sizes that do not divide each other, large and small learning rates"""
    for batch, new_batch, low in [(96, 256, 1e-4), (256, 96, 1e-4), (7, 1000, 0.5), (1000, 7, 0.5), (1, 3, 2.0)]:
        check_rate(answer, uniform(generator, low, 2 * low), batch, new_batch, shown=False)


@grade(TEMPERATURE, points=1)
def test_matched_lr_arguments(answer, generator):
    """ValueError for batch sizes that are not positive"""
    call, lr = answer.matched_lr, uniform(generator, 0.03, 0.3)
    if call(lr, 8, 16) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(call, lr, 0, 16, names=("batch",), what="batch = 0")
    expect_error(call, lr, -8, 16, names=("batch",), what="batch = -8")
    expect_error(call, lr, 8, 0, names=("new_batch",), what="new_batch = 0")
    expect_error(call, lr, 8, -16, names=("new_batch",), what="new_batch = -16")


# so-noise-tracker


def reading(tracker, name):
    """`b_simple` as a float."""
    try:
        value = tracker.b_simple
    except AnswerError as failure:
        if isinstance(failure.error, ZeroDivisionError):
            raise Mistake("b_simple divides by zero before the first update: return float('nan') there") from None
        raise
    if callable(value) and not isinstance(value, torch.Tensor):
        raise Mistake("b_simple is a method: make it a property, with the decorator @property")
    if value is None:
        raise Mistake("b_simple is None: before the first update it is float('nan'), after it a float")
    # With any value in tolerance, `expect_close` checks no more than that it is a number; NaN equals NaN.
    try:
        infinite = not math.isfinite(float(value))
    except (TypeError, ValueError):
        infinite = False
    if not infinite:
        expect_close(value, 1.0, name=name, rtol=math.inf, atol=math.inf)
    return float(value)


def readings(tracker, updates, name):
    values = []
    for update in updates:
        tracker.update(*update)
        values.append(reading(tracker, name))
    return values


def check_readings(got, updates, decay, name, rtol=None, first=None):
    """`first` maps sentences to functions that give the readings; they come before the usual mistakes."""
    plain = [tuple(float(value) for value in update) for update in updates]
    mistakes = {
        sentence: (lambda value=value: torch.tensor(value(), dtype=torch.float64))
        for sentence, value in ((first or {}) | tracker_mistakes(plain, decay)).items()
    }
    expected = torch.tensor(tracked(plain, decay), dtype=torch.float64)
    have = torch.tensor(got, dtype=torch.float64)
    try:
        expect_close(have, expected, name=name, mistakes=mistakes, rtol=rtol)
    except Mistake as mistake:
        # A Python float does not show that it was computed in float32.
        if str(mistake) in mistakes or not bool(((have - expected).abs() <= 2e-6 * expected.abs()).all()):
            raise


def run_updates(generator, count, sizes, spread=0.15):
    """Updates (n_small, n_big, b_small, b_big) as gradients shrink and the noise stays."""
    updates = []
    for t in range(count):
        b_small, b_big = sizes[t % len(sizes)]
        signal, noise = uniform(generator, 1.5, 2.5) / (1 + 0.15 * t), uniform(generator, 20.0, 40.0)
        small, big = measured(generator, 1, signal, noise, b_small, b_big, spread)
        updates.append((small[0], big[0], b_small, b_big))
    return updates


@grade(NOISE_TRACKER, points=2)
def test_tracker_averages(answer, generator):
    """Numerator and denominator are averaged apart, with weight decay on the past"""
    for decay, sizes in [(0.8, (3, 24)), (0.6, (4, 50))]:
        updates = run_updates(generator, 7, [sizes])
        name = f"NoiseScaleTracker({decay}).b_simple after each of 7 updates"
        check_readings(readings(answer.NoiseScaleTracker(decay), updates, name), updates, decay, name)


@grade(NOISE_TRACKER, points=1)
def test_tracker_first(answer, generator):
    """nan before the first update, the quotient of the pair after it"""
    for decay in (0.9, 0.7):
        tracker = answer.NoiseScaleTracker(decay)
        name = f"NoiseScaleTracker({decay}).b_simple"
        before = reading(tracker, name)
        if not math.isnan(before):
            raise Mistake(
                f"b_simple is {before:g} before the first update: a new tracker knows nothing yet, return float('nan')"
            )
        updates = run_updates(generator, 1, [(4, 24)])
        (single,) = tracked(updates, decay)
        # Many mistakes show alike after one update: say what is certain.
        factors = {
            "After one update b_simple is 1 - decay times the quotient of the pair: an average that starts at zero is "
            "not corrected, or one of two only": lambda single=single, decay=decay: [(1 - decay) * single],
            "After one update b_simple is the quotient of the pair over 1 - decay: correct both averages or none": (
                lambda single=single, decay=decay: [single / (1 - decay)]
            ),
        }
        check_readings(readings(tracker, updates, name), updates, decay, f"{name} after one update", first=factors)


@grade(NOISE_TRACKER, points=1, hidden=True)
def test_tracker_batch_sizes(answer, generator):
    """Batch sizes that change during the run"""
    decay = uniform(generator, 0.7, 0.85)
    updates = run_updates(generator, 8, [(4, 24), (3, 40), (10, 64)])
    name = "b_simple with batch sizes that change"
    check_readings(readings(answer.NoiseScaleTracker(decay), updates, name), updates, decay, name)


@grade(NOISE_TRACKER, points=1, hidden=True)
def test_tracker_decays(answer, generator):
    """No memory at decay 0, a long one near 1, negative quotients"""
    for decay in (0, uniform(generator, 0.96, 0.98), uniform(generator, 0.25, 0.4)):
        updates = run_updates(generator, 5, [(5, 40)])
        name = "b_simple after each of 5 updates"
        check_readings(readings(answer.NoiseScaleTracker(decay), updates, name), updates, decay, name)
    decay = 0.75
    updates = []
    for signal in (-0.5, -0.3, 2.0, 3.0):
        small, big = measured(generator, 1, signal, uniform(generator, 28.0, 36.0), 4, 32, 0.01)
        updates.append((small[0], big[0], 4, 32))
    name = "b_simple where G2 is negative at first"
    check_readings(readings(answer.NoiseScaleTracker(decay), updates, name), updates, decay, name)


@grade(NOISE_TRACKER, points=1)
def test_tracker_state(answer, generator):
    """Reading changes nothing, and every tracker has its own averages"""
    ours, theirs = run_updates(generator, 4, [(4, 24)]), run_updates(generator, 4, [(6, 30)])
    first, second = answer.NoiseScaleTracker(0.8), answer.NoiseScaleTracker(0.5)
    name = "b_simple of two trackers in turn"
    mine, other, again = [], [], []
    for one, another in zip(ours, theirs, strict=True):
        first.update(*one)
        second.update(*another)
        mine.append(reading(first, name))
        other.append(reading(second, name))
        again.append(reading(first, name))
    if any(one != two and not math.isnan(one) for one, two in zip(mine, again, strict=True)):
        raise Mistake("Reading b_simple twice gives two values: only update may change the averages")
    try:
        check_readings(mine, ours, 0.8, name)
        check_readings(other, theirs, 0.5, name)
    except Mistake:
        alone = readings(answer.NoiseScaleTracker(0.8), ours, name)
        if np.array_equal(alone, mine, equal_nan=True):
            raise
        raise Mistake("Two trackers share their averages: keep them on the object, set in __init__") from None


@grade(NOISE_TRACKER, points=1)
def test_tracker_tensors(answer, generator):
    """Squared norms as tensors of one number, float64 and float32"""
    updates = run_updates(generator, 4, [(4, 24)])
    for dtype, rtol in [(torch.float64, None), (torch.float32, 1e-4)]:
        handed = [(torch.tensor(u[0], dtype=dtype), torch.tensor(u[1], dtype=dtype), *u[2:]) for u in updates]
        name = f"b_simple with norms as {str(dtype).removeprefix('torch.')} tensors"
        check_readings(readings(answer.NoiseScaleTracker(0.8), handed, name), handed, 0.8, name, rtol=rtol)


@grade(NOISE_TRACKER, points=1)
def test_tracker_arguments(answer, generator):
    """ValueError for a decay outside [0, 1)"""
    make = answer.NoiseScaleTracker
    tracker = make(0.9)
    tracker.update(*run_updates(generator, 1, [(4, 24)])[0])
    reading(tracker, "NoiseScaleTracker(0.9).b_simple")
    for decay in (1.0, 1.5, -0.1):
        expect_error(make, decay, names=("decay",), what=f"decay = {decay}")
