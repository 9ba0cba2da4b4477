import dataclasses

import pytest
import torch

from noisydescent import optimizers, theory
from noisydescent.devices import generator
from noisydescent.labs import KNOBS, LabState
from noisydescent.labs.knobs import WORKERS
from noisydescent.labs.measurement import LABS
from noisydescent.problems import Logistic, Quadratic
from noisydescent.schedules import named
from noisydescent.training import Hooks, train


def plan(steps, **more):
    return {"steps": steps, "batch_size": 4, "peak": 0.3, "schedule": named("linear", steps), **more}


def train_workers(problem, local_steps, runs, **plan):
    return train(problem, runs=runs, hooks=Hooks(workers=WORKERS, local_steps=local_steps), **plan)


def quadratic():
    return Quadratic(torch.tensor([0.1, 0.5, 1.0]), noise=torch.tensor([1.0, 2.0, 0.5]))


@pytest.mark.parametrize("local_steps", KNOBS["local_steps"].options)
def test_measured_loss_is_the_predicted_one(agrees, local_steps):
    """Four workers on a quadratic: SGD of batch size 4 B, and the drift on top of it."""
    state = LabState(batch_size=4, peak=0.4, steps=40, knobs=(("local_steps", local_steps),))
    lab, schedule = LABS["quadratic"], torch.ones(40)
    run = train_workers(
        lab.problem(), local_steps, 400, steps=40, batch_size=4, peak=0.4, schedule=schedule, record_every=3
    )
    expected = lab.predict(state, 0.4 * schedule.double())
    assert run.loss.shape == (len(run.steps), 400)
    agrees(run.loss.T[:, 1:], expected[run.steps[1:]])


@pytest.mark.parametrize("steps", [1, 5, 12])
def test_averaging_every_step_is_one_process_with_four_times_the_batch(steps):
    """With one local step all workers hold the mean model, made from the mean of their four gradients."""
    problem = quadratic()
    run = train_workers(problem, 1, runs=2, **plan(steps))
    random = generator(0, problem.device)
    theta, oracle = problem.initial(8), problem.oracle(8, 4, random)
    for t in range(steps):
        gradients = oracle(theta)
        mean = gradients.view(4, 2, 3).mean(dim=0).repeat(4, 1)
        theta = theta - 0.3 * (1 - t / steps) * mean
    assert torch.allclose(run.theta, theta[:2], atol=1e-14)
    assert torch.allclose(run.loss[-1], problem.loss(theta[:2]), atol=1e-14)


def test_between_averagings_each_worker_is_alone():
    """The models of a round are those of `client_models`, and after it their mean, that of `local_sgd`."""
    problem = quadratic()
    random = generator(0, problem.device)
    oracle, starts = problem.oracle(4, 4, random), problem.initial(4)
    alone = optimizers.client_models(starts, [oracle], 0.3, 3)[0]
    before = train_workers(problem, 4, runs=1, **plan(3) | {"schedule": lambda t: 1.0})
    assert torch.allclose(before.loss[-1], problem.loss(alone).mean()[None])
    after = train_workers(problem, 3, runs=1, **plan(3) | {"schedule": lambda t: 1.0})
    assert torch.allclose(after.theta[0], alone.mean(dim=0))


def test_learning_rate_is_read_back_from_the_steps():
    run = train_workers(Logistic.gaussian_classes(200), 4, runs=1, **plan(10))
    assert torch.allclose(run.learning_rate[:, 0], 0.3 * (1 - torch.arange(10).double() / 10), atol=1e-12)


def test_a_watcher_sees_every_record_and_stops_the_run():
    seen = []

    def watch(step, loss):
        seen.append((step, loss.shape))
        return step >= 4

    run = train_workers(quadratic(), 2, runs=2, record_every=2, on_record=watch, **plan(20))
    assert seen == [(0, (2,)), (2, (2,)), (4, (2,))]
    assert run.steps.tolist() == [0, 2, 4] and run.learning_rate.shape == (4, 2)
    seen.clear()
    train_workers(quadratic(), 7, 1, record_every=5, **plan(16, on_record=lambda step, loss: seen.append(step)))
    assert seen == [0, 5, 6, 7, 10, 13, 14, 15, 16], "long rounds are seen at their ends"
    stopped = train_workers(quadratic(), 2, 1, on_record=lambda step, loss: True, **plan(20))
    assert stopped.steps.tolist() == [0] and stopped.learning_rate.shape == (0, 1)


@pytest.mark.parametrize("name", LABS)
def test_the_picture_says_what_its_curves_are(name):
    state = LabState(steps=6, knobs=(("local_steps", 4),))
    look = LABS[name].look_of(state)
    assert look.measured == f"mean over {WORKERS} workers' models"
    assert look.predicted == LABS[name].look().predicted
    readout = LABS[name].measure(state).readout
    assert "learning rate applied = intended within" in readout
    assert float(readout.rsplit("within ", 1)[1]) < 1e-4


def test_longer_rounds_cost_the_workers_and_not_their_mean():
    """In expectation: the prediction of E = 32 lies above that of E = 1 between averagings, and is it right after."""
    lab = LABS["quadratic"]
    state = dataclasses.replace(LabState(), steps=64)
    rates = 0.3 * torch.ones(64).double()
    predicted = {
        local_steps: lab.predict(dataclasses.replace(state, knobs=(("local_steps", local_steps),)), rates)
        for local_steps in (1, 32)
    }
    for step in range(65):
        if step % 32:
            assert predicted[32][step] > predicted[1][step] + 1e-3
        else:
            assert predicted[32][step] == pytest.approx(float(predicted[1][step]), rel=1e-12)
    problem = lab.problem()
    together = theory.expected_loss(problem.eigenvalues, problem.noise_variance, 32, rates, problem.start)
    assert torch.allclose(predicted[1], together)
