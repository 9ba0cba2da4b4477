"""The stages of a training step: each does what it says with every optimizer, in one order."""

import itertools
from functools import partial

import pytest
import torch

import noisydescent as nd
from noisydescent import Hooks, LeastSquares, Logistic, MarkovLanguage, MarkovSource, Quadratic, train
from noisydescent.optimizers import LAYER_RULES, MATRIX_RULES, RULES, compressed_sgd, rule, top_k, with_feedback
from noisydescent.problems import Clipped, Noisy, Problem, clip_norm, stable_noise
from noisydescent.training.updates import is_plain_sgd

STAGES = {
    "noise": {"noise": "heavy tails"},
    "clip": {"clip": 0.2},
    "compress": {"compress": partial(top_k, k=2)},
    "compress, no feedback": {"compress": partial(top_k, k=2), "error_feedback": False},
    "workers": {"workers": 3, "local_steps": 2},
}


def quadratic(**more):
    return Quadratic(torch.tensor([0.1, 0.5, 1.0]), **more)


def language():
    source = MarkovSource.random(4)
    return MarkovLanguage(source, length=4, width=4, layers=1, heads=1, sequences=20, held_out=4)


def plan(steps=6, **more):
    return {"steps": steps, "batch_size": 4, "peak": 0.1, "schedule": nd.named("linear", steps), "runs": 2, **more}


@pytest.mark.parametrize("optimizer", RULES)
@pytest.mark.parametrize("stage", STAGES)
def test_every_optimizer_with_every_stage(optimizer, stage):
    """Each stage changes what each optimizer does, and the optimizer is not replaced by SGD."""
    problem = language()
    hooked = train(problem, optimizer=optimizer, hooks=Hooks(**STAGES[stage]), **plan())
    alone = train(problem, optimizer=optimizer, **plan())
    assert hooked.theta.shape == alone.theta.shape and torch.isfinite(hooked.loss).all()
    assert not torch.equal(hooked.theta, alone.theta)
    if optimizer != "sgd":
        assert not torch.equal(hooked.theta, train(problem, hooks=Hooks(**STAGES[stage]), **plan()).theta)
    intended = 0.1 * nd.multipliers(nd.named("linear", 6), 6)
    torch.testing.assert_close(hooked.learning_rate, intended[:, None].expand(6, 2), rtol=0.02, atol=1e-5)


@pytest.mark.parametrize("optimizer", MATRIX_RULES)
@pytest.mark.parametrize("stage", STAGES)
def test_matrix_rules_on_a_vector_are_refused_with_a_reason(optimizer, stage):
    words = (
        f"^optimizer '{optimizer}' updates matrices and this problem's parameters are one vector: use another.*'adamw'"
    )
    with pytest.raises(ValueError, match=words):
        train(quadratic(), optimizer=optimizer, hooks=Hooks(**STAGES[stage]), **plan())


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(STAGES, 2)))
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_any_two_stages_both_change_the_training(one, other, optimizer):
    if one.startswith("compress") and other.startswith("compress"):
        return
    problem = Logistic.gaussian_classes(n_samples=50, dim=4)
    ends = [train(problem, optimizer=optimizer, hooks=Hooks(**stages), **plan()).theta for stages in (
        STAGES[one] | STAGES[other], STAGES[other] | STAGES[one], STAGES[one], STAGES[other], {},
    )]  # fmt: skip
    assert torch.equal(ends[0], ends[1])
    assert all(not torch.equal(ends[0], end) for end in ends[2:])


def test_no_hooks_are_no_hooks():
    for problem in (quadratic(), Logistic.gaussian_classes(n_samples=50, dim=4)):
        assert torch.equal(train(problem, hooks=Hooks(), **plan()).theta, train(problem, **plan()).theta)


# --- noise and clipping


