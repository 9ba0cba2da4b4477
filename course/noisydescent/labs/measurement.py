"""The three labs: what their controls say, what is measured then, and the picture of it. No widgets here.

All of it is a pure function of `LabState`, so that every picture can be tested.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from torch import Tensor

from noisydescent import schedules
from noisydescent.diagnostics import mean_and_error
from noisydescent.figures.scene import Curves, Look
from noisydescent.labs.knobs import KNOBS, WORKERS, Setup, setup_of
from noisydescent.labs.prediction import ClippedTheory, clipped_gaussian_loss, loss_about_fixed_point, predicted_loss
from noisydescent.labs.state import LabState
from noisydescent.problems import Logistic, MarkovLanguage, Problem, Quadratic
from noisydescent.training import Hooks, Training, train

BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True)
class Measurement:
    """The curves of a state, in words (the picture's alt text), and the numbers that stand under the picture."""

    curves: Curves
    alt: str
    readout: str


# called with a measurement of the run so far; returns True to stop it
OnProgress = Callable[[Measurement], bool | None]


@dataclass(frozen=True)
class Lab:
    """A problem under SGD, and how to show it.

    runs, record_every   seeds at once, and optimizer steps between records
    clipped_theory       expected loss where gradients are clipped, if it is known
    name                 what the alt text calls the loss
    """

    problem: Callable[[], Problem]
    name: str
    look: Callable[[], Look]
    runs: int
    record_every: int
    clipped_theory: ClippedTheory | None = None
    above_floor: bool = False

    def measure(self, state: LabState, on_progress: OnProgress | None = None) -> Measurement:
        """Train at `state`. `on_progress` is shown every record, and may stop the run."""
        records: list[tuple[int, Tensor]] = []
        setup = self.setup(state)
        table = schedules.multipliers(state.as_schedule(), state.steps)
        intended = setup.peak * table
        predicted = self.predict(state, intended)
        predicted = None if predicted is None else predicted.numpy()

        def on_record(step: int, loss: Tensor) -> bool:
            records.append((step, loss.detach().cpu().double()))
            if on_progress is None:
                return False
            steps, losses = zip(*records, strict=True)
            # while it trains, the rate is shown as intended up to here; what was applied is read back at the end
            at = self._measurement(state, steps, torch.stack(losses), intended[:step], intended, predicted)
            return bool(on_progress(at))

        training = train(
            setup.problem,
            steps=state.steps,
            batch_size=state.batch_size,
            peak=setup.peak,
            schedule=table,
            optimizer=state.optimizer,
            hooks=setup.hooks,
            runs=setup.runs,
            record_every=self.record_every,
            on_record=on_record if on_progress else None,
        )
        applied = training.learning_rate[:, 0]
        return self._measurement(state, training.steps, training.loss, applied, intended, predicted, training)

    def setup(self, state: LabState) -> Setup:
        """The training that the controls describe. ValueError for a knob or a value of one that does not exist."""
        return setup_of(state, Setup(self.problem(), state.peak, self.runs, Hooks()))

    def predict(self, state: LabState, rates: Tensor) -> Tensor | None:
        """Expected loss above `floor` at steps 0 .. T under learning rates (T,), where a theory is known.

        Compressed updates have none: the curve is that of the same training with everything sent, and is labelled so.
        """
        if state.optimizer != "sgd":
            return None
        setup = self.setup(state)
        return predicted_loss(setup.problem, setup.hooks, state.batch_size, rates, self.clipped_theory)

    def look_of(self, state: LabState) -> Look:
        """The labels of the picture, for whatever values the knobs of `state` take."""
        look, knobs = self.look(), {name for name, _ in state.knobs}
        if "local_steps" in knobs:
            look = replace(look, measured=f"mean over {WORKERS} workers' models")
        if not look.predicted or state.optimizer != "sgd":
            return replace(look, predicted="")
        changed = sorted(knobs & {"clip", "noise", "local_steps"})
        predicted = {
            (): look.predicted,
            ("local_steps",): look.predicted,
            ("clip",): "theory of the clipped oracle",
            ("noise",): "expectation, where finite",
        }.get(tuple(changed), "theory, where known")
        return replace(look, predicted=f"{predicted}, keep = 1" if knobs & {"keep", "feedback"} else predicted)

    def _measurement(
        self,
        state: LabState,
        steps,
        loss: Tensor,
        applied: Tensor,
        intended: Tensor,
        predicted: np.ndarray | None,
        training: Training | None = None,
    ) -> Measurement:
        shift = self.problem().floor if self.above_floor else 0.0
        mean, error = mean_and_error(loss - shift, dim=1) if loss.shape[1] > 1 else ((loss - shift)[:, 0], None)
        curves = Curves(
            torch.as_tensor(steps).numpy(),
            mean.numpy(),
            None if error is None else error.numpy(),
            predicted,
            applied.numpy(),
            intended.numpy(),
        )
        return Measurement(curves, self._words(state, loss), self._readout(state, steps, loss, training, intended))

    def _words(self, state: LabState, loss: Tensor) -> str:
        first, last = (_number(loss[k].mean(), ".3g") for k in (0, -1))
        knobs = "".join(f", {KNOBS[name].description} {value}" for name, value in state.knobs)
        knobs += "" if state.optimizer == "sgd" else f", optimizer {state.optimizer}"
        return (
            f"{self.name} against optimizer step for batch size {state.batch_size}, {state.schedule} schedule, "
            f"peak learning rate {state.peak:.3g}, warmup {state.warmup:.0%}{knobs}: from {first} to {last}. "
            "Beside it the learning rate as applied."
        )

    def _readout(self, state: LabState, steps, loss: Tensor, training: Training | None, intended: Tensor) -> str:
        """Final value over the runs, and the largest gap between the learning rate applied and the one intended."""
        step = int(steps[-1])
        value = _number(loss[-1].mean(), ".4g")
        if training is None:
            return f"loss {value} · step {step} of {state.steps}"
        gaps = (training.learning_rate - intended[: len(training.learning_rate), None]).abs()
        gaps = gaps[torch.isfinite(gaps)]  # a run that has overflowed has no learning rate to read back
        applied = f"learning rate applied = intended within {float(gaps.max()):.0e}" if len(gaps) else "no step taken"
        where = "at the end" if step == state.steps else f"stopped at step {step}"
        return f"loss {where} {value} · {step * state.batch_size:,} samples · {applied}"


def _number(value: Tensor, form: str) -> str:
    return format(float(value), form) if torch.isfinite(value) else "no finite number (the run diverged)"


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


def _language_look() -> Look:
    level = {"floor": lab_language().floor, "floor_label": "entropy rate of the source"}
    return Look("loss (nats per token)", "held-out loss", logarithmic=False, **level)


LABS = {
    "quadratic": Lab(
        lab_quadratic,
        "Loss on the quadratic",
        lambda: Look("loss f", "measured, 32 seeds", "exact expectation", usual=(1e-2, 1e1)),
        runs=32,
        record_every=5,
        clipped_theory=clipped_gaussian_loss,
    ),
    "logistic": Lab(
        lab_logistic,
        "Loss of logistic regression",
        lambda: Look("excess loss f - f*", "measured, 16 seeds", "local theory", usual=(1e-3, 1e0)),
        runs=16,
        record_every=15,
        clipped_theory=loss_about_fixed_point,
        above_floor=True,
    ),
    "transformer": Lab(lab_language, "Held-out loss of the transformer", _language_look, runs=1, record_every=10),
}
