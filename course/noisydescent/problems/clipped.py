"""Any of the three labs with its gradients clipped sample by sample: an oracle that is biased on purpose."""

from __future__ import annotations

import torch
from torch import Tensor

from noisydescent.arguments import positive_int
from noisydescent.problems.base import Oracle, seeds_of, stream
from noisydescent.problems.logistic import Logistic
from noisydescent.problems.quadratic import Quadratic
from noisydescent.problems.transformer import MarkovLanguage


def clip_norm(v: Tensor, threshold: float) -> Tensor:
    """v (..., d) with every row longer than `threshold` scaled down to that length; inf leaves all as they are.

    `torch.nn.utils.clip_grad_norm_` divides by norm + 1e-6 instead of the norm, in place, and takes all parameters as
    one vector.
    """
    if not threshold > 0:
        raise ValueError(f"threshold must be positive, got {threshold!r}")
    norm = torch.linalg.vector_norm(v, dim=-1, keepdim=True)
    return v * (threshold / norm.clamp_min(torch.finfo(v.dtype).tiny)).clamp_max(1.0)


class Clipped:
    """`problem` with g_B replaced by the mean over the batch of clip(g_i), each sample's gradient clipped by itself.

    The objective, its floor and its start stay those of `problem`, one of `Quadratic`, `Logistic`, `MarkovLanguage`;
    all else that it has can be asked for here too. Only the oracle is changed, and its expectation is no longer the
    gradient. Per-sample clipping is that of Abadi et al., *Deep Learning with Differential Privacy*, 2016, without
    the noise. On the finite data of `Logistic` the expectation is known: `mean_gradient`, and where it vanishes.

    threshold       positive; inf clips nothing
    """

    def __init__(self, problem: Quadratic | Logistic | MarkovLanguage, threshold: float) -> None:
        if not isinstance(problem, Quadratic | Logistic | MarkovLanguage):
            raise ValueError(f"problem must be a Quadratic, Logistic or MarkovLanguage, got {type(problem).__name__}")
        clip_norm(torch.ones(1), threshold)
        self.problem, self.threshold = problem, float(threshold)

    def __getattr__(self, name: str):
        if name == "problem":  # not there yet, as in a copy that is being made
            raise AttributeError(name)
        return getattr(self.problem, name)

    def oracle(self, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1) -> Oracle:
        """Means of clipped gradients, (R, d) -> (R, d), see `Problem.oracle`.

        The logistic and the transformer see the minibatches that the unclipped oracle sees with this generator.
        """
        seeds, size = seeds_of(runs, copies), positive_int("batch_size", batch_size)
        if isinstance(self.problem, Quadratic):
            return self._quadratic_oracle(self.problem, seeds, copies, size, generator)
        if isinstance(self.problem, Logistic):
            return self._logistic_oracle(self.problem, seeds, copies, size, generator)
        return self._language_oracle(self.problem, seeds, copies, size, generator)

    def _quadratic_oracle(self, problem: Quadratic, seeds: int, copies: int, size: int, generator) -> Oracle:
        """With norm(G + z)^2 multiplied out, the B gradients G + z of a run are never written down."""

        def draw(steps: int) -> Tensor:
            return problem.sample_noise(steps, seeds, size, generator=generator)

        draws = stream(draw, seeds * size * problem.dim)

        def clipped_mean(theta: Tensor) -> Tensor:
            noise = next(draws).repeat(copies, 1, 1) if copies > 1 else next(draws)  # (R, B, d)
            slope = problem.gradient(theta)[:, :, None]
            square = torch.linalg.vecdot(noise, noise) + 2 * torch.bmm(noise, slope)[..., 0]
            kept = self._kept(square + slope.square().sum(dim=1))
            return torch.bmm(kept[:, None], noise)[:, 0] / size + slope[..., 0] * kept.mean(dim=1, keepdim=True)

        return clipped_mean

    def _logistic_oracle(self, problem: Logistic, seeds: int, copies: int, size: int, generator) -> Oracle:
        """A sample's gradient is -w y x + l2 theta, so that its norm takes two numbers a row: x.x and x.theta."""
        signed = problem.y[:, None] * problem.X
        long = signed.square().sum(dim=1)

        def draw(steps: int) -> Tensor:
            shape = (steps, seeds * size)
            return torch.randint(problem.n_samples, shape, generator=generator, device=problem.device)

        indices, l2 = stream(draw, seeds * size), problem.l2

        def clipped_mean(theta: Tensor) -> Tensor:
            index = next(indices)
            rows = signed.index_select(0, index).view(seeds, size, -1).repeat(copies, 1, 1)
            margin = torch.bmm(rows, theta[:, :, None])[..., 0]  # (R, B)
            w = torch.sigmoid(-margin)
            square = w.square() * long[index].view(seeds, size).repeat(copies, 1) - 2 * l2 * w * margin
            kept = self._kept(square + l2**2 * theta.square().sum(dim=1, keepdim=True))
            return l2 * theta * kept.mean(dim=1, keepdim=True) - torch.bmm((kept * w)[:, None], rows)[:, 0] / size

        return clipped_mean

    def _language_oracle(self, problem: MarkovLanguage, seeds: int, copies: int, size: int, generator) -> Oracle:
        """Every sequence is a run of its own: about twice the cost of the batch's gradient."""

        def draw(steps: int) -> Tensor:
            shape = (steps, seeds, size)
            return torch.randint(len(problem.pool), shape, generator=generator, device=problem.device)

        indices = stream(draw, seeds * size)

        def clipped_mean(theta: Tensor) -> Tensor:
            sequences = problem.pool[next(indices)].repeat(copies, 1, 1).flatten(0, 1)[:, None]  # (R * B, 1, T + 1)
            rows = problem.gradient(theta.repeat_interleave(size, dim=0), sequences)
            return clip_norm(rows.view(len(theta), size, -1), self.threshold).mean(dim=1)

        return clipped_mean

    def _kept(self, square: Tensor) -> Tensor:
        """What clipping leaves of gradients with this squared norm, from 0 to 1."""
        return (self.threshold * square.clamp_min(torch.finfo(square.dtype).tiny).rsqrt()).clamp_max(1.0)

    def bytes_per_run(self, batch_size: int) -> int:
        """That of `problem`, and a gradient for every sample of the batch."""
        return self.problem.bytes_per_run(batch_size) + 24 * batch_size * self.problem.dim

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
