import itertools

import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

from noisydescent import Logistic, MarkovLanguage, MarkovSource, Quadratic, named, sweep, train
from noisydescent.optimizers import RULES
from noisydescent.schedules import NAMES, constant, multipliers
from noisydescent.training import gradient_norm


def quadratic(noise=1.0) -> Quadratic:
    return Quadratic(torch.tensor([0.1, 0.5, 1.0], dtype=torch.float64), noise=noise, device="cpu")


def settings(**changes):
    return {"steps": 20, "batch_size": 4, "peak": 0.3, "schedule": constant, **changes}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("warmup", [0.0, 0.3])
def test_the_learning_rate_applied_is_the_one_intended(name, warmup):
    schedule = named(name, 50, warmup)
    training = train(quadratic(), **settings(steps=50, schedule=schedule, runs=3))
    intended = 0.3 * multipliers(schedule, 50)
    assert training.learning_rate.shape == (50, 3)
    torch.testing.assert_close(training.learning_rate, intended[:, None].expand(50, 3), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_training_is_torch_sgd_with_lambda_lr_step_by_step(name):
    p, steps, peak = quadratic(noise=0.0), 40, 1.3
    schedule = named(name, steps, 0.2)
    theta = p.start.clone().requires_grad_()
    optimizer = torch.optim.SGD([theta], lr=peak)
    scheduler = LambdaLR(optimizer, schedule)
    losses = [p.loss(theta).item()]
    for _ in range(steps):
        optimizer.zero_grad()
        p.loss(theta).backward()
        optimizer.step()
        if len(losses) < steps:  # some schedules have no multiplier past their last step
            scheduler.step()
        losses.append(p.loss(theta).item())
    training = train(p, **settings(steps=steps, peak=peak, schedule=schedule))
    torch.testing.assert_close(training.theta[0], theta.detach(), rtol=0, atol=1e-12)
    torch.testing.assert_close(training.loss[:, 0], torch.tensor(losses, dtype=torch.float64), rtol=0, atol=1e-12)
    assert training.steps.tolist() == list(range(steps + 1))


def test_a_learning_rate_for_each_run():
    peaks = torch.tensor([0.1, 0.2, 0.4])
    training = train(quadratic(noise=0.0), **settings(peak=peaks, runs=3))
    for run, peak in enumerate(peaks.tolist()):
        alone = train(quadratic(noise=0.0), **settings(peak=peak))
        torch.testing.assert_close(training.loss[:, run], alone.loss[:, 0], rtol=1e-12, atol=0)
        torch.testing.assert_close(training.learning_rate[:, run], alone.learning_rate[:, 0], rtol=0, atol=1e-12)


PROBLEMS = {
    "quadratic": quadratic,
    "logistic": lambda: Logistic.gaussian_classes(n_samples=50, dim=3),
    "transformer": lambda: MarkovLanguage(
        MarkovSource.random(4), length=4, width=4, layers=1, heads=1, sequences=20, held_out=4
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(name):
    first, again, other = (
        train(PROBLEMS[name](), **settings(runs=2, seed=seed, steps=5)) for seed in (1, 1, 2)
    )  # fmt: skip
    assert torch.equal(first.loss, again.loss) and torch.equal(first.theta, again.theta)
    assert torch.equal(first.learning_rate, again.learning_rate)
    assert (first.loss[-1] != other.loss[-1]).any()
    assert first.loss[-1, 0] != first.loss[-1, 1], "two runs of one call are two seeds"


def test_records_at_the_start_every_k_steps_and_at_the_end():
    p = quadratic()
    training = train(p, **settings(record_every=8, runs=2, metrics={"norm": gradient_norm}))
    assert training.steps.tolist() == [0, 8, 16, 20]
    assert training.loss.shape == training.metrics["norm"].shape == (4, 2)
    every = train(p, **settings(runs=2))
    # without metrics the quadratic takes its block recursion: the same numbers up to rounding
    torch.testing.assert_close(training.loss, every.loss[training.steps], rtol=1e-12, atol=0)
    torch.testing.assert_close(training.loss[-1], p.loss(training.theta), rtol=0, atol=0)


def test_the_metric_sees_the_gradient_that_the_step_uses():
    seen = []

    def record(problem, theta, gradient):
        seen.append((theta.clone(), gradient.clone()))
        return gradient.norm(dim=1)

    training = train(quadratic(), **settings(steps=3, metrics={"norm": record}))
    for (theta, gradient), (after, _) in itertools.pairwise(seen):
        torch.testing.assert_close(theta - 0.3 * gradient, after, rtol=0, atol=1e-12)
    expected = [float(gradient.norm()) for _, gradient in seen]
    assert training.metrics["norm"][:, 0].tolist() == pytest.approx(expected)


def test_on_record_stops_the_training_where_it_says():
    called = []

    def stop_at_ten(step, loss):
        called.append((step, loss.shape))
        return step >= 10

    training = train(quadratic(), **settings(record_every=5, runs=2, on_record=stop_at_ten))
    assert called == [(0, (2,)), (5, (2,)), (10, (2,))]
    whole = train(quadratic(), **settings(record_every=5, runs=2))
    assert training.steps.tolist() == [0, 5, 10] and torch.equal(training.loss, whole.loss[:3])
    assert training.learning_rate.shape == (10, 2)
    assert torch.equal(training.theta, train(quadratic(), **settings(steps=10, runs=2)).theta)
    at_once = train(quadratic(), **settings(on_record=lambda step, loss: True))
    assert at_once.steps.tolist() == [0] and at_once.learning_rate.shape == (0, 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"steps": 2.5}, "steps must be a whole number of at least 1, got 2.5"),
        ({"batch_size": -3}, "batch_size must be a whole number of at least 1, got -3"),
        ({"runs": 0}, "runs must be"),
        ({"runs": True}, "runs must be"),
        ({"record_every": 0}, "record_every must be"),
        ({"peak": -0.1}, "peak must be finite and not negative, got -0.1"),
        ({"peak": float("nan")}, "peak must be finite and not negative, got nan"),
        ({"peak": torch.tensor([0.1, -0.2]), "runs": 2}, "peak must be finite and not negative, got -0.2"),
        ({"peak": "x"}, r"peak must be a number or a tensor \(1,\), one for each run, got 'x'"),
        ({"peak": None}, r"peak must be a number or a tensor \(1,\), one for each run, got None"),
        ({"optimizer": None}, "unknown optimizer None: known: sgd, heavy_ball, "),
        ({"optimizer": "muo"}, r"unknown optimizer 'muo': did you mean 'muon'\?"),
        ({"hyper": {"weight_decay": "a"}}, "weight_decay must be a number, got 'a'"),
        ({"peak": torch.ones(3), "runs": 2}, r"peak must be a number or a tensor \(2,\).*got \(3,\)"),
    ],
)
def test_bad_arguments(changes, words):
    with pytest.raises(ValueError, match=words):
        train(quadratic(), **settings(**changes))