@pytest.mark.parametrize("kind", ["multiplicative", "heavy tails"])
def test_each_sample_s_noisy_gradient_is_clipped_and_then_the_mean_is_taken(kind, agrees):
    """Against draws made here: G z^2 or G + stable noise of one sample, clipped, averaged over B = 4."""
    problem = quadratic(noise=torch.tensor([1.0, 4.0, 0.25]))
    theta = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    runs, slope, random = 20_000, problem.gradient(theta), nd.generator(5)
    if kind == "multiplicative":
        rows = slope * torch.randn(runs, 4, 3, generator=random, dtype=torch.float64).square()
    else:
        scale = problem.noise_variance.sqrt() / 2**0.5
        rows = slope + scale * stable_noise(1.5, runs, 4, 3, generator=random)
    wanted = clip_norm(rows, 0.7).mean(dim=1)
    got = Hooks(noise=kind, clip=0.7).perturbed(problem).oracle(runs, 4, nd.generator(6))(theta.expand(runs, -1))
    assert (got.norm(dim=1) <= 0.7 + 1e-12).all()
    agrees(torch.cat([got - wanted, got.square() - wanted.square()], dim=1), 0.0)
    # not the clipped mean of noisy gradients, which is longer
    assert got.norm(dim=1).mean() < 0.9 * clip_norm(rows.mean(dim=1), 0.7).norm(dim=1).mean()


@pytest.mark.parametrize("kind", ["multiplicative", "heavy tails"])
@pytest.mark.parametrize("make", [quadratic, language])
def test_clipping_noise_and_adding_noise_to_what_is_clipped_are_the_same(kind, make):
    problem = make()
    theta = problem.initial(2, nd.generator(3))
    scale = 0.5 if kind == "heavy tails" else None
    hooks = Hooks(noise=kind, noise_scale=scale, clip=0.3)
    wrapped = [Clipped(Noisy(problem, kind, scale), 0.3), Noisy(Clipped(problem, 0.3), kind, scale)]
    wrapped += [Hooks(noise=kind, noise_scale=scale).perturbed(Clipped(problem, 0.3))]
    wrapped += [
        Clipped(Noisy(Clipped(problem, 0.3), kind, scale), 0.9),
        Clipped(Noisy(Clipped(problem, 0.9), kind, scale), 0.3),
    ]
    want = hooks.perturbed(problem).oracle(2, 3, nd.generator(1))(theta)
    assert (want.norm(dim=1) <= 0.3 + 1e-6).all()
    for one in wrapped:
        assert torch.equal(one.oracle(2, 3, nd.generator(1))(theta), want)


def test_runs_of_a_seed_see_the_same_clipped_noise():
    g = Clipped(Noisy(quadratic(), "heavy tails"), 0.5).oracle(6, 2, nd.generator(0), copies=2)(
        torch.ones(6, 3).double()
    )
    assert torch.equal(g[:3], g[3:]) and not torch.equal(g[0], g[1])


def test_clipping_is_what_heavy_tails_need():
    """Of 64 runs under noise of infinite variance some end far away; clipped sample by sample none does."""
    problem = quadratic()
    loose, clipped = (
        train(problem, hooks=Hooks(noise="heavy tails", clip=clip), **plan(400, runs=64)).loss[1:].max()
        for clip in (float("inf"), 1.0)
    )
    assert loose > 20 * clipped


def test_a_wide_threshold_clips_nothing():
    """The mean of four draws of one sample's noise has the law of the minibatch's one draw, not its numbers."""
    problem, theta = quadratic(), torch.ones(4000, 3).double()
    means = [
        Hooks(noise="multiplicative", clip=clip).perturbed(problem).oracle(4000, 4, nd.generator(0))(theta)
        for clip in (1e9, float("inf"))
    ]
    assert not torch.equal(*means)
    assert torch.allclose(means[0].var(dim=0), means[1].var(dim=0), rtol=0.2)


# --- compression


def test_a_compressed_update_of_an_optimizer_is_the_one_written_out():
    problem = quadratic(noise=0.0, start=torch.tensor([3.0, 1.0, -2.0]))
    compress, adam = partial(top_k, k=1), rule("adam")
    run = train(problem, optimizer="adam", hooks=Hooks(compress=compress), **plan(runs=1))
    theta, held, state = problem.initial(1), torch.zeros(1, 3).double(), None
    for t in range(6):
        (after,), state = adam([theta], [problem.gradient(theta)], state, 0.1 * (1 - t / 6))
        sent, held = with_feedback(theta - after, held, compress)
        theta = theta - sent
    assert torch.allclose(run.theta, theta, rtol=1e-12)
    assert ((run.theta - problem.start) != 0).sum() > 1, "what is held back is sent later"


