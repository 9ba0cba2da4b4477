"""What the clip knob means: every sample's gradient is cut, the oracle's mean moves, and the dashed curve with it."""

import math

import pytest
import torch

import noisydescent as nd
from noisydescent import theory
from noisydescent.labs import KNOBS, LabState
from noisydescent.labs.measurement import LABS
from noisydescent.problems import Clipped, Logistic, MarkovLanguage, Noisy, Quadratic, clip_norm

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def logistic():
    return Logistic.gaussian_classes(n_samples=300, dim=5)


@pytest.fixture(scope="module")
def language():
    return MarkovLanguage(length=6, width=8, sequences=64, held_out=16)


def state(clip, **more):
    return LabState(knobs=(("clip", clip),), **more)


def test_clip_norm_is_pytorchs_clip_for_one_vector():
    v = torch.randn(7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    parameter = torch.nn.Parameter(torch.zeros(7, dtype=torch.float64))
    parameter.grad = v.clone()
    torch.nn.utils.clip_grad_norm_([parameter], 0.5)
    assert torch.allclose(clip_norm(v, 0.5), parameter.grad, rtol=1e-5)
    assert torch.equal(clip_norm(v, 100.0), v) and torch.equal(clip_norm(v, math.inf), v)
    assert torch.equal(clip_norm(torch.zeros(2, 3), 1.0), torch.zeros(2, 3))
    with pytest.raises(ValueError, match="threshold"):
        clip_norm(v, 0.0)


def test_the_logistic_oracle_is_the_mean_of_clipped_gradients(logistic):
    """Without a threshold that bites it is the plain oracle, minibatch by minibatch; with one, the formula."""
    theta = torch.randn(6, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    plain = logistic.oracle(6, 4, nd.generator(3), copies=2)(theta)
    assert torch.allclose(Clipped(logistic, 1e6).oracle(6, 4, nd.generator(3), copies=2)(theta), plain)
    oracle = Clipped(logistic, 0.4).oracle(1, 50_000, nd.generator(3))
    rows = clip_norm(logistic.per_sample_gradients(theta[0]), 0.4)
    error = rows.std(dim=0) / 50_000**0.5
    assert ((oracle(theta[:1])[0] - rows.mean(dim=0)).abs() < 5 * error).all()
    assert torch.allclose(Clipped(logistic, 0.4).mean_gradient(theta[0]), rows.mean(dim=0))


def test_the_transformer_oracle_clips_sequences_not_batches(language):
    theta = language.initial(2, nd.generator(0))
    plain = language.oracle(2, 3, nd.generator(1))(theta)
    assert torch.allclose(Clipped(language, 1e6).oracle(2, 3, nd.generator(1))(theta), plain, atol=1e-6)
    # a block of several steps is drawn at once, so the first step's minibatch has to be asked for in a block as well
    block = min(1024, 400_000 // 6)
    index = torch.randint(64, (block, 2, 3), generator=nd.generator(1), device=language.device)[0]
    wanted = [
        clip_norm(language.per_sample_gradients(theta[run], language.pool[index[run]]), 0.1).mean(dim=0)
        for run in range(2)
    ]
    got = Clipped(language, 0.1).oracle(2, 3, nd.generator(1))(theta)
    assert torch.allclose(got, torch.stack(wanted), atol=1e-6)
    assert (got.norm(dim=1) <= 0.1 + 1e-6).all()


def test_the_closed_form_is_what_the_quadratic_oracle_gives():
    problem = Quadratic(torch.tensor([0.5, 1.0, 2.0]), noise=2.25)
    theta = torch.tensor([[1.0, -1.0, 0.5]]).to(problem.start)
    slope = problem.gradient(theta)[0]
    draws = Clipped(problem, 1.0).oracle(4000, 50, nd.generator(2))(theta.expand(4000, -1))
    factor, square = theory.clipped_gaussian(3, float(slope.norm()), 1.5, 1.0)
    error = draws.std(dim=0) / 4000**0.5
    assert ((draws.mean(dim=0) - factor * slope).abs() < 5 * error).all()
    variance = float(square) - float(factor * slope.norm()) ** 2
    assert float(draws.var(dim=0).sum()) == pytest.approx(variance / 50, rel=0.1)


@pytest.mark.parametrize("norm", [0.0, 0.7, 5.0, 39.9, 40.1, 1000.0])
def test_the_closed_form_against_draws(norm):
    g = torch.randn(200_000, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    g[:, 0] += norm
    cut = clip_norm(g, 2.0)
    factor, square = theory.clipped_gaussian(4, norm, 1.0, 2.0)
    if norm:
        error = float(cut[:, 0].std()) / 200_000**0.5
        assert abs(float(cut[:, 0].mean()) - float(factor) * norm) < 5 * error + 3e-3 * (norm > 40)
    assert float(square) == pytest.approx(float(cut.square().sum(dim=1).mean()), rel=1e-2)


def test_limits_of_the_closed_form():
    factor, square = theory.clipped_gaussian(3, torch.tensor([0.0, 1.0]), 2.0, math.inf)
    assert factor.tolist() == [1.0, 1.0] and square.tolist() == [12.0, 13.0]
    factor, square = theory.clipped_gaussian(3, torch.tensor([0.0, 1.0]), 2.0, 1e3)
    assert torch.allclose(factor, torch.ones(2).double()) and torch.allclose(
        square, torch.tensor([12.0, 13.0]).double()
    )
    with pytest.raises(ValueError, match="gradient_norm"):
        theory.clipped_gaussian(3, -1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="threshold"):
        theory.clipped_gaussian(3, 1.0, 1.0, 0.0)


def test_without_a_threshold_both_predictions_are_the_known_ones(logistic):
    rates = torch.full((40,), 0.3).double()
    lam, start = torch.tensor([0.1, 1.0]).double(), torch.ones(2).double()
    exact = theory.expected_loss(lam, torch.ones(2), 4, rates, start)
    assert torch.allclose(theory.expected_loss_clipped(lam, 1.0, 4, rates, start, math.inf), exact)
    same = theory.expected_excess_biased(
        torch.diag(lam), torch.eye(2), torch.diag(lam), torch.zeros(2), 4, rates, start
    )
    assert torch.allclose(same, exact)


@pytest.mark.parametrize("threshold", [2.0, 0.5, 0.1])
def test_the_fixed_point_and_its_jacobian(logistic, threshold):
    clipped = Clipped(logistic, threshold)
    rest = clipped.fixed_point()
    assert float(clipped.mean_gradient(rest).norm()) < 1e-9
    by_autograd = torch.autograd.functional.jacobian(clipped.mean_gradient, rest)
    assert torch.allclose(clipped.jacobian(rest), by_autograd, atol=1e-10)


def test_the_fixed_point_moves_away_as_the_threshold_falls(logistic):
    losses = [float(logistic.loss(Clipped(logistic, c).fixed_point())) for c in (100.0, 2.0, 1.0, 0.5, 0.25)]
    assert losses[0] == pytest.approx(logistic.floor) and losses == sorted(losses) and losses[-1] > 1.05 * losses[0]


def test_sgd_on_the_logistic_lab_settles_where_the_prediction_says():
    """Small rate, late: the linear theory about the moved fixed point holds, that about the optimum does not."""
    lab = LABS["logistic"]
    at = state(0.25, batch_size=128, peak=1.0, steps=600)
    measured = lab.measure(at).curves
    assert measured.mean[-1] == pytest.approx(measured.predicted[-1], rel=0.1)
    assert measured.mean[-1] > 5 * lab.predict(state(math.inf, batch_size=128), torch.full((600,), 1.0).double())[-1]
    assert lab.setup(at).hooks.clip == 0.25


def test_the_quadratic_lab_follows_its_prediction():
    for clip, rate in [(2.0, 0.3), (0.5, 1.0)]:
        curves = LABS["quadratic"].measure(state(clip, batch_size=16, peak=rate, steps=150)).curves
        gap = abs(curves.mean - curves.predicted[curves.steps])
        assert (gap <= 4.5 * curves.error + 0.04 * curves.predicted[curves.steps]).all(), (clip, rate)


def test_the_bias_does_not_average_out_over_the_batch():
    """At B = 8 and at B = 512 the clipped quadratic is equally slow: the factor on the mean has no B in it."""
    lab = LABS["quadratic"]
    early = [lab.measure(state(0.25, batch_size=b, peak=0.3, steps=60)).curves.mean[-1] for b in (8, 128)]
    assert early[0] == pytest.approx(early[1], rel=0.05)


@pytest.mark.parametrize("name", LABS)
def test_the_rate_applied_is_the_rate_intended(name):
    at = state(0.5, steps=4 if name == "transformer" else 20, schedule="cosine", peak=0.5, warmup=0.25)
    curves = LABS[name].measure(at).curves
    assert curves.applied == pytest.approx(curves.intended, rel=1e-4, abs=1e-7)


def test_no_threshold_changes_nothing_and_the_label_says_what_is_drawn():
    lab = LABS["quadratic"]
    assert lab.setup(state(math.inf)) == lab.setup(LabState())
    assert lab.look_of(state(0.5)).predicted == "theory of the clipped oracle"
    assert LABS["transformer"].look_of(state(0.5)).predicted == ""
    assert LABS["transformer"].predict(state(0.5), torch.full((3,), 0.1)) is None
    assert KNOBS["clip"].options[0] == math.inf


def test_a_wrapped_problem_keeps_the_rest(language):
    clipped = Clipped(language, 1.0)
    assert clipped.floor == language.floor and clipped.dim == language.dim and clipped.shapes is language.shapes
    with pytest.raises(ValueError, match="problem"):
        Clipped("quadratic", 1.0)
    with pytest.raises(ValueError, match="threshold"):
        Clipped(language, -1.0)
    with pytest.raises(ValueError, match="Logistic"):
        clipped.fixed_point()


def test_a_wrapped_problem_does_not_offer_what_its_oracle_is_not():
    """The quadratic's own recursion, noise and theory leave the clipping out."""
    quadratic = Quadratic(torch.ones(3))
    for wrapped in (Clipped(quadratic, 0.5), Noisy(quadratic, "multiplicative")):
        assert wrapped.sgd_blocks(torch.ones(1, 1, 3), torch.ones(2, 1, 1), 4, nd.generator(0)) is None
        assert wrapped.local_quadratic() is None
        for name in ("noise_variance", "noise_covariance", "minibatch_noise", "sample_noise"):
            with pytest.raises(AttributeError, match="ask its problem"):
                getattr(wrapped, name)
        plan = {"steps": 3, "batch_size": 4, "peak": 0.3, "schedule": torch.ones(3)}
        alone, trained = nd.train(quadratic, **plan).theta, nd.train(wrapped, **plan).theta
        assert not torch.allclose(alone, trained, rtol=1e-3)


def test_clipping_twice_is_clipping_at_the_smaller_threshold(logistic):
    theta = torch.randn(2, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    once = Clipped(logistic, 0.3).oracle(2, 4, nd.generator(0))(theta)
    for first, second in [(0.3, 0.7), (0.7, 0.3)]:
        assert torch.equal(Clipped(Clipped(logistic, first), second).oracle(2, 4, nd.generator(0))(theta), once)
    with pytest.raises(ValueError, match="gives no gradients of single samples: leave clip out"):
        Clipped(nd.LeastSquares(torch.ones(2)), 1.0).oracle(1, 1, nd.generator(0))
