"""A quadratic with additive gradient noise: the problem on which every prediction is exact."""

from __future__ import annotations

import torch
from torch import Tensor

from noisydescent.arguments import finite, positive_int
from noisydescent.devices import default_device
from noisydescent.problems.base import Oracle, block_of


class Quadratic:
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
        return self.start.repeat(positive_int("runs", runs), 1)

    def loss(self, theta: Tensor) -> Tensor:
        """(..., d) -> (...)."""
        return 0.5 * ((theta - self.optimum).square() @ self.eigenvalues)

    def gradient(self, theta: Tensor) -> Tensor:
        """Full gradient, (..., d) -> (..., d)."""
        return self.eigenvalues * (theta - self.optimum)

    def sample_noise(self, *shape: int, generator: torch.Generator) -> Tensor:
        """Independent draws of zeta, (*shape, d)."""
        z = torch.randn(*shape, self.dim, generator=generator, device=self.device, dtype=self.dtype)
        return z * self.noise_variance.sqrt() if self._root is None else z @ self._root.T

    def per_sample_gradients(self, theta: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """Gradients of n fresh samples at one theta (d,), shape (n, d)."""
        return self.gradient(theta) + self.sample_noise(positive_int("n", n), generator=generator)

    def oracle(self, runs: int, batch_size: int, generator: torch.Generator) -> Oracle:
        """Minibatch gradients: the mean of B normal gradients is drawn in one go, as N(grad f, Sigma / B)."""
        scale = positive_int("batch_size", batch_size) ** -0.5
        block = block_of(runs * self.dim)
        drawn: list[Tensor] = []

        def minibatch_gradient(theta: Tensor) -> Tensor:
            if not drawn:
                drawn.extend((self.sample_noise(block, runs, generator=generator) * scale).unbind())
            return self.gradient(theta) + drawn.pop()

        return minibatch_gradient
