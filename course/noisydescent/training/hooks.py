"""What a step of training may do besides taking a gradient and updating, each at its place in the step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from noisydescent.arguments import one_or_each, whole_number
from noisydescent.optimizers import Compressor
from noisydescent.problems import NOISE_KINDS, Clipped, Noisy, Problem
from noisydescent.problems.clipping import clip_threshold
from noisydescent.problems.noisy import check_noise


@dataclass(frozen=True)
class Hooks:
    """Stages of one training step that are usually left out; in this order, whatever the order they are named in.

    1. noise, noise_scale   one sample's gradient has noise of this kind, see `problems.Noisy`
    2. clip                 it is clipped to this norm; then the mean over the batch is taken, see `problems.Clipped`
    3. the optimizer turns this minibatch gradient into an update u of theta, for plain SGD eta_t g_B
    4. compress             theta <- theta - compress(u + e), e <- what was left out; e = 0 without `error_feedback`
    5. workers              as many copies of a run, each with its own minibatches, optimizer state and e, which all
       local_steps          replace theta by its mean over the workers after every so many steps

    `compress`, (R, d) -> (R, d), acts on each row alone, draws nothing at random and commutes with positive factors,
    such as `partial(top_k, k=5)`; otherwise the learning rate cannot be read back. With error feedback it is that of
    Stich, Cordonnier, Jaggi, *Sparsified SGD with Memory*, 2018; workers are those of Stich, *Local SGD Converges Fast
    and Communicates Little*, 2019, and with both at one local step the method is `optimizers.compressed_sgd`.
    """

    noise: str | None = None
    noise_scale: float | Tensor | None = None
    clip: float = math.inf
    compress: Compressor | None = None
    error_feedback: bool = True
    workers: int = 1
    local_steps: int = 1

    def __post_init__(self) -> None:
        if self.noise is not None:
            check_noise(self.noise, self.noise_scale, ("noise", "noise_scale"))
        elif self.noise_scale is not None:
            raise ValueError(f"noise_scale is given without noise: add noise, one of {', '.join(NOISE_KINDS)}")
        clip_threshold(self.clip, "clip")
        if self.compress is not None and not callable(self.compress):
            raise ValueError(f"compress must be a function (R, d) -> (R, d) or None, got {self.compress!r}")
        if not isinstance(self.error_feedback, bool):
            raise ValueError(f"error_feedback must be True or False, got {self.error_feedback!r}")
        whole_number("workers", self.workers)
        if whole_number("local_steps", self.local_steps) > 1 and self.workers == 1:
            raise ValueError(f"local_steps={self.local_steps} has one worker to average over: give workers=2 or more")

    @property
    def gradient_only(self) -> bool:
        """Whether a step differs from the optimizer's own in its gradient at most."""
        return self.compress is None and self.workers == 1

    def perturbed(self, problem: Problem) -> Problem:
        """`problem` with the gradients of the first two stages; itself without them."""
        if self.noise is not None:
            scale = self.noise_scale
            if scale is not None:  # told here, where it is called noise_scale
                scale = one_or_each("noise_scale", scale, problem.dim, "coordinate")
            problem = Noisy(problem, self.noise, scale)
        return problem if math.isinf(self.clip) else Clipped(problem, self.clip)