@pytest.mark.parametrize("feedback", [True, False])
def test_workers_that_compress_and_average_at_every_step_are_compressed_sgd(feedback):
    problem, compress = quadratic(), partial(top_k, k=1)
    hooks = Hooks(compress=compress, error_feedback=feedback, workers=3)
    run = train(problem, hooks=hooks, **plan(8, schedule=torch.ones(8), runs=2))
    oracle = problem.oracle(6, 4, nd.generator(0))
    gradients = {}

    def worker(k, theta):
        if k == 0:  # the three clients share the draws of one step
            gradients["now"] = oracle(theta.repeat(3, 1))
        return gradients["now"].view(3, 2, 3)[k]

    clients = [partial(worker, k) for k in range(3)]
    reference = compressed_sgd(clients, problem.initial(2), 0.1, 8, compress, error_feedback=feedback)
    assert torch.allclose(run.theta, reference.theta[-1], rtol=1e-12)


# --- workers


def test_workers_keep_their_own_optimizer_state():
    """Heavy ball, two workers, averaged after three steps: each has a buffer of its own gradients."""
    problem = quadratic()
    run = train(problem, optimizer="heavy_ball", hooks=Hooks(workers=2, local_steps=3), **plan(5, runs=1))
    theta, step, state = problem.initial(2), rule("heavy_ball"), None
    oracle = problem.oracle(2, 4, nd.generator(0))
    for t in range(5):
        (theta,), state = step([theta], [oracle(theta)], state, torch.full((2,), 0.1 * (1 - t / 5)).double())
        if t == 2:
            theta = theta.mean(dim=0).repeat(2, 1)
    assert torch.allclose(run.theta, theta.mean(dim=0), rtol=1e-12)
    assert torch.allclose(run.loss[-1, 0], problem.loss(theta).mean())


def test_metrics_of_workers_are_means_over_them():
    hooks = Hooks(workers=2, local_steps=4)
    run = train(quadratic(), hooks=hooks, metrics=["distance_to_optimum", "gradient_norm"], **plan())
    assert run.metrics["distance_to_optimum"].shape == run.loss.shape == run.metrics["gradient_norm"].shape


