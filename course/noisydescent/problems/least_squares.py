"""Least squares with random inputs: gradient noise that grows with the distance from the optimum."""

from __future__ import annotations

import torch
from torch import Tensor

from noisydescent.arguments import finite, non_negative, whole_number
from noisydescent.devices import default_device
from noisydescent.problems.base import Oracle, Problem, seeds_of, stream


class LeastSquares(Problem):
    r"""f(theta) = E 1/2 (x.theta - y)^2 with fresh x ~ N(0, S) and y = x.theta* + sigma e, e ~ N(0, 1).

    So f(theta) = 1/2 (theta - theta*)' S (theta - theta*) + sigma^2 / 2, the Hessian is S and `floor` is sigma^2 / 2.
    One sample's gradient is x x'(theta - theta*) - sigma e x: multiplicative noise. With sigma = 0, interpolation, it
    vanishes at the optimum, and SGD converges at a constant learning rate below
    `theory.max_learning_rate_least_squares`. `theory.expected_loss_least_squares(problem.eigenvalues,
    problem.label_noise, batch_size, rates, problem.to_eigenbasis(problem.start - problem.optimum))` is the expected
    `loss - floor`.

    covariance      S: (d,) variances of independent inputs, or (d, d) positive definite
    sigma           standard deviation of the labels' noise; `label_noise` is its square, the variance
    start           (d,) starting point of every run; default: all ones
    optimum         (d,) theta*; default: zero
    """

    def __init__(
        self,
        covariance: Tensor,
        sigma: float = 0.0,
        start: Tensor | None = None,
        optimum: Tensor | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        self.device = torch.device(device or default_device())
        self.dtype = torch.float32 if self.device.type == "mps" else torch.float64  # mps has no float64

        def put(value: float | Tensor) -> Tensor:
            return torch.as_tensor(value).to(self.device, self.dtype)

        covariance = finite("covariance", put(covariance))
        if covariance.dim() not in (1, 2) or covariance.shape[0] != covariance.shape[-1] or not len(covariance):
            raise ValueError(f"covariance must be (d,) variances or (d, d), got {tuple(covariance.shape)}")
        self.dim = len(covariance)
        self._independent = covariance.dim() == 1
        if self._independent:
            self.eigenvalues, self.eigenvectors = covariance, torch.eye(self.dim).to(covariance)
        elif torch.allclose(covariance, covariance.T):
            # mps has no eigh
            self.eigenvalues, self.eigenvectors = (x.to(self.device) for x in torch.linalg.eigh(covariance.cpu()))
        else:
            raise ValueError("covariance must be symmetric")
        if (self.eigenvalues <= 0).any():
            raise ValueError("covariance must be positive definite: otherwise there are many optima")
        self.hessian = torch.diag(covariance) if self._independent else covariance  # S, (d, d)
        self._root = self.eigenvectors * self.eigenvalues.sqrt()  # x = root z for standard normal z
        self.sigma = non_negative("sigma", sigma)
        self.label_noise = self.sigma**2
        self.floor = 0.5 * self.label_noise
        self.start = finite("start", put(torch.ones(self.dim) if start is None else start))
        self.optimum = finite("optimum", put(torch.zeros(self.dim) if optimum is None else optimum))
        for name, value in [("start", self.start), ("optimum", self.optimum)]:
            if value.shape != (self.dim,):
                raise ValueError(f"{name} must have shape ({self.dim},), got {tuple(value.shape)}")

    def to_eigenbasis(self, vector: Tensor) -> Tensor:
        """Coordinates of (..., d) along the eigendirections of S, in the order of `eigenvalues`; (..., d)."""
        return vector @ self.eigenvectors

    def initial(self, runs: int, generator: torch.Generator | None = None) -> Tensor:
        """`start` repeated, (R, d)."""
        return self.start.repeat(whole_number("runs", runs), 1)

    def loss(self, theta: Tensor) -> Tensor:
        """(..., d) -> (...), `floor` included."""
        error = theta - self.optimum
        return 0.5 * torch.linalg.vecdot(error @ self.hessian, error) + self.floor

    def gradient(self, theta: Tensor) -> Tensor:
        """Full gradient S (theta - theta*), (..., d) -> (..., d)."""
        return (theta - self.optimum) @ self.hessian

    def sample(self, *shape: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Fresh inputs x, (*shape, d), and label errors y - x.theta*, (*shape)."""
        # drawn in single precision, which is several times faster, and used in double
        z = torch.randn(*shape, self.dim + 1, generator=generator, device=self.device).to(self.dtype)
        inputs = z[..., 1:] * self.eigenvalues.sqrt() if self._independent else z[..., 1:] @ self._root.T
        return inputs, self.sigma * z[..., 0]

    def per_sample_gradients(self, theta: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """Gradients of n fresh samples at one theta (d,), shape (n, d)."""
        x, error = self.sample(whole_number("n", n), generator=generator)
        return (x @ (theta - self.optimum) - error)[:, None] * x

    def noise_covariance(self, theta: Tensor) -> Tensor:
        """Covariance of one sample's gradient at theta (d,), exact, shape (d, d).

        With u = theta - theta*: S u u' S + (u' S u + sigma^2) S, by E[x x' M x x'] = 2 S M S + tr(S M) S for Gaussian
        x (Isserlis, 1918), less the squared mean.
        """
        error = theta - self.optimum
        slope = self.hessian @ error
        return torch.outer(slope, slope) + (error @ slope + self.label_noise) * self.hessian

    def oracle(self, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1) -> Oracle:
        """Minibatch gradients from B fresh samples, see `Problem.oracle`."""
        seeds, batch_size = seeds_of(runs, copies), whole_number("batch_size", batch_size)

        def draw(steps: int) -> Tensor:
            x, error = self.sample(steps, seeds, batch_size, generator=generator)
            return torch.cat([x, error[..., None]], dim=-1)

        samples = stream(draw, seeds * batch_size * (self.dim + 1))

        def minibatch_gradient(theta: Tensor) -> Tensor:
            drawn = next(samples)  # (S, B, d + 1)
            x, error = drawn[..., :-1], drawn[..., -1:]
            by_seed = (theta - self.optimum).view(copies, seeds, self.dim).permute(1, 2, 0)  # (S, d, C)
            residual = x @ by_seed - error  # (S, B, C)
            return (x.transpose(1, 2) @ residual).permute(2, 0, 1).reshape(runs, self.dim) / batch_size

        return minibatch_gradient

    def bytes_per_run(self, batch_size: int) -> int:
        """Samples of a step, or of the block of steps that is drawn at once, and what is computed from them."""
        return 8 * (4 * batch_size * (self.dim + 1) + 64 * self.dim)
