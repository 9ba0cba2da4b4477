"""The pictures of the three labs: state in, figure out. No widgets here, so that every picture can be tested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import torch
from matplotlib.figure import Figure
from torch import Tensor

from noisydescent import schedules, theory
from noisydescent.diagnostics import mean_and_error
from noisydescent.figures.style import draw_curve, draw_level, draw_measured, draw_theory, new_figure
from noisydescent.problems import Logistic, MarkovLanguage, Quadratic
from noisydescent.sweep import Training, train

BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True)
class LabState:
    """Where the controls of a lab stand. `warmup` is the fraction of the steps; `steps` are optimizer steps."""

    batch_size: int = 8
    schedule: str = "constant"
    peak: float = 0.3
    warmup: float = 0.0
    steps: int = 300

    def as_schedule(self) -> schedules.Schedule:
        """The schedule the controls describe."""
        return schedules.named(self.schedule, self.steps, self.warmup)


@dataclass(frozen=True)
class Picture:
    """A figure, what it shows in words (its alt text), and the numbers under it."""

    figure: Figure
    alt: str
    readout: str


@cache
def lab_quadratic() -> Quadratic:
    """The quadratic lab's problem: 20 eigenvalues from 0.02 to 1, unit gradient noise in every coordinate."""
    return Quadratic(torch.logspace(-1.7, 0, 20, dtype=torch.float64), noise=1.0)


@cache
def lab_logistic() -> Logistic:
    """The logistic lab's problem: 2,000 samples of 20 features."""
    return Logistic.gaussian_classes()


@cache
def lab_language() -> MarkovLanguage:
    """The transformer lab's problem: 26 thousand parameters on a first-order source of 16 tokens."""
    return MarkovLanguage()


def local_expected_loss(problem: Logistic, batch_size: int, rates: Tensor) -> Tensor:
    """Expected excess loss of SGD if f were the quadratic that it is near its optimum: H and Sigma taken there.

    rates (T,) as applied; returns (T + 1,). Exact where f is quadratic and the noise constant, an approximation here.
    """
    eigenvalues, basis = torch.linalg.eigh(problem.hessian(problem.optimum))
    noise = (basis.T @ problem.noise_covariance(problem.optimum) @ basis).diagonal()
    start = basis.T @ (problem.initial(1)[0] - problem.optimum)
    return theory.expected_loss(eigenvalues.cpu(), noise.cpu(), batch_size, rates, start.cpu())


def _settings(state: LabState) -> dict:
    return {
        "steps": state.steps,
        "batch_size": state.batch_size,
        "peak": state.peak,
        "schedule": state.as_schedule(),
    }


def _readout(state: LabState, training: Training, what: str) -> str:
    """Final value over the runs, and the largest gap between the learning rate applied and the one intended."""
    intended = state.peak * schedules.multipliers(state.as_schedule(), len(training.learning_rate))
    gaps = (training.learning_rate - intended[:, None]).abs()
    gaps = gaps[torch.isfinite(gaps)]  # a run that has overflowed has no learning rate to read back
    applied = f"learning rate applied = intended within {float(gaps.max()):.0e}" if len(gaps) else "no step taken"
    samples = int(training.steps[-1]) * state.batch_size
    return f"{what} at the end {_number(training.loss[-1].mean(), '.4g')} · {samples:,} samples · {applied}"


def _words(state: LabState, what: str, training: Training) -> str:
    first, last = (_number(training.loss[k].mean(), ".3g") for k in (0, -1))
    return (
        f"{what} against optimizer step for batch size {state.batch_size}, {state.schedule} schedule, "
        f"peak learning rate {state.peak:.3g}, warmup {state.warmup:.0%}: from {first} to {last}. "
        "Beside it the learning rate as applied."
    )


def _number(value: Tensor, form: str) -> str:
    return format(float(value), form) if torch.isfinite(value) else "no finite number (the run diverged)"


def _axes(what: str) -> tuple[Figure, list]:
    figure, axes = new_figure("optimizer step", [what, "learning rate"], panels=2)
    figure.set_size_inches(8.0, 3.4)
    axes[0].set_yscale("log")
    return figure, axes


def _draw_rate(axis, state: LabState, training: Training) -> None:
    draw_curve(axis, range(len(training.learning_rate)), training.learning_rate[:, 0], "as applied", color="#009E73")
    intended = state.peak * schedules.multipliers(state.as_schedule(), state.steps)
    draw_theory(axis, range(state.steps), intended, "intended")
    axis.set_ylim(0, 1.15 * state.peak)


def _draw_losses(axis, training: Training, floor: float, predicted: Tensor | None, label: str) -> None:
    mean, error = mean_and_error(training.loss - floor, dim=1)
    draw_measured(axis, training.steps, mean, error, f"measured, {training.loss.shape[1]} seeds", band=True)
    if predicted is not None:
        draw_theory(axis, range(len(predicted)), predicted, label)
        finite = predicted[torch.isfinite(predicted)]
        # a diverging run must not flatten the part that can be read
        axis.set_ylim(max(float(finite.min()) * 0.4, 1e-6), min(float(finite.max()) * 2.5, 1e6))


@lru_cache(maxsize=256)
def quadratic_picture(state: LabState) -> Picture:
    """Measured loss of SGD on the quadratic, 64 seeds, under the exact recursion; beside it the learning rate."""
    problem = lab_quadratic()
    training = train(problem, runs=64, record_every=5, **_settings(state))
    predicted = theory.expected_loss_of(problem, state.batch_size, state.peak, state.as_schedule(), state.steps)
    figure, (left, right) = _axes("loss f")
    _draw_losses(left, training, 0.0, predicted, "exact expectation")
    _draw_rate(right, state, training)
    return Picture(figure, _words(state, "Loss on the quadratic", training), _readout(state, training, "loss"))


@lru_cache(maxsize=256)
def logistic_picture(state: LabState) -> Picture:
    """Measured excess loss of SGD on logistic regression, 16 seeds, and the local quadratic theory."""
    problem = lab_logistic()
    training = train(problem, runs=16, record_every=10, **_settings(state))
    rates = state.peak * schedules.multipliers(state.as_schedule(), state.steps)
    figure, (left, right) = _axes("excess loss f - f*")
    _draw_losses(left, training, problem.floor, local_expected_loss(problem, state.batch_size, rates), "local theory")
    _draw_rate(right, state, training)
    return Picture(figure, _words(state, "Loss of logistic regression", training), _readout(state, training, "loss"))


@lru_cache(maxsize=64)
def transformer_picture(state: LabState, on_record: Callable | None = None) -> Picture:
    """Held-out loss of the transformer above the source's entropy rate, which no model can pass."""
    problem = lab_language()
    training = train(problem, runs=1, record_every=10, on_record=on_record, **_settings(state))
    figure, (left, right) = _axes("loss (nats per token)")
    left.set_yscale("linear")
    draw_curve(left, training.steps, training.loss[:, 0], "held-out loss")
    draw_level(left, problem.floor, "entropy rate of the source")
    left.set_ylim(problem.floor - 0.05, float(training.loss[0, 0]) * 1.15)
    _draw_rate(right, state, training)
    words = _words(state, "Held-out loss of the transformer", training)
    return Picture(figure, words, _readout(state, training, "loss"))