def test_the_thread_count_is_restored_also_after_an_exception():
    before = torch.get_num_threads()
    inside = []

    def fail(step, loss):
        inside.append(torch.get_num_threads())
        raise RuntimeError("stop")

    torch.set_num_threads(2)
    try:
        with pytest.raises(RuntimeError, match="stop"):
            train(quadratic(), **settings(on_record=fail))
        assert inside == [1] and torch.get_num_threads() == 2
        train(quadratic(), **settings(on_record=lambda step, loss: inside.append(torch.get_num_threads())))
        assert set(inside) == {1} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


# --- sweep


def grid(**changes):
    plan = {
        "steps": 12,
        "batch_sizes": [2, 8],
        "peaks": [0.1, 0.3, 0.2],
        "schedules": ["constant", "cosine"],
        "seeds": 3,
    }
    return {**plan, "records": 4, "progress": False, **changes}


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_cell_of_a_sweep_is_the_training_of_its_configuration(name):
    problem, result = PROBLEMS[name](), sweep(PROBLEMS[name](), **grid(metrics=["gradient_norm"]))
    assert result.loss.shape == result.metrics["gradient_norm"].shape == (2, 1, 2, 3, 3, 5)
    assert result.learning_rate.shape == (2, 1, 2, 3, 3, 12) and result.complete
    close = {"rtol": 1e-4, "atol": 1e-5} if problem.dtype == torch.float32 else {"rtol": 1e-10, "atol": 1e-12}
    for batch_size, schedule, peak in itertools.product([2, 8], ["constant", "cosine"], [0.1, 0.3]):
        plan = settings(batch_size=batch_size, peak=peak, schedule=named(schedule, 12), steps=12, runs=3)
        alone = train(problem, record_every=3, metrics=["gradient_norm"], **plan)
        found = result.at(batch_size=batch_size, optimizer="sgd", schedule=schedule, peak=peak)
        torch.testing.assert_close(found.T, alone.loss, **close)
    intended = 0.3 * multipliers(named("cosine", 12), 12)
    applied = result.learning_rate[0, 0, 1, 1]
    torch.testing.assert_close(applied, intended.expand(3, 12), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", PROBLEMS)
def test_chunks_change_no_number(name):
    problem = PROBLEMS[name]()
    whole = sweep(problem, **grid())
    parts = sweep(problem, **grid(memory=2 * 3 * problem.bytes_per_run(8)))
    close = {"rtol": 1e-4, "atol": 1e-5} if problem.dtype == torch.float32 else {"rtol": 1e-10, "atol": 1e-12}
    torch.testing.assert_close(whole.loss, parts.loss, **close)


def test_steps_may_differ_with_the_batch_size():
    result = sweep(quadratic(), **grid(steps={2: 16, 8: 4}))
    assert result.steps[2].tolist() == [0, 4, 8, 12, 16] and result.steps[8].tolist() == [0, 1, 2, 3, 4]
    assert result.learning_rate[1, ..., 4:].isnan().all() and not result.learning_rate[0].isnan().any()


@pytest.mark.parametrize("optimizer", [*RULES])
def test_every_optimizer_lowers_the_loss_of_the_transformer_and_its_rate_is_applied(optimizer):
    hyper = {"soap": {"soap": {"precondition_frequency": 10, "basis": "qr"}}}.get(optimizer)
    peak = {"sgd": 0.5, "heavy_ball": 0.1, "nesterov": 0.1, "lars": 10.0, "shampoo": 0.05}.get(optimizer, 0.02)
    plan = {"steps": 30, "batch_sizes": [16], "peaks": [peak], "schedules": ["linear"], "records": 3, "progress": False}
    result = sweep(PROBLEMS["transformer"](), optimizers=[optimizer], hyper=hyper, seeds=2, seed=1, **plan)
    first, last = result.loss[0, 0, 0, 0, :, 0], result.loss[0, 0, 0, 0, :, -1]
    assert (last < first).all(), f"{first} -> {last}"
    intended = peak * multipliers(named("linear", 30), 30)
    torch.testing.assert_close(result.learning_rate[0, 0, 0, 0, 0], intended, rtol=0.02, atol=1e-4 * peak)


def test_runs_of_one_seed_see_the_same_minibatches_in_every_configuration():
    """At rate zero nothing moves, so the gradients of two configurations are those of the same minibatches."""
    result = sweep(quadratic(), **grid(peaks=[0.0, 0.0], metrics=["gradient_norm"]))
    norms = result.metrics["gradient_norm"]
    torch.testing.assert_close(norms[:, :, :, 0], norms[:, :, :, 1], rtol=0, atol=0)
    assert norms[0, 0, 0, 0, 0, 0] != norms[0, 0, 0, 0, 1, 0], "two seeds see two minibatches"


def test_a_cancelled_sweep_gives_back_what_is_done():
    asked = []
    problem = quadratic()
    stopped = sweep(
        problem, **grid(memory=3 * problem.bytes_per_run(8), cancel=lambda: asked.append(1) or len(asked) > 8)
    )
    assert not stopped.complete and len(asked) == 9
    whole = sweep(problem, **grid())
    done = ~stopped.loss.isnan()
    assert 0 < done.sum() < done.numel()
    torch.testing.assert_close(stopped.loss[done], whole.loss[done])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch_sizes": [4, 0]}, "batch_sizes must be a whole number"),
        ({"peaks": [-0.1]}, "peaks must be finite and not negative"),
        ({"peaks": ["x"]}, "peaks must be a number, got 'x'"),
        ({"schedules": [None]}, "unknown schedule None: known: constant, linear, "),
        ({"optimizers": ["muon"]}, "optimizer 'muon' updates matrices and this problem's parameters are one vector"),
        ({"peaks": []}, "peak: give at least one value"),
        ({"schedules": ["cosin"]}, "did you mean 'cosine'"),
        ({"optimizers": ["adm"]}, "did you mean 'adam'"),
        ({"metrics": ["gradient_nrm"]}, "did you mean 'gradient_norm'"),
        ({"records": 13}, "records must not be greater than the steps"),
        ({"memory": 1000}, "memory: one configuration of 3 seeds at batch size 2 takes about"),
        ({"warmup_fraction": 1.5}, "warmup_fraction"),
    ],
)
def test_bad_sweeps(changes, words):
    with pytest.raises(ValueError, match=words):
        sweep(quadratic(), **grid(**changes))


