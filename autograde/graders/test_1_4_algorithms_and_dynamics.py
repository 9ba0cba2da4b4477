"""Graders of assignment 1.4 Algorithms and dynamics: scaling rules, the hyperbola and its fit, 1/t rates, diagnostics.

Every input is drawn from `generator`. The first five exercises have expected values in closed form in float64, so a
right answer cannot fail by chance. Expected values, and the tables of what typical mistakes return on the same input,
are in `mistakes_1_4_algorithms_and_dynamics`.

so-power-iteration starts at random. With r the ratio of the second to the first eigenvalue in magnitude and phi the
angle between the start and the first eigenvector, k multiplications leave an error of at most
2 |lambda_1| r^(2k) tan(phi)^2 in the Rayleigh quotient. The tests that compare with the eigenvalue have r = 0.05 and
k >= 9, or smaller r^k, hence r^(2k) <= 4e-24, and a tolerance of 1e-6: they fail a right answer only if
|cos(phi)| < 3e-9. The eigenvectors are drawn uniformly, whatever start the answer takes, so that
P(|cos(phi)| < e) <= e sqrt(2 d / pi): below 1e-8 for d <= 16, in all five such calls together below 5e-8. The test with
few products replays them from the start that `hvp` saw, and no test compares random streams.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from autograde.graders.inputs import columns_first, normal, strided, uniform
from autograde.graders.mistakes_1_4_algorithms_and_dynamics import (
    asymptotic_mistakes,
    asymptotic_variance,
    cosine,
    cosine_mistakes,
    eigenvalue_mistakes,
    examples_mistakes,
    examples_needed,
    few_products_mistakes,
    fit_mistakes,
    fitted,
    quotients,
    scale_mistakes,
    scaled_rate,
    steps_mistakes,
    steps_needed,
)
from autograde.judge.exercise import Exercise, grade
from autograde.judge.expect import (
    AnswerError,
    Mistake,
    evaluate,
    expect_close,
    expect_error,
    expect_number,
    hidden,
    matches,
    note,
)

SCALE_LR = Exercise(
    id="so-scale-lr",
    notebook="1_4_algorithms_and_dynamics",
    title="Scaling the learning rate",
    functions=("scale_lr",),
    difficulty=1,
    minutes=10,
    concepts=("batch-size scaling rules",),
)
STEPS_EXAMPLES = Exercise(
    id="so-steps-examples",
    notebook="1_4_algorithms_and_dynamics",
    title="Steps and examples on the hyperbola",
    functions=("steps_and_examples",),
    difficulty=2,
    minutes=10,
    concepts=("critical batch size and stability",),
)
FIT_CRITICAL_BATCH = Exercise(
    id="so-fit-critical-batch",
    notebook="1_4_algorithms_and_dynamics",
    title="Fitting the critical batch size",
    functions=("fit_critical_batch",),
    difficulty=3,
    minutes=20,
    concepts=("critical batch size and stability",),
)
RM_RATE = Exercise(
    id="so-rm-rate",
    notebook="1_4_algorithms_and_dynamics",
    title="What a 1/t schedule leaves",
    functions=("rm_asymptotic_variance",),
    difficulty=3,
    minutes=15,
    concepts=("Robbins-Monro rate",),
)
GRADIENT_COSINE = Exercise(
    id="so-gradient-cosine",
    notebook="1_4_algorithms_and_dynamics",
    title="Cosine between two gradients",
    functions=("gradient_cosine",),
    difficulty=2,
    minutes=15,
    concepts=("update-path diagnostic",),
)
POWER_ITERATION = Exercise(
    id="so-power-iteration",
    notebook="1_4_algorithms_and_dynamics",
    title="Sharpness by power iteration",
    functions=("top_eigenvalue",),
    difficulty=3,
    minutes=25,
    concepts=("bridge to the landscape",),
)


# Used by several exercises.


def near(value, other):
    """Equal as numbers to float32 precision."""
    try:
        value, other = float(value), float(other)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return False
    if not (math.isfinite(value) and math.isfinite(other)):
        return value == other or (math.isnan(value) and math.isnan(other))
    return abs(value - other) <= 2e-6 * abs(other)


def check_numbers(results, expected, tables, names, **tolerance):
    """Compare each result with its expected number.

    One number can be explained by several mistakes, so the one named is that which explains all the results together,
    if there is one, and else one that explains most of those that are wrong.
    """
    wrong = [i for i, (got, want) in enumerate(zip(results, expected, strict=True)) if not near(got, want)]
    values = [{sentence: evaluate(value) for sentence, value in table.items()} for table in tables]

    def explained(sentence, indices):
        return sum(near(results[i], values[i].get(sentence)) for i in indices)

    for i, (got, want) in enumerate(zip(results, expected, strict=True)):
        fitting = [s for s in values[i] if near(got, values[i][s]) and 2 * explained(s, wrong) > len(wrong)]
        best = max(fitting, key=lambda sentence: explained(sentence, range(len(results))), default=None)
        known = {best: values[i][best]} if best else {}
        # The allowance of `expect_number` for float32, relative to `want`, has no meaning where that is infinite.
        compare = expect_number if math.isfinite(want) else expect_close
        compare(got, want, name=names[i], mistakes=known, **tolerance)


def shown(call, hidden_call):
    """What was called; a hidden test does not show its arguments."""
    return hidden_call if hidden() else call


def pair_of(got, name, first, second):
    """The two entries of a result that should be a pair."""
    if got is None:
        raise Mistake(f"`{name}` returned None: is `return` missing?")
    if isinstance(got, (torch.Tensor, np.ndarray)) and tuple(got.shape) == (2,):
        note(f"`{name}` is a {type(got).__name__}; a pair of Python floats was asked for")
        return got[0], got[1]
    if isinstance(got, dict):
        raise Mistake(f"`{name}` returned a dict: return the pair ({first}, {second})")
    if not isinstance(got, (tuple, list)):
        raise Mistake(f"`{name}` returned one {type(got).__name__}: return the pair ({first}, {second})")
    if len(got) != 2:
        raise Mistake(f"`{name}` returned {len(got)} values: return the pair ({first}, {second})")
    return got[0], got[1]


# so-scale-lr


def check_scale(answer, cases):
    """`cases` are tuples (base_lr, base_batch, batch, rule)."""
    results = [answer.scale_lr(*case) for case in cases]
    names = [
        shown(f'scale_lr({lr:.4g}, {base}, {batch}, "{rule}")', f'scale_lr(base_lr, base_batch, batch, "{rule}")')
        for lr, base, batch, rule in cases
    ]
    tables = [scale_mistakes(*case) for case in cases]
    check_numbers(results, [scaled_rate(*case) for case in cases], tables, names)


@grade(SCALE_LR, points=2)
def test_scale_lr_linear(answer, generator):
    """Rule "linear": in proportion to the batch size"""
    rates = [uniform(generator, 0.02, 0.3) for _ in range(3)]
    check_scale(answer, [(rates[0], 64, 200, "linear"), (rates[1], 256, 96, "linear"), (rates[2], 30, 1000, "linear")])


@grade(SCALE_LR, points=2)
def test_scale_lr_sqrt(answer, generator):
    """Rule "sqrt": in proportion to the square root of the batch size"""
    rates = [uniform(generator, 0.02, 0.3) for _ in range(3)]
    check_scale(answer, [(rates[0], 48, 200, "sqrt"), (rates[1], 300, 96, "sqrt"), (rates[2], 20, 1000, "sqrt")])


@grade(SCALE_LR, points=1, hidden=True)
def test_scale_lr_sizes(answer, generator):
    """Small and large batches, the same batch, large and tiny rates"""
    cases = []
    for rule in ("linear", "sqrt"):
        base = int(torch.randint(5, 60, (1,), generator=generator))
        cases += [
            (uniform(generator, 0.02, 0.3), 7 * base, base + 1, rule),
            (uniform(generator, 2e-5, 9e-5), base, 9 * base + 2, rule),
            (uniform(generator, 1.5, 4.0), 1, 5 * base + 1, rule),
            (uniform(generator, 0.02, 0.3), 3 * base, 3 * base, rule),
            (2, base + 3, 11 * base, rule),
        ]
    check_scale(answer, cases)


@grade(SCALE_LR, points=1)
def test_scale_lr_arguments(answer, generator):
    """ValueError for an unknown rule and for a batch size that is not positive"""
    rate = uniform(generator, 0.02, 0.3)
    scale = answer.scale_lr
    for rule in ("linear", "sqrt"):
        if scale(rate, 32, 80, rule) is None:
            raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(scale, rate, 32, 80, "constant", names=("rule",), what='rule "constant"')
    expect_error(scale, rate, 32, 80, "cubic", names=("rule",), what='rule "cubic"')
    for rule in ("linear", "sqrt"):
        expect_error(scale, rate, 0, 80, rule, names=("base_batch",), what=f'base_batch 0 with rule "{rule}"')
        expect_error(scale, rate, 32, 0, rule, names=("batch",), what=f'batch 0 with rule "{rule}"')
        expect_error(scale, rate, -32, 80, rule, names=("base_batch",), what=f'base_batch -32 with rule "{rule}"')
        expect_error(scale, rate, 32, -80, rule, names=("batch",), what=f'batch -80 with rule "{rule}"')


# so-steps-examples


def check_hyperbola(answer, cases, parts=("S", "E")):
    """`cases` are tuples (batch, s_min, e_min); `parts` says which entries of the pair are compared."""
    names, pairs = [], []
    for batch, s_min, e_min in cases:
        name = shown(
            f"steps_and_examples({batch:g}, {s_min:.5g}, {e_min:.6g})", "steps_and_examples(batch, s_min, e_min)"
        )
        pairs.append(pair_of(answer.steps_and_examples(batch, s_min, e_min), name, "S", "E"))
        names.append(name)
    for part, expected, mistakes in [
        ("S", steps_needed, steps_mistakes),
        ("E", examples_needed, examples_mistakes),
    ]:
        if part in parts:
            check_numbers(
                [pair["SE".index(part)] for pair in pairs],
                [expected(*case) for case in cases],
                [mistakes(*case) for case in cases],
                [f"{part} of {name}" for name in names],
            )


def minima(generator):
    """s_min and e_min, not whole, with a critical batch size between about 15 and 120."""
    s_min = uniform(generator, 100.0, 300.0)
    return s_min, s_min * uniform(generator, 15.0, 120.0)


def hyperbola_cases(generator):
    return [(batch, *minima(generator)) for batch in (8, 32, 200)]


@grade(STEPS_EXAMPLES, points=2)
def test_steps_and_examples_steps(answer, generator):
    """The first number: optimizer steps S"""
    check_hyperbola(answer, hyperbola_cases(generator), parts=("S",))


@grade(STEPS_EXAMPLES, points=2)
def test_steps_and_examples_examples(answer, generator):
    """The second number: examples E"""
    check_hyperbola(answer, hyperbola_cases(generator), parts=("E",))


@grade(STEPS_EXAMPLES, points=1, hidden=True)
def test_steps_and_examples_range(answer, generator):
    """Far below and far above the critical batch size; small minima; whole numbers"""
    s_min, e_min = minima(generator)
    small = uniform(generator, 0.2, 0.8)
    whole = int(torch.randint(101, 300, (1,), generator=generator))
    cases = [
        (1, s_min, e_min),
        (100_000, s_min, e_min),
        (3, small, 7.3 * small),
        (24, whole, 50 * whole + 7),
        (6.5, s_min, e_min),
    ]
    check_hyperbola(answer, cases)


@grade(STEPS_EXAMPLES, points=1)
def test_steps_and_examples_arguments(answer, generator):
    """ValueError for a batch that is not positive"""
    s_min, e_min = minima(generator)
    call = answer.steps_and_examples
    pair_of(call(8, s_min, e_min), "steps_and_examples(batch, s_min, e_min)", "S", "E")
    for bad in (0, -8):
        expect_error(call, bad, s_min, e_min, names=("batch",), what=f"batch {bad}")


# so-fit-critical-batch


def check_fit(answer, batches, steps, name, container=list, rtol=1e-4):
    """Compare both estimates; `batches` and `steps` are lists, `container` makes of a list what the answer gets.

    Least squares in float32 loses digits in the intercept in proportion to the largest S, hence `atol` and `rtol`.
    """
    x, y = container(batches), container(steps)
    got = pair_of(answer.fit_critical_batch(x, y), name, "s_min", "e_min")
    x, y = (torch.as_tensor(values, dtype=torch.float64) for values in (x, y))
    expected = fitted(x, y)
    scale = torch.stack([torch.maximum(expected[0].abs(), y.max() / 100), expected[1].abs()])
    parts = []
    for part, value, want in zip(("s_min", "e_min"), got, expected, strict=True):
        # With any value in tolerance, `expect_close` checks no more than that it is a number.
        label = f"{part} of {name}"
        if isinstance(value, (torch.Tensor, np.ndarray)) and value.ndim > 0:
            expect_close(value, want.item(), name=label)
        if not near(value, math.nan):
            expect_close(value, want.item(), name=label, rtol=math.inf, atol=math.inf)
        parts.append(float(value))
    mistakes = {sentence: (lambda value=value: value() / scale) for sentence, value in fit_mistakes(x, y).items()}
    have = torch.tensor(parts, dtype=torch.float64)
    try:
        expect_close(have / scale, expected / scale, name=name, mistakes=mistakes, rtol=0.0, atol=rtol)
    except Mistake as mistake:
        if str(mistake) in mistakes:
            raise
        for part, value, want, size in zip(("s_min", "e_min"), parts, expected.tolist(), scale.tolist(), strict=True):
            expect_close(value, want, name=f"{part} of {name}", rtol=0.0, atol=rtol * size)
        raise


def measured(generator, batches, noise):
    """Steps to target at each of `batches`: on a hyperbola, and `noise` relative to it."""
    s_min, e_min = minima(generator)
    steps = []
    for batch in batches:
        error = noise * (2 * torch.rand((), generator=generator, dtype=torch.float64).item() - 1)
        steps.append((s_min + e_min / batch) * (1 + error))
    return steps


@grade(FIT_CRITICAL_BATCH, points=2)
def test_fit_critical_batch_exact(answer, generator):
    """Exact where the measurements lie on a hyperbola"""
    for batches in ([8, 16, 32, 64, 128], [6, 20, 50], [10, 300]):
        steps = measured(generator, batches, 0.0)
        name = f"fit_critical_batch({batches}, steps) with steps on a hyperbola"
        check_fit(answer, batches, steps, name, rtol=1e-5)


@grade(FIT_CRITICAL_BATCH, points=2)
def test_fit_critical_batch_noisy(answer, generator):
    """Ordinary least squares of S on 1/B where the measurements are noisy"""
    for batches in ([8, 16, 32, 64, 128, 256], [5, 12, 40, 90]):
        steps = measured(generator, batches, 0.15)
        name = f"fit_critical_batch({batches}, steps) with noisy steps"
        check_fit(answer, batches, steps, name)


@grade(FIT_CRITICAL_BATCH, points=2, hidden=True)
def test_fit_critical_batch_runs(answer, generator):
    """Several runs at a batch size, runs in any order, an estimate below zero"""
    for batches in ([64, 8, 8, 128, 16, 8, 64, 32], [20, 160, 40, 5, 80], [4, 9, 4, 4]):
        steps = measured(generator, batches, 0.2)
        check_fit(answer, batches, steps, "fit_critical_batch(batches, steps) with noisy steps")
    # Steps that fall faster than 1/B: the line crosses zero before the largest batch.
    batches = [8, 16, 32, 64]
    level = uniform(generator, 300.0, 500.0)
    steps = [level * (8 / batch) ** 1.5 + 0.2 * level * (8 / batch - 0.4) for batch in batches]
    check_fit(answer, batches, steps, "fit_critical_batch(batches, steps) with a negative least-squares intercept")


@grade(FIT_CRITICAL_BATCH, points=1)
def test_fit_critical_batch_containers(answer, generator):
    """Lists of whole numbers, tensors, views that are not contiguous, float32"""

    def whole(values):
        return [round(value) for value in values]

    def whole_tensor(values):
        return torch.tensor(whole(values))

    def double(values):
        return torch.tensor(values, dtype=torch.float64)

    batches = [8, 24, 48, 96, 200]
    for container, text, rtol in [
        (whole, "lists of whole numbers", 1e-4),
        (whole_tensor, "tensors of whole numbers", 1e-4),
        (double, "float64 tensors", 1e-4),
        (lambda values: strided(double(values)), "strided tensors", 1e-4),
        (lambda values: double(values).float(), "float32 tensors", 1e-3),
    ]:
        steps = measured(generator, batches, 0.15)
        name = f"fit_critical_batch(batches, steps) with {text}"
        check_fit(answer, batches, steps, name, container=container, rtol=rtol)


@grade(FIT_CRITICAL_BATCH, points=1)
def test_fit_critical_batch_arguments(answer, generator):
    """ValueError for lengths that differ and for batch sizes that are not positive"""
    steps = measured(generator, [8, 16, 32], 0.1)
    fit = answer.fit_critical_batch
    pair_of(fit([8, 16, 32], steps), "fit_critical_batch(batches, steps)", "s_min", "e_min")
    both = ("steps", "batches", "length")
    expect_error(fit, [8, 16, 32, 64], steps, names=both, what="4 batches with 3 steps")
    expect_error(fit, [8, 16], steps, names=both, what="2 batches with 3 steps")
    expect_error(fit, [8, 0, 32], steps, names=("batches", "batch"), what="a batch size of 0")
    expect_error(fit, [8, -16, 32], steps, names=("batches", "batch"), what="a batch size of -16")


# so-rm-rate


def check_asymptotic(answer, cases):
    """`cases` are tuples (c, lam, noise_var)."""
    results, names = [], []
    for c, lam, noise_var in cases:
        name = shown(
            f"rm_asymptotic_variance({c:.5g}, {lam:.5g}, {noise_var:.5g})", "rm_asymptotic_variance(c, lam, noise_var)"
        )
        side = "2 c lam <= 1: return inf there" if 2 * c * lam <= 1 else "2 c lam > 1: the limit is finite there"
        try:
            got = answer.rm_asymptotic_variance(c, lam, noise_var)
        except AnswerError as failure:
            if isinstance(failure.error, (ZeroDivisionError, ValueError)):
                raise Mistake(f"raised {type(failure.error).__name__} although {side}") from None
            raise
        if got is None and 2 * c * lam <= 1:
            raise Mistake("returned None where 2 c lam <= 1: return float('inf') there")
        results.append(got)
        names.append(name)
    expected = [asymptotic_variance(*case) for case in cases]
    check_numbers(results, expected, [asymptotic_mistakes(*case) for case in cases], names)


def curvature_and_rate(generator, low, high):
    """c and lam with c lam between low and high, neither near 1."""
    lam = uniform(generator, 1.6, 3.0) if torch.rand((), generator=generator) < 0.5 else uniform(generator, 0.3, 0.6)
    return uniform(generator, low, high) / lam, lam


@grade(RM_RATE, points=2)
def test_rm_rate_formula(answer, generator):
    """Above the threshold: c^2 noise_var / (2 c lam - 1)"""
    products = [(1.2, 1.8), (2.2, 4.0), (1.2, 1.8)]
    check_asymptotic(
        answer, [(*curvature_and_rate(generator, *ends), uniform(generator, 1.5, 4.0)) for ends in products]
    )


@grade(RM_RATE, points=1)
def test_rm_rate_below(answer, generator):
    """Below the threshold: inf"""
    products = [(0.1, 0.3), (0.35, 0.45)]
    check_asymptotic(
        answer, [(*curvature_and_rate(generator, *ends), uniform(generator, 1.5, 4.0)) for ends in products]
    )


@grade(RM_RATE, points=1, hidden=True)
def test_rm_rate_threshold(answer, generator):
    """inf on the threshold 2 c lam = 1, finite just above it"""
    noise_var = uniform(generator, 1.5, 4.0)
    # Powers of two: 2 c lam is exactly 1 in any order of multiplication.
    exact = [(2.0**-power, 2.0 ** (power - 1), noise_var) for power in (0, 3, -2)]
    above = [(*curvature_and_rate(generator, low, high), noise_var) for low, high in [(0.55, 0.7), (0.75, 0.95)]]
    check_asymptotic(answer, exact + above)


@grade(RM_RATE, points=1, hidden=True)
def test_rm_rate_parameters(answer, generator):
    """Steep and flat curvature, weak and strong noise"""
    cases = []
    for lam, noise_var in [(uniform(generator, 80.0, 200.0), 1e-3), (uniform(generator, 0.002, 0.008), 50.0)]:
        cases.append((uniform(generator, 0.6, 0.9) / lam, lam, noise_var * uniform(generator, 1.0, 2.0)))
        cases.append((uniform(generator, 5.0, 9.0) / lam, lam, noise_var * uniform(generator, 1.0, 2.0)))
        cases.append((uniform(generator, 0.2, 0.4) / lam, lam, noise_var * uniform(generator, 1.0, 2.0)))
    cases.append((3, 2, 5))
    check_asymptotic(answer, cases)


@grade(RM_RATE, points=1)
def test_rm_rate_arguments(answer, generator):
    """ValueError for a negative noise_var"""
    noise_var = uniform(generator, 1.5, 4.0)
    call = answer.rm_asymptotic_variance
    if call(1.5, 2.5, noise_var) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(call, 1.5, 2.5, -noise_var, names=("noise_var", "noise variance"), what="a negative noise_var")


# so-gradient-cosine

SHAPES = ((4, 3), (3,), (2, 3, 2), (), (5,))
# How much of g1 there is in each layer of g2: the layers disagree, and the sizes of layers differ too.
SHARES = (1.4, -0.6, 0.5, 1.3, 0.2)
SIZES = (0.5, 2.0, 1.0, 3.0, 0.7)


def gradient_pair(generator, shapes=SHAPES, scale=1.0):
    """Two gradients whose cosine is neither near 0 nor near 1, and differs from layer to layer."""

    def noise(shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    g1 = [size * (noise(shape) + 0.3) for shape, size in zip(shapes, SIZES, strict=False)]
    g2 = [
        share * layer + 0.5 * size * noise(layer.shape) for layer, share, size in zip(g1, SHARES, SIZES, strict=False)
    ]
    return [scale * layer for layer in g1], [2.5 * scale * layer for layer in g2]


def check_cosine(answer, g1, g2, name, rtol=None, atol=0.0):
    got = answer.gradient_cosine(g1, g2)
    a, b = (torch.cat([layer.double().reshape(-1) for layer in gradient]) for gradient in (g1, g2))
    tensors = {"One cosine a layer came back: all layers are one vector, return one number": torch.zeros(len(g1))}
    if isinstance(got, (list, tuple)) and len(got) == len(g1):
        raise Mistake(next(iter(tensors)))
    if isinstance(got, (torch.Tensor, np.ndarray)) and got.ndim > 0 and got.shape == (len(g1),):
        raise Mistake(next(iter(tensors)))
    mistakes = cosine_mistakes(g1, g2) if a.any() and b.any() else {}
    want = cosine(g1, g2)
    # An answer that sums in float32 inside is off by a few 1e-7, absolutely; a number shows no precision.
    single = type(got) in (float, np.float64) and abs(got - want) < 2e-6
    if (
        single
        and abs(got - want) > max(atol, 1e-9)
        and not any(near(got, evaluate(value)) for value in mistakes.values())
    ):
        note(f"`{name}` is accurate to about six digits: was it computed in float32?")
        return
    expect_number(got, want, name=name, mistakes=mistakes, rtol=rtol, atol=atol)


@grade(GRADIENT_COSINE, points=3)
def test_gradient_cosine_formula(answer, generator):
    """One inner product and two norms over all layers together"""
    for shapes in (SHAPES[:2], SHAPES[:3], ((6,), (2, 5))):
        g1, g2 = gradient_pair(generator, shapes)
        name = f"gradient_cosine(g1, g2) with layers of shapes {', '.join(map(str, shapes))}"
        check_cosine(answer, g1, g2, name)
        check_cosine(answer, g2, [-layer for layer in g1], name)


@grade(GRADIENT_COSINE, points=1, hidden=True)
def test_gradient_cosine_shapes(answer, generator):
    """One layer, many layers, single numbers, tuples, equal and opposite gradients"""
    g1, g2 = gradient_pair(generator)
    check_cosine(answer, g1, g2, "gradient_cosine(g1, g2) with layers of up to three dimensions")
    check_cosine(answer, g1[:1], g2[:1], "gradient_cosine(g1, g2) with one layer")
    check_cosine(answer, tuple(g1), tuple(g2), "gradient_cosine(g1, g2) with tuples")
    check_cosine(answer, g1, g1, "gradient_cosine(g1, g1)")
    check_cosine(answer, g1, [-3 * layer for layer in g1], "gradient_cosine(g1, -3 g1)")


@grade(GRADIENT_COSINE, points=1)
def test_gradient_cosine_zero(answer, generator):
    """0.0 when either gradient is zero; a layer of zeros among others is nothing special"""
    g1, g2 = gradient_pair(generator)
    zero = [torch.zeros_like(layer) for layer in g1]
    expected = "return 0.0 when either gradient is zero"
    for one, other, which in [(zero, g2, "g1"), (g1, zero, "g2"), (zero, zero, "g1 and g2")]:
        try:
            got = answer.gradient_cosine(one, other)
        except AnswerError as failure:
            if isinstance(failure.error, (ZeroDivisionError, ValueError)):
                raise Mistake(f"raised {type(failure.error).__name__} for a zero {which}: {expected}") from None
            raise
        if got is None:
            raise Mistake(f"returned None for a zero {which}: {expected}")
        table = {f"0/0 gives NaN for a zero {which}: {expected}": math.nan}
        table[f"1 came back for a zero {which}: {expected}"] = 1.0
        expect_number(got, 0.0, name=f"gradient_cosine(g1, g2) with a zero {which}", mistakes=table)
    for place in range(2):
        partly = [torch.zeros_like(layer) if i == place else layer for i, layer in enumerate(g2)]
        name = "gradient_cosine(g1, g2) with one layer of zeros"
        got = answer.gradient_cosine(g1, partly)
        layer = "A layer of zeros spoils the result: only a gradient that is zero in all its layers has no direction"
        if near(got, math.nan) or (type(got) in (int, float) and got == 0.0):
            raise Mistake(layer)
        check_cosine(answer, g1, partly, name)


@grade(GRADIENT_COSINE, points=1, hidden=True)
def test_gradient_cosine_scale(answer, generator):
    """Small and large gradients have a direction too"""
    name = "gradient_cosine(g1, g2) with gradients"
    for norm, text in [(1e-9, "of norm 1e-9"), (1e-4, "of norm 1e-4"), (1e5, "of norm 1e5")]:
        g1, g2 = gradient_pair(generator, SHAPES[:3])
        total = math.sqrt(sum(layer.square().sum().item() for layer in g1))
        g1, g2 = ([layer * (norm / total) for layer in gradient] for gradient in (g1, g2))
        check_cosine(answer, g1, g2, f"{name} {text}")
    g1, g2 = gradient_pair(generator, SHAPES[:3])
    check_cosine(answer, [1e-9 * layer for layer in g1], g2, f"{name} of very different norms")


@grade(GRADIENT_COSINE, points=1)
def test_gradient_cosine_layouts(answer, generator):
    """float32 tensors, and views that are not contiguous"""
    g1, g2 = gradient_pair(generator)
    single1, single2 = ([layer.float() for layer in gradient] for gradient in (g1, g2))
    check_cosine(answer, single1, single2, "gradient_cosine(g1, g2) in float32", rtol=1e-4, atol=1e-5)
    views1, views2 = ([strided(layer) for layer in gradient] for gradient in (g1, g2))
    check_cosine(answer, views1, views2, "gradient_cosine(g1, g2) with strided views")
    # The same entries in another memory order on one side only.
    turned = [columns_first(layer) if layer.ndim == 2 else layer for layer in g2]
    check_cosine(answer, g1, turned, "gradient_cosine(g1, g2) with a matrix stored by columns in g2")


@grade(GRADIENT_COSINE, points=1)
def test_gradient_cosine_arguments(answer, generator):
    """ValueError for lists of different lengths and for layers of different shapes"""
    g1, g2 = gradient_pair(generator, SHAPES[:3])
    call = answer.gradient_cosine
    if call(g1, g2) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    names = ("g2", "g1")
    expect_error(call, g1, g2[:2], names=names, what="3 tensors in g1 and 2 in g2")
    expect_error(call, g1[:1], g2[:2], names=names, what="1 tensor in g1 and 2 in g2")
    other = [g2[0], g2[1][:1], g2[2]]
    expect_error(call, g1, other, names=names, what="a layer of shape (3,) in g1 and (1,) in g2")
    turned = [g2[0].T, *g2[1:]]
    expect_error(call, g1, turned, names=names, what="a layer of shape (4, 3) in g1 and (3, 4) in g2")


# so-power-iteration


class Products:
    """`hvp` for a symmetric matrix; keeps the vectors that it was called with."""

    def __init__(self, matrix):
        self.matrix = matrix
        self.vectors = []

    def __call__(self, v):
        v = torch.as_tensor(v).detach().to(torch.float64)
        self.vectors.append(v.clone())
        return self.matrix @ v


def symmetric(generator, eigenvalues):
    """A symmetric matrix with these eigenvalues and uniformly drawn eigenvectors."""
    eigenvalues = torch.tensor(eigenvalues, dtype=torch.float64)
    basis, _ = torch.linalg.qr(normal(generator, len(eigenvalues), len(eigenvalues)))
    matrix = (basis * eigenvalues) @ basis.T
    return (matrix + matrix.T) / 2, eigenvalues


def seeded(generator):
    """A generator of its own for the answer."""
    return torch.Generator().manual_seed(int(torch.randint(2**31, (1,), generator=generator)))


def run_power(answer, matrix, iters, random):
    """The result, and the vectors that were multiplied."""
    hvp = Products(matrix)
    got = answer.top_eigenvalue(hvp, len(matrix), iters, random)
    if not hvp.vectors and got is not None:
        raise Mistake("hvp is never called: every step of the iteration takes one product")
    return got, hvp.vectors


def check_count(vectors, iters):
    if len(vectors) > iters + 1:
        raise Mistake(f"hvp is called {len(vectors)} times with iters = {iters}: `iters` and one more are allowed")


def length_mistakes(matrix, vectors):
    """Sentence -> what comes of vectors whose length is not one."""
    length = vectors[-1].norm().item() if vectors else 1.0
    if abs(length - 1) < 1e-6:
        return {}
    undivided = (vectors[-1].reshape(-1) @ matrix @ vectors[-1].reshape(-1)).item()
    # A start that is not normalised is fine, and so is another norm; iterates that grow or shrink without end are not.
    if 1e-3 < length < 1e3:
        return {"v.Hv came back for a v whose length is not one: divide it by v.v": undivided}
    return {
        "v is not normalised: divide Hv by its norm in each iteration, or its entries overflow": math.nan,
        "v grows or shrinks in each iteration: divide Hv by its norm, and v.Hv by v.v": undivided,
    }


def check_converged(answer, generator, eigenvalues, iters, name):
    matrix, eigenvalues = symmetric(generator, eigenvalues)
    got, vectors = run_power(answer, matrix, iters, seeded(generator))
    top = eigenvalues[eigenvalues.abs().argmax()].item()
    mistakes = eigenvalue_mistakes(eigenvalues, matrix)
    if 2 <= len(vectors) <= iters + 1 and vectors[0].shape == (len(matrix),) and vectors[0].any():
        mistakes |= few_products_mistakes(matrix, vectors[0], iters, len(vectors))
    lengths = length_mistakes(matrix, vectors)
    mistakes = mistakes | lengths if abs(top) < 1e-6 else lengths | mistakes
    # With any value in tolerance, `expect_close` checks no more than that it is a number.
    if hidden() and not near(got, math.nan):
        # Relative to the eigenvalue, lest small ones drown in the tolerance for zero.
        expect_close(got, top, name=name, rtol=math.inf, atol=math.inf)
        mistakes = {sentence: evaluate(value) / abs(top) for sentence, value in mistakes.items()}
        got, top = float(got) / abs(top), math.copysign(1.0, top)
    expect_number(got, top, name=name, mistakes=mistakes, rtol=1e-6)


@grade(POWER_ITERATION, points=2)
def test_top_eigenvalue_positive(answer, generator):
    """A positive eigenvalue of largest magnitude"""
    top = uniform(generator, 3.0, 6.0)
    spectrum = [top * share for share in (1.0, 0.05, -0.04, 0.02, 0.013)]
    check_converged(answer, generator, spectrum, 10, "top_eigenvalue(hvp, 5, 10, generator) of a symmetric matrix")


@grade(POWER_ITERATION, points=2)
def test_top_eigenvalue_negative(answer, generator):
    """A negative eigenvalue of largest magnitude, with its sign"""
    top = uniform(generator, 3.0, 6.0)
    spectrum = [-top * share for share in (0.03, -0.05, 1.0, 0.01, 0.04, -0.02, 0.015)]
    name = "top_eigenvalue(hvp, 7, 10, generator) of a matrix whose eigenvalue of largest magnitude is negative"
    check_converged(answer, generator, spectrum, 10, name)


@grade(POWER_ITERATION, points=2, hidden=True)
def test_top_eigenvalue_products(answer, generator):
    """`iters` products and at most one more; the quotient after few of them"""
    for iters, sign in [(4, 1.0), (3, -1.0)]:
        shares = (-1.0, 0.8, 0.65, -0.5, 0.3, 0.1)
        scale = sign * uniform(generator, 2.0, 4.0)
        matrix, _ = symmetric(generator, [scale * share for share in shares])
        name = "top_eigenvalue(hvp, dim, iters, generator) after few products"
        got, vectors = run_power(answer, matrix, iters, seeded(generator))
        start = vectors[0].reshape(-1)
        if start.shape != (len(matrix),) or not start.any():
            raise Mistake(f"hvp gets a start of shape {tuple(vectors[0].shape)}: it takes vectors (dim,), and not zero")
        rho, _ = quotients(matrix, start, iters)
        check_count(vectors, iters)
        # This spectrum is far from converged: whoever stops here stops too early.
        if len(vectors) < iters:
            raise Mistake(
                f"hvp is called {len(vectors)} times with iters = {iters}: use all the products you are given"
            )
        close = [rho[k] for k in (iters - 1, iters) if matches(got, rho[k], name) or near(got, rho[k])]
        mistakes = length_mistakes(matrix, vectors) | few_products_mistakes(matrix, start, iters, len(vectors))
        # Either quotient is right; a wrong result is compared with the one whose product was the last.
        expect_number(got, close[0] if close else rho[len(vectors) - 1], name=name, mistakes=mistakes, rtol=1e-5)
    dim, iters = 16, 8
    matrix, eigenvalues = symmetric(generator, [3.0, *(0.03 * (-1) ** k / (k + 1) for k in range(dim - 1))])
    got, vectors = run_power(answer, matrix, iters, seeded(generator))
    check_count(vectors, iters)
    mistakes = eigenvalue_mistakes(eigenvalues, matrix)
    expect_number(got, 3.0, name="top_eigenvalue(hvp, 16, 8, generator)", mistakes=mistakes, rtol=1e-6)


@grade(POWER_ITERATION, points=1)
def test_top_eigenvalue_start(answer, generator):
    """The start is drawn from the generator"""
    matrix, _ = symmetric(generator, [2.0, -1.5, 1.0, 0.5])
    seed = int(torch.randint(2**31, (1,), generator=generator))
    starts = []
    for offset in (0, 0, 1, 2):
        random = torch.Generator().manual_seed(seed + offset)
        _, vectors = run_power(answer, matrix, 1, random)
        if vectors and vectors[0].numel() == 4 and vectors[0].any():
            start = vectors[0].reshape(-1)
            starts.append(start / start.norm())
        else:
            raise Mistake("hvp does not get a vector (dim,) that is not zero in its first call")

    def alike(one, other):
        # Up to the sign, to float32 precision.
        return abs(abs((one @ other).item()) - 1) < 1e-9

    if alike(starts[0], starts[2]) and alike(starts[0], starts[3]):
        raise Mistake(
            "The start is the same for every generator: draw it from `generator`, a fixed one can be orthogonal"
        )
    if not alike(starts[0], starts[1]):
        raise Mistake(
            "Two generators of the same seed give different starts: draw it from `generator` and nothing else"
        )


@grade(POWER_ITERATION, points=1, hidden=True)
def test_top_eigenvalue_scales(answer, generator):
    """Large and small matrices, one dimension, the zero matrix"""
    name = "top_eigenvalue(hvp, dim, iters, generator)"
    shares = (1.0, -0.05, 0.04, 0.01)
    large, small = -uniform(generator, 1e6, 3e6), uniform(generator, 1e-9, 3e-9)
    check_converged(answer, generator, [large * share for share in shares], 30, f"{name} of a large matrix")
    check_converged(answer, generator, [small * share for share in shares], 10, f"{name} of a small matrix")
    check_converged(answer, generator, [-uniform(generator, 1.5, 4.0)], 2, f"{name} with dim = 1")
    zero = torch.zeros(3, 3, dtype=torch.float64)
    try:
        got, _ = run_power(answer, zero, 3, seeded(generator))
    except AnswerError as failure:
        if isinstance(failure.error, (ZeroDivisionError, ValueError)):
            raise Mistake(f"raised {type(failure.error).__name__} where Hv is zero: return 0.0 there") from None
        raise
    if near(got, math.nan):
        raise Mistake("0/0 gives NaN where Hv is zero: return 0.0 there")
    if got is None:
        raise Mistake("returned None where Hv is zero: return 0.0 there")
    expect_number(got, 0.0, name=f"{name} of the zero matrix", mistakes={})


@grade(POWER_ITERATION, points=1)
def test_top_eigenvalue_arguments(answer, generator):
    """ValueError for dim or iters below one"""
    matrix, _ = symmetric(generator, [2.0, 0.1])
    call, random = answer.top_eigenvalue, seeded(generator)
    hvp = Products(matrix)
    if call(hvp, 2, 2, random) is None:
        raise Mistake("returned None for valid arguments: is `return` missing?")
    expect_error(call, hvp, 0, 2, random, names=("dim",), what="dim = 0")
    expect_error(call, hvp, -2, 2, random, names=("dim",), what="dim = -2")
    expect_error(call, hvp, 2, 0, random, names=("iters",), what="iters = 0")
    expect_error(call, hvp, 2, -3, random, names=("iters",), what="iters = -3")
