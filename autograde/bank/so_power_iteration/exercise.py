"""Sharpness by power iteration: the exercise and its tests.

The answer starts at random, so a right one can fail by chance. With r the ratio of the second to the first eigenvalue
in magnitude and phi the angle between the start and the first eigenvector, k multiplications leave an error of at most
2 |lambda_1| r^(2k) tan(phi)^2 in the Rayleigh quotient. The tests that compare with the eigenvalue have r = 0.05 and
k >= 9, or smaller r^k, hence r^(2k) <= 4e-24, and a tolerance of 1e-6: they fail a right answer only if
|cos(phi)| < 3e-9. The eigenvectors are drawn uniformly, whatever start the answer takes, so that
P(|cos(phi)| < e) <= e sqrt(2 d / pi): below 1e-8 for d <= 16, in all five such calls together below 5e-8. The test with
few products replays them from the start that `hvp` saw, and no test compares random streams.
"""

from __future__ import annotations

import math

import torch

from autograde.bank.comparisons import near
from autograde.bank.inputs import normal, uniform
from autograde.bank.so_power_iteration.mistakes import eigenvalue_mistakes, few_products_mistakes, quotients
from autograde.judge.exercise import Exercise, grade, id_of
from autograde.judge.expect import (
    AnswerError,
    Mistake,
    evaluate,
    expect_close,
    expect_error,
    expect_number,
    hidden,
    matches,
)

EXERCISE = Exercise(
    id=id_of(__package__),
    notebook="1_4_algorithms_and_dynamics",
    number=6,
    title="Sharpness by power iteration",
    functions=("top_eigenvalue",),
    difficulty=3,
    minutes=25,
)


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


@grade(EXERCISE, points=2)
def test_top_eigenvalue_positive(answer, generator):
    """A positive eigenvalue of largest magnitude"""
    top = uniform(generator, 3.0, 6.0)
    spectrum = [top * share for share in (1.0, 0.05, -0.04, 0.02, 0.013)]
    check_converged(answer, generator, spectrum, 10, "top_eigenvalue(hvp, 5, 10, generator) of a symmetric matrix")


@grade(EXERCISE, points=2)
def test_top_eigenvalue_negative(answer, generator):
    """A negative eigenvalue of largest magnitude, with its sign"""
    top = uniform(generator, 3.0, 6.0)
    spectrum = [-top * share for share in (0.03, -0.05, 1.0, 0.01, 0.04, -0.02, 0.015)]
    name = "top_eigenvalue(hvp, 7, 10, generator) of a matrix whose eigenvalue of largest magnitude is negative"
    check_converged(answer, generator, spectrum, 10, name)


@grade(EXERCISE, points=2, hidden=True)
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


@grade(EXERCISE, points=1)
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


@grade(EXERCISE, points=1, hidden=True)
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


@grade(EXERCISE, points=1)
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
