"""A problem with its gradients clipped sample by sample: an oracle that is biased on purpose."""

from __future__ import annotations

import torch
from torch import Tensor

from noisydescent.problems.base import Oracle, Problem, Wrapped
from noisydescent.problems.clipping import clip_norm, clip_threshold
from noisydescent.problems.logistic import Logistic


class Clipped(Wrapped):
    """`problem` with g_B replaced by the mean over the batch of clip(g_i), each sample's gradient clipped by itself.

    The objective, its floor and its start stay those of `problem`, a `Quadratic`, `Logistic`, `MarkovLanguage`, or one
    of them under other noise (`Noisy`); all that does not depend on the oracle can be asked for here too. The oracle's
    expectation is no longer the gradient. Per-sample clipping is that of Abadi et al., *Deep Learning with Differential
    Privacy*, 2016, without the noise. On the finite data of `Logistic` the expectation is known: `mean_gradient`, and
    where it vanishes.

    threshold       positive; inf clips nothing
    """

    def __init__(self, problem: Problem, threshold: float) -> None:
        self.threshold = clip_threshold(threshold)
        if isinstance(problem, Clipped):  # clipped twice is clipped at the smaller of both thresholds
            problem, self.threshold = problem.problem, min(self.threshold, problem.threshold)
        super().__init__(problem)

    def oracle(self, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1) -> Oracle:
        """Means of clipped gradients, (R, d) -> (R, d), see `Problem.oracle`.

        The logistic and the transformer see the minibatches that the unclipped oracle sees with this generator.
        """
        return self.problem.clipped_oracle(self.threshold, runs, batch_size, generator, copies)

    def gradient_spread(self) -> Tensor:
        """That of `problem`: of the gradients before they are clipped."""
        return self.problem.gradient_spread()

    def mean_gradient(self, theta: Tensor) -> Tensor:
        """Expectation of the oracle at theta (d,), `Logistic` only: the mean of all N clipped gradients, (d,)."""
        return clip_norm(self._logistic().per_sample_gradients(theta), self.threshold).mean(dim=0)

    def jacobian(self, theta: Tensor) -> Tensor:
        """Derivative of `mean_gradient` at theta (d,), (d, d): what the Hessian is to the gradient. `Logistic` only.

        A gradient that is clipped, c g/norm(g), has the derivative c/norm(g) (I - g g'/norm(g)^2) dg.
        """
        problem = self._logistic()
        gradients = problem.per_sample_gradients(theta)
        norm = gradients.norm(dim=1)
        kept = (self.threshold / norm).clamp_max(1.0)
        p = torch.sigmoid(problem.X @ theta)
        curvature = p * (1 - p)  # (N,); one sample's Hessian is curvature x x' + l2 I
        total = (problem.X.T * (kept * curvature)) @ problem.X
        total += problem.l2 * kept.sum() * torch.eye(problem.dim).to(total)
        unit = gradients / norm[:, None]
        along = (curvature * (unit * problem.X).sum(dim=1))[:, None] * problem.X + problem.l2 * unit  # unit' Hessian
        lost = torch.where(norm > self.threshold, kept, 0.0)
        return (total - (unit.T * lost) @ along) / problem.n_samples

    def fixed_point(self, tolerance: float = 1e-10, most: int = 100) -> Tensor:
        """Where `mean_gradient` vanishes, (d,): what clipped SGD hovers about, instead of the optimum.

        Newton steps from the optimum, halved while they do not shorten the mean. RuntimeError where they find none.
        """
        theta = self._logistic().optimum
        tolerance = max(tolerance, 50 * torch.finfo(theta.dtype).eps)
        for _ in range(most):
            mean = self.mean_gradient(theta)
            if mean.norm() <= tolerance:
                return theta
            step = torch.linalg.solve(self.jacobian(theta), mean)
            length = 1.0
            while self.mean_gradient(theta - length * step).norm() >= mean.norm() and length > 1e-9:
                length /= 2
            theta = theta - length * step
        raise RuntimeError(f"no fixed point found for threshold {self.threshold} in {most} Newton steps")

    def _logistic(self) -> Logistic:
        if not isinstance(self.problem, Logistic):
            raise ValueError(f"problem must be a Logistic for this, it is a {type(self.problem).__name__}")
        return self.problem
