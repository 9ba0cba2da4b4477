"""Logistic regression on Gaussian classes: real-shaped data whose optimum is known to rounding error."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from noisydescent.arguments import finite, non_negative, whole_number
from noisydescent.devices import default_device
from noisydescent.problems.base import LocalQuadratic, Oracle, Problem, seeds_of, stream
from noisydescent.problems.clipping import clip_factor
from noisydescent.problems.newton import newton


class Logistic(Problem):
    r"""f(theta) = (1/N) sum_i log(1 + exp(-y_i x_i.theta)) + l2/2 norm(theta)^2, y_i in {-1, +1}.

    X (N, d), y (N,). `optimum`, `hessian` and `noise_covariance` are those of this data set, so the local theory of
    SGD (curvature and noise at the optimum) can be set against what SGD does.
    """

    def __init__(self, X: Tensor, y: Tensor, l2: float = 1e-3, device: torch.device | str | None = None) -> None:
        self.device = torch.device(device or default_device())
        self.dtype = torch.float32 if self.device.type == "mps" else torch.float64
        self.X = finite("X", torch.as_tensor(X)).to(self.device, self.dtype)
        self.y = finite("y", torch.as_tensor(y)).to(self.device, self.dtype)
        self.l2 = non_negative("l2", l2)
        if self.X.dim() != 2 or self.y.shape != self.X.shape[:1] or len(self.y) == 0:
            shapes = f"{tuple(self.X.shape)} and {tuple(self.y.shape)}"
            raise ValueError(f"X must be (N, d) and y (N,), N >= 1, got {shapes}")
        if not (self.y.abs() == 1).all():
            raise ValueError("y must hold labels -1 and +1")
        self.n_samples, self.dim = self.X.shape
        self._signed = self.y[:, None] * self.X
        self._solve()

    @classmethod
    def gaussian_classes(
        cls,
        n_samples: int = 2000,
        dim: int = 20,
        seed: int = 0,
        l2: float = 1e-2,
        device: torch.device | str | None = None,
    ) -> Logistic:
        """Two overlapping Gaussian classes whose features have standard deviations from 0.3 to 2."""
        n_samples, dim = whole_number("n_samples", n_samples), whole_number("dim", dim)
        generator = torch.Generator().manual_seed(seed)
        y = torch.where(torch.rand(n_samples, generator=generator) < 0.5, -1.0, 1.0).double()
        direction = F.normalize(torch.randn(dim, generator=generator, dtype=torch.float64), dim=0)
        noise = torch.randn(n_samples, dim, generator=generator, dtype=torch.float64)
        spread = torch.logspace(0.3, -0.5, dim, dtype=torch.float64)
        return cls((noise + 1.2 * y[:, None] * direction) * spread, y, l2=l2, device=device)

    def initial(self, runs: int, generator: torch.Generator | None = None) -> Tensor:
        """Zeros, (R, d): the usual start of logistic regression."""
        return torch.zeros(whole_number("runs", runs), self.dim, device=self.device, dtype=self.dtype)

    def loss(self, theta: Tensor) -> Tensor:
        """(..., d) -> (...); stable for margins of any size."""
        return F.softplus(-(theta @ self._signed.T)).mean(dim=-1) + 0.5 * self.l2 * theta.square().sum(dim=-1)

    def gradient(self, theta: Tensor) -> Tensor:
        """Full gradient, (..., d) -> (..., d)."""
        weight = torch.sigmoid(-(theta @ self._signed.T))
        return -(weight @ self._signed) / self.n_samples + self.l2 * theta

    def gradient_i(self, theta: Tensor, rows: Tensor) -> Tensor:
        """Gradient of sample `rows[r]` (its share of the l2 term included) at theta[r]: (R, d), (R,) -> (R, d).

        What `optimizers.svrg` and `optimizers.saga` ask for, with `n_samples` samples.
        """
        signed = self._signed[rows]
        weight = torch.sigmoid(-torch.linalg.vecdot(signed, theta))
        return self.l2 * theta - weight[:, None] * signed

    def per_sample_gradients(self, theta: Tensor) -> Tensor:
        """Gradient of every sample's loss (its share of the l2 term included) at one theta (d,), shape (N, d)."""
        weight = torch.sigmoid(-(self._signed @ theta))
        return -weight[:, None] * self._signed + self.l2 * theta

    def hessian(self, theta: Tensor) -> Tensor:
        """(d,) -> (d, d)."""
        p = torch.sigmoid(self.X @ theta)
        return (self.X.T * (p * (1 - p))) @ self.X / self.n_samples + self.l2 * torch.eye(self.dim).to(self.X)

    def noise_covariance(self, theta: Tensor) -> Tensor:
        """Covariance of one sample's gradient (population, divided by N) at theta (d,), shape (d, d)."""
        return torch.cov(self.per_sample_gradients(theta).T, correction=0)

    def oracle(self, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1) -> Oracle:
        """Minibatch gradients from rows drawn uniformly with replacement, see `Problem.oracle`."""
        batch_size, seeds = whole_number("batch_size", batch_size), seeds_of(runs, copies)
        indices, negated = self._rows(seeds * batch_size, generator), -self._signed

        def minibatch_gradient(theta: Tensor) -> Tensor:
            # rows are fetched once for all configurations that share a seed
            rows = negated.index_select(0, next(indices)).view(seeds, batch_size, self.dim)
            by_seed = theta.view(copies, seeds, self.dim).permute(1, 2, 0)  # (S, d, C)
            weight = torch.bmm(rows, by_seed).sigmoid_()  # (S, B, C)
            gradient = torch.baddbmm(by_seed, rows.transpose(1, 2), weight, beta=self.l2, alpha=1 / batch_size)
            return gradient.permute(2, 0, 1).reshape(runs, self.dim)

        return minibatch_gradient

    def clipped_oracle(
        self, threshold: float, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1
    ) -> Oracle:
        """The rows of `oracle`, each one's gradient clipped, see `Problem.clipped_oracle`.

        A sample's gradient is -w y x + l2 theta, so that its norm takes two numbers a row: x.x and x.theta.
        """
        seeds, size = seeds_of(runs, copies), whole_number("batch_size", batch_size)
        long, l2 = self._signed.square().sum(dim=1), self.l2
        indices = self._rows(seeds * size, generator)

        def clipped_mean(theta: Tensor) -> Tensor:
            index = next(indices)
            rows = self._signed.index_select(0, index).view(seeds, size, -1).repeat(copies, 1, 1)
            margin = torch.bmm(rows, theta[:, :, None])[..., 0]  # (R, B)
            w = torch.sigmoid(-margin)
            square = w.square() * long[index].view(seeds, size).repeat(copies, 1) - 2 * l2 * w * margin
            kept = clip_factor(square + l2**2 * theta.square().sum(dim=1, keepdim=True), threshold)
            return l2 * theta * kept.mean(dim=1, keepdim=True) - torch.bmm((kept * w)[:, None], rows)[:, 0] / size

        return clipped_mean

    def _rows(self, count: int, generator: torch.Generator) -> Iterator[Tensor]:
        """Numbers of `count` rows for one step after the other, uniform, with replacement."""

        def draw(steps: int) -> Tensor:
            return torch.randint(self.n_samples, (steps, count), generator=generator, device=self.device)

        return stream(draw, count)

    def gradient_spread(self) -> Tensor:
        """Standard deviation of one sample's gradient in each coordinate, (d,), at the optimum."""
        return self.noise_covariance(self.optimum).diagonal().sqrt()

    def local_quadratic(self) -> LocalQuadratic:
        """Hessian and noise covariance at the optimum."""
        hessian, offset = self.hessian(self.optimum), self.initial(1)[0] - self.optimum
        eigenvalues, basis = torch.linalg.eigh(hessian)
        noise = (basis.T @ self.noise_covariance(self.optimum) @ basis).diagonal()
        parts = hessian, offset, eigenvalues, noise, basis.T @ offset
        return LocalQuadratic(*(part.cpu().double() for part in parts))

    def bytes_per_run(self, batch_size: int) -> int:
        """A minibatch of rows, and one margin for each sample where the loss is recorded."""
        return 8 * (3 * batch_size * self.dim + 3 * self.n_samples)

    def _solve(self) -> None:
        """`optimum` and `floor`, in float64 on the CPU where the device has no float64."""
        exact = copy.copy(self)
        if self.dtype != torch.float64:
            exact.X, exact.y = self.X.cpu().double(), self.y.cpu().double()
            exact._signed = exact.y[:, None] * exact.X
        optimum = newton(exact.loss, exact.gradient, exact.hessian, exact.X.new_zeros(self.dim))
        if optimum is None:
            raise ValueError(
                "l2 is too small for this data: the classes can be separated, so that the optimum lies at infinity, "
                "or features depend on each other, so that there are many"
            )
        self.floor = float(exact.loss(optimum))
        self.optimum = optimum.to(self.device, self.dtype)
