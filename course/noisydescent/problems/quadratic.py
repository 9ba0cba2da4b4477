"""A quadratic with additive gradient noise: the problem on which every prediction is exact."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from noisydescent.arguments import finite, whole_number
from noisydescent.devices import default_device
from noisydescent.problems.base import LocalQuadratic, Oracle, Problem, block_of, seeds_of, stream
from noisydescent.problems.clipping import clip_factor


class Quadratic(Problem):
    r"""f(theta) = 1/2 sum_i lambda_i (theta_i - theta*_i)^2, one sample's gradient grad f + zeta, zeta ~ N(0, Sigma).

    The coordinates are the eigendirections of the Hessian, so every linear method has an exact recursion for mean
    and covariance (Zhang et al., *Which Algorithmic Choices Matter at Which Batch Sizes?*, 2019).

    eigenvalues     (d,) positive
    noise           variance of one sample's gradient: a number (the same in each coordinate), a (d,) tensor
                    (independent coordinates) or a (d, d) covariance
    start           (d,) starting point of every run; default: all ones
    optimum         (d,) theta*; default: zero
    """

    floor = 0.0

    def __init__(
        self,
        eigenvalues: Tensor,
        noise: float | Tensor = 1.0,
        start: Tensor | None = None,
        optimum: Tensor | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        self.device = torch.device(device or default_device())
        # mps has no float64; everywhere else the recursions are compared at double precision
        self.dtype = torch.float32 if self.device.type == "mps" else torch.float64

        def put(value: float | Tensor) -> Tensor:
            return torch.as_tensor(value).to(self.device, self.dtype)

        self.eigenvalues = finite("eigenvalues", put(eigenvalues))
        if self.eigenvalues.dim() != 1 or (self.eigenvalues <= 0).any():
            raise ValueError("eigenvalues must be a one-dimensional tensor of positive numbers")
        self.dim = len(self.eigenvalues)
        noise = finite("noise", put(noise))
        if noise.shape not in [(), (self.dim,), (self.dim, self.dim)]:
            wanted = f"a number, ({self.dim},) or ({self.dim}, {self.dim})"
            raise ValueError(f"noise must be {wanted}, got {tuple(noise.shape)}")
        self.noise_covariance = torch.diag(noise.expand(self.dim)) if noise.dim() < 2 else noise
        if not torch.allclose(self.noise_covariance, self.noise_covariance.T):
            raise ValueError("noise must be a covariance: it is not symmetric")
        values, vectors = (part.to(self.device) for part in torch.linalg.eigh(self.noise_covariance.cpu()))
        if values.min() < -1e-9 * values.abs().max():
            raise ValueError("noise must be a covariance: it has a negative variance")
        self._root = None if noise.dim() < 2 else vectors * values.clamp_min(0).sqrt()
        self.start = put(torch.ones(self.dim) if start is None else start)
        self.optimum = put(torch.zeros(self.dim) if optimum is None else optimum)
        for name, value in [("start", self.start), ("optimum", self.optimum)]:
            if value.shape != (self.dim,):
                raise ValueError(f"{name} must have shape ({self.dim},), got {tuple(value.shape)}")

    @property
    def noise_variance(self) -> Tensor:
        """Variance of one sample's gradient in each coordinate, (d,): the diagonal of Sigma."""
        return self.noise_covariance.diagonal()

    @property
    def hessian(self) -> Tensor:
        """(d, d), diagonal."""
        return torch.diag(self.eigenvalues)

    def initial(self, runs: int, generator: torch.Generator | None = None) -> Tensor:
        """`start` repeated, (R, d)."""
        return self.start.repeat(whole_number("runs", runs), 1)

    def loss(self, theta: Tensor) -> Tensor:
        """(..., d) -> (...)."""
        return 0.5 * ((theta - self.optimum).square() @ self.eigenvalues)

    def gradient(self, theta: Tensor) -> Tensor:
        """Full gradient, (..., d) -> (..., d)."""
        return self.eigenvalues * (theta - self.optimum)

    def sample_noise(self, *shape: int, generator: torch.Generator) -> Tensor:
        """Independent draws of zeta, (*shape, d)."""
        # drawn in single precision, which is several times faster, and used in double
        z = torch.randn(*shape, self.dim, generator=generator, device=self.device).to(self.dtype)
        return z * self.noise_variance.sqrt() if self._root is None else z @ self._root.T

    def per_sample_gradients(self, theta: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """Gradients of n fresh samples at one theta (d,), shape (n, d)."""
        return self.gradient(theta) + self.sample_noise(whole_number("n", n), generator=generator)

    def minibatch_noise(self, steps: int, seeds: int, batch_size: int, generator: torch.Generator) -> Tensor:
        """Errors of minibatch gradients, (T, S, d): the mean of B normal draws is drawn in one go, as N(0, Sigma/B)."""
        return self.sample_noise(steps, seeds, generator=generator).mul_(whole_number("batch_size", batch_size) ** -0.5)

    def oracle(self, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1) -> Oracle:
        """Minibatch gradients grad f + N(0, Sigma / B), see `Problem.oracle`."""
        seeds, batch_size = seeds_of(runs, copies), whole_number("batch_size", batch_size)
        noise = stream(lambda k: self.minibatch_noise(k, seeds, batch_size, generator), seeds * self.dim)
        return lambda theta: self.gradient(theta) + next(noise).repeat(copies, 1)

    def clipped_oracle(
        self, threshold: float, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1
    ) -> Oracle:
        """Each of B gradients G + z clipped, see `Problem.clipped_oracle`.

        With norm(G + z)^2 multiplied out, the B gradients of a run are never written down.
        """
        seeds, size = seeds_of(runs, copies), whole_number("batch_size", batch_size)
        draws = stream(lambda k: self.sample_noise(k, seeds, size, generator=generator), seeds * size * self.dim)

        def clipped_mean(theta: Tensor) -> Tensor:
            noise = next(draws).repeat(copies, 1, 1) if copies > 1 else next(draws)  # (R, B, d)
            slope = self.gradient(theta)[:, :, None]
            square = torch.linalg.vecdot(noise, noise) + 2 * torch.bmm(noise, slope)[..., 0]
            kept = clip_factor(square + slope.square().sum(dim=1), threshold)
            return torch.bmm(kept[:, None], noise)[:, 0] / size + slope[..., 0] * kept.mean(dim=1, keepdim=True)

        return clipped_mean

    def gradient_spread(self) -> Tensor:
        """Standard deviation of one sample's gradient in each coordinate, (d,)."""
        return self.noise_variance.sqrt()

    def local_quadratic(self) -> LocalQuadratic:
        """The problem itself; of a full covariance the diagonal, which is all that the expected loss depends on."""
        offset = (self.start - self.optimum).cpu().double()
        eigenvalues, noise = self.eigenvalues.cpu().double(), self.noise_variance.cpu().double()
        return LocalQuadratic(torch.diag(eigenvalues), offset, eigenvalues, noise, offset)

    def sgd_blocks(
        self, theta: Tensor, rates: Tensor, batch_size: int, generator: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """SGD as the linear recursion it is: the iterates of `oracle`'s SGD, see `Problem.sgd_blocks`."""
        seeds = theta.shape[1]
        drawn = block_of(seeds * self.dim)
        noises = stream(lambda k: self.minibatch_noise(k, seeds, batch_size, generator), seeds * self.dim)
        block = min(drawn, block_of(theta.numel(), budget=100_000))  # what fits into the processor's cache
        buffer = torch.empty(block, *theta.shape, device=self.device, dtype=self.dtype)
        x = theta - self.optimum
        # A few numbers are enough to tell the rate: of all seeds together where they share it, else of each run. One
        # number alone may have hardly any gradient.
        shared = rates.shape[2] == 1
        some, over = slice(0, 1 if shared and seeds > 3 else 3), (-2, -1) if shared else (-1,)
        for rate in rates.split(block):
            noise = torch.stack([next(noises) for _ in range(len(rate))])[:, None]
            shrink = (1 - rate[..., None] * self.eigenvalues).unbind()
            before = x[None, ..., some].clone()
            path = torch.mul(noise, -rate[..., None], out=buffer[: len(rate)])
            for step, factor in zip(path.unbind(), shrink, strict=True):
                x = torch.addcmul(step, x, factor, out=step)
            seen = torch.cat([before, path[..., some]])
            gradient = self.eigenvalues[some] * seen[:-1] + noise[..., some]
            applied = ((seen[:-1] - seen[1:]) * gradient).sum(over) / gradient.square().sum(over)
            yield path, applied.view(len(rate), len(theta), -1).expand(-1, -1, seeds)
            x = x.clone()

    def bytes_per_run(self, batch_size: int) -> int:
        """Parameters, gradient and a block of noise."""
        return 64 * 8 * self.dim
