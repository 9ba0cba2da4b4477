"""What the controls of a lab say, and how a concept's own control changes the training behind the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from noisydescent import schedules
from noisydescent.figures.scene import Look
from noisydescent.problems import Logistic, Problem
from noisydescent.sweep import Training


@dataclass(frozen=True)
class LabState:
    """Where the controls of a lab stand. `warmup` is the fraction of the steps; `steps` are optimizer steps.

    knobs   (name, value) of the controls that a concept adds, see `Knob`
    """

    batch_size: int = 8
    schedule: str = "constant"
    peak: float = 0.3
    warmup: float = 0.0
    steps: int = 300
    knobs: tuple[tuple[str, float | str], ...] = ()

    def as_schedule(self) -> schedules.Schedule:
        """The schedule the controls describe."""
        return schedules.named(self.schedule, self.steps, self.warmup)


@dataclass(frozen=True)
class Setup:
    """The training behind a picture; a knob returns a changed copy (`dataclasses.replace`).

    train     called as `sweep.train` is, and returns a `Training`
    predict   (state, learning rates (T,)) -> expected loss above `floor` at steps 0 .. T, or None without a theory
    """

    problem: Problem
    peak: float
    train: Callable[..., Training]
    predict: Callable[[LabState, Tensor], Tensor] | None


@dataclass(frozen=True)
class Knob:
    """One more control of a lab: a slider over numbers, or a menu of names.

    description   what stands beside the control
    options       the values to choose from, in order
    change        (value, state, setup) -> the setup that this value asks for
    look          changes the labels of the picture where the curves mean something else than without the knob
    """

    description: str
    options: tuple[float, ...] | tuple[str, ...]
    change: Callable[[float | str, LabState, Setup], Setup]
    look: Callable[[Look], Look] = lambda look: look


@lru_cache(maxsize=8)
def local_quadratic(problem: Logistic) -> tuple[Tensor, Tensor, Tensor]:
    """Eigenvalues of H, noise variance and starting distance along its eigenvectors, at the optimum, on the CPU."""
    eigenvalues, basis = torch.linalg.eigh(problem.hessian(problem.optimum))
    noise = (basis.T @ problem.noise_covariance(problem.optimum) @ basis).diagonal()
    return eigenvalues.cpu(), noise.cpu(), (basis.T @ (problem.initial(1)[0] - problem.optimum)).cpu()