# --- arguments


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"clip": 0.0}, "clip must be positive, got 0.0"),
        ({"clip": -1}, "clip must be positive, got -1.0"),
        ({"clip": float("nan")}, "clip must be positive, got nan"),
        ({"clip": "a"}, "clip must be a number, got 'a'"),
        ({"clip": "1"}, "clip must be a number, got '1'"),
        ({"clip": None}, "clip must be a number, got None"),
        ({"clip": True}, "clip must be a number, got True"),
        ({"clip": torch.ones(2)}, "clip must be a number, got tensor"),
        ({"compress": 5}, r"compress must be a function \(R, d\) -> \(R, d\) or None, got 5"),
        ({"error_feedback": "with"}, "error_feedback must be True or False, got 'with'"),
        ({"noise": "multiplicative", "noise_scale": 0.5}, "noise_scale=0.5 has no effect on multiplicative noise"),
        ({"noise": 3}, "unknown noise 3: known: multiplicative, heavy tails"),
        ({"noise": "heavy tail"}, "unknown noise 'heavy tail': did you mean 'heavy tails'"),
        ({"noise_scale": 1.0}, "noise_scale is given without noise"),
        ({"workers": 0}, "workers must be a whole number of at least 1"),
        ({"workers": 2, "local_steps": 0}, "local_steps must be"),
        ({"local_steps": 4}, "local_steps=4 has one worker to average over: give workers=2"),
    ],
)
def test_bad_hooks(given, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        Hooks(**given)


BAD_SCALES = [
    (-1, "must be finite and not negative, got -1.0"),
    (float("nan"), "must be finite and not negative, got nan"),
    (float("inf"), "must be finite and not negative, got inf"),
    (torch.tensor([0.1, -0.2, 0.3]).double(), "must be finite and not negative, got -0.2"),
    ("x", r"must be a number or a tensor \(3,\), one for each coordinate, got 'x'"),
    (torch.ones(2), r"must be a number or a tensor \(3,\), one for each coordinate, got \(2,\)"),
    (torch.ones(3, dtype=torch.complex64), r"must be a number or a tensor \(3,\), one for each coordinate, got tensor"),
]


@pytest.mark.parametrize(("scale", "words"), BAD_SCALES)
def test_a_bad_scale_is_named_as_the_caller_wrote_it(scale, words):
    with pytest.raises(ValueError, match=f"^noise_scale {words}"):
        train(quadratic(), hooks=Hooks(noise="heavy tails", noise_scale=scale), **plan())
    with pytest.raises(ValueError, match=f"^scale {words}"):
        Noisy(quadratic(), "heavy tails", scale)


def test_noise_without_a_scale_is_given_none():
    with pytest.raises(ValueError, match=r"^scale=0.5 has no effect on multiplicative noise: leave it out"):
        Noisy(quadratic(), "multiplicative", 0.5)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize(
    ("compress", "got"), [(lambda v: v[:, :1], r"\(2, 1\)"), (lambda v: v[0], r"\(3,\)"), (lambda v: None, "None")]
)
def test_a_compressor_that_changes_the_shape_is_refused(compress, got, optimizer):
    words = rf"^compress must return the shape that it is given, \(2, 3\), got {got}"
    with pytest.raises(ValueError, match=words):
        train(quadratic(), optimizer=optimizer, hooks=Hooks(compress=compress), **plan())
    with pytest.raises(ValueError, match=words):
        compressed_sgd([lambda theta: theta], torch.ones(2, 3), 0.1, 2, compress)


@pytest.mark.parametrize("hooks", [{"clip": 1}, {}, "clip", Hooks])
def test_hooks_that_are_none(hooks):
    with pytest.raises(ValueError, match=r"^hooks must be a Hooks, such as Hooks\(clip=1.0\), got "):
        train(quadratic(), hooks=hooks, **plan())


def test_a_problem_without_single_samples_says_so():
    with pytest.raises(ValueError, match="LeastSquares gives no gradients of single samples: leave clip out"):
        train(LeastSquares(torch.ones(2)), hooks=Hooks(clip=1.0), **plan())
    with pytest.raises(ValueError, match="LeastSquares does not know how its gradients spread: give a number"):
        train(LeastSquares(torch.ones(2)), hooks=Hooks(noise="heavy tails"), **plan())
    train(LeastSquares(torch.ones(2)), hooks=Hooks(noise="heavy tails", noise_scale=1.0, clip=0.5), **plan())


def test_weight_decay_of_sgd_is_not_dropped():
    """SGD has paths of its own through the loop; with weight decay it must not take them."""
    assert is_plain_sgd("sgd", {}) and is_plain_sgd("sgd", {"weight_decay": 0.0})
    assert not is_plain_sgd("sgd", {"weight_decay": 0.1}) and not is_plain_sgd("adam", {})
    problem = quadratic(noise=0.0)
    for hooks in (Hooks(), Hooks(workers=2)):
        decayed = train(problem, hyper={"weight_decay": 0.5}, hooks=hooks, **plan(1, runs=1)).theta[0]
        assert torch.allclose(decayed, problem.start - 0.1 * (problem.gradient(problem.start) + 0.5 * problem.start))


def test_layer_rules_see_the_layers_under_a_hook():
    """A trust ratio of the whole vector is another one than those of its layers."""
    problem = language()
    assert "lamb" in LAYER_RULES
    run = train(problem, optimizer="lamb", hooks=Hooks(clip=1e6), **plan(1, runs=1))
    alone = train(problem, optimizer="lamb", **plan(1, runs=1))
    torch.testing.assert_close(run.theta, alone.theta, rtol=1e-3, atol=1e-4)


class Bowl(Problem):
    """f = theta^2 / 2 in one dimension without noise: what a problem has to have, and nothing else."""

    dim, floor, device, dtype = 1, 0.0, torch.device("cpu"), torch.float64

    def initial(self, runs, generator):
        return torch.ones(runs, 1, dtype=torch.float64)

    def loss(self, theta):
        return 0.5 * theta[:, 0].square()

    def gradient(self, theta):
        return theta

    def oracle(self, runs, batch_size, generator, copies=1):
        return self.gradient

    def bytes_per_run(self, batch_size):
        return 100


def test_a_problem_of_one_s_own():
    for optimizer, hooks in itertools.product(
        ["sgd", "adam"], [Hooks(), Hooks(workers=2), Hooks(noise="multiplicative")]
    ):
        run = train(Bowl(), optimizer=optimizer, hooks=hooks, **plan(20))
        assert run.loss[-1].max() < run.loss[0].min()
    swept = nd.sweep(Bowl(), steps=5, peaks=[0.1, 0.2], progress=False)
    assert torch.allclose(swept.loss[0, 0, 0, :, 0, -1], 0.5 * torch.tensor([0.9, 0.8]).double() ** 10)
    with pytest.raises(ValueError, match=r"problem must be one of .*, or inherit Problem, got 'bowl'"):
        train("bowl", **plan())