def test_at_says_what_there_is():
    result = sweep(quadratic(), **grid())
    assert result.at(peak=0.3, batch_size=8).shape == (1, 2, 3, 5)
    with pytest.raises(ValueError, match=r"batch_size 3 is not in this sweep: it has \[2, 8\]"):
        result.at(batch_size=3)
    with pytest.raises(ValueError, match="did you mean 'peak'"):
        result.at(peek=0.3)


# --- learning rates as a tensor


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_tensor_of_multipliers_is_the_schedule_it_was_made_of(name):
    schedule = named("cosine", 6, 0.3)
    called = train(PROBLEMS[name](), **settings(steps=6, schedule=schedule, runs=2))
    given = train(PROBLEMS[name](), **settings(steps=6, schedule=multipliers(schedule, 6), runs=2))
    for one, other in [(called.theta, given.theta), (called.loss, given.loss)]:
        assert torch.equal(one, other)
    assert torch.equal(called.learning_rate, given.learning_rate)


def test_a_schedule_for_each_run():
    columns = torch.stack([multipliers(named(name, 8), 8) for name in ("constant", "linear")], dim=1)
    together = train(quadratic(noise=0.0), **settings(steps=8, schedule=columns, runs=2))
    for run, name in enumerate(["constant", "linear"]):
        alone = train(quadratic(noise=0.0), **settings(steps=8, schedule=named(name, 8)))
        torch.testing.assert_close(together.theta[run], alone.theta[0], rtol=1e-12, atol=0)
    peaks = torch.tensor([0.1, 0.2])
    rates = train(quadratic(), **settings(steps=8, schedule=columns, peak=peaks, runs=2)).learning_rate
    torch.testing.assert_close(rates, columns * peaks.double(), rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (torch.ones(19), r"schedule must hold one multiplier for each of 20 steps.*got shape \(19,\)"),
        (torch.ones(()), r"schedule must hold one multiplier for each of 20 steps.*got shape \(\)"),
        (torch.ones(20, 3), "schedule must have one column, or one for each of 2 runs, got 3"),
        (torch.linspace(0.5, -0.5, 20), "schedule must be finite and not negative, got -0.02.* at step 10"),
        (torch.tensor([1.0] * 19 + [float("nan")]), "schedule must be finite and not negative, got nan at step 19"),
    ],
)
def test_bad_tensors_of_multipliers(schedule, words):
    with pytest.raises(ValueError, match=words):
        train(quadratic(), **settings(schedule=schedule, runs=2))


def test_hyperparameters_of_an_optimizer_that_does_not_exist_are_refused():
    with pytest.raises(ValueError, match="unknown optimizer in hyper 'sdg': did you mean 'sgd'"):
        sweep(quadratic(), **grid(hyper={"sdg": {"weight_decay": 0.1}}))
