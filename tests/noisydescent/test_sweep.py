import itertools

import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

from noisydescent import Logistic, MarkovLanguage, MarkovSource, Quadratic, named, train, train_each
from noisydescent.schedules import NAMES, constant, multipliers
from noisydescent.sweep import gradient_norm


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


def test_train_each_pairs_the_runs():
    few, many = train_each(quadratic(), [{"batch_size": 1}, {"batch_size": 100}], **settings(runs=2))
    torch.testing.assert_close(many.loss, train(quadratic(), **settings(runs=2, batch_size=100)).loss, rtol=0, atol=0)
    assert not torch.equal(few.loss, many.loss)


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
