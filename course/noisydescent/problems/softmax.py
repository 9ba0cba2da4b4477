"""Softmax regression on Gaussian classes: several classes, a matrix of weights, and an optimum known to rounding."""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.nn import functional as F

from noisydescent.arguments import finite, non_negative, whole_number
from noisydescent.devices import default_device
from noisydescent.problems.base import Oracle, Problem, seeds_of, stream
from noisydescent.problems.newton import newton


class SoftmaxRegression(Problem):
    r"""f(theta) = (1/N) sum_i -log softmax(W x_i)[y_i] + l2/2 norm(W)^2, y_i in 0 .. K-1.

    X (N, features), y (N,) whole numbers. theta (R, K * features) holds the weights of class 0, then of class 1, ...:
    `theta.view(R, K, features)` is W, and so is `unflatten(theta)["weight"]`, which the layerwise and matrix optimizers
    of a sweep use. l2 > 0: without it a vector added to the weights of all classes would change nothing, and there
    would be many optima. `optimum`, `hessian` and `noise_covariance` are those of this data set.
    """

    def __init__(
        self,
        X: Tensor,
        y: Tensor,
        l2: float = 1e-2,
        classes: int | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        self.device = torch.device(device or default_device())
        self.dtype = torch.float32 if self.device.type == "mps" else torch.float64  # mps has no float64
        self.X = finite("X", torch.as_tensor(X)).to(self.device, self.dtype)
        y = finite("y", torch.as_tensor(y))
        self.l2 = non_negative("l2", l2)
        if self.X.dim() != 2 or y.shape != self.X.shape[:1] or self.X.numel() == 0:
            raise ValueError(
                f"X must be (N, features) and y (N,), neither empty, got {tuple(self.X.shape)} and {tuple(y.shape)}"
            )
        if (y != y.round()).any() or (y < 0).any():
            raise ValueError("y must hold the classes as whole numbers from 0")
        self.y = y.to(self.device, torch.int64)
        self.classes = int(self.y.max()) + 1 if classes is None else whole_number("classes", classes, 2)
        if self.classes < max(2, int(self.y.max()) + 1):
            raise ValueError(f"y holds {int(self.y.max()) + 1} classes: at least 2, and not more than `classes`")
        if self.l2 == 0.0:
            raise ValueError("l2 must be positive: without it there are many optima")
        self.n_samples, self.features = self.X.shape
        self.shapes = {"weight": (self.classes, self.features)}
        self.dim = self.classes * self.features
        self._one_hot = F.one_hot(self.y, self.classes).to(self.dtype)
        self._solve()

    @classmethod
    def gaussian_classes(
        cls,
        n_samples: int = 2000,
        features: int = 20,
        classes: int = 5,
        seed: int = 0,
        l2: float = 1e-2,
        device: torch.device | str | None = None,
    ) -> SoftmaxRegression:
        """`classes` overlapping Gaussian classes whose features have standard deviations from 0.3 to 2."""
        n_samples, features = whole_number("n_samples", n_samples), whole_number("features", features)
        classes = whole_number("classes", classes, 2)
        generator = torch.Generator().manual_seed(seed)
        y = torch.randint(classes, (n_samples,), generator=generator)
        centres = F.normalize(torch.randn(classes, features, generator=generator, dtype=torch.float64), dim=1)
        noise = torch.randn(n_samples, features, generator=generator, dtype=torch.float64)
        spread = torch.logspace(0.3, -0.5, features, dtype=torch.float64)
        return cls((noise + 1.7 * centres[y]) * spread, y, l2=l2, classes=classes, device=device)

    def unflatten(self, theta: Tensor) -> dict[str, Tensor]:
        """(R, K * features) -> {"weight": (R, K, features)}, a view."""
        return {"weight": theta.view(-1, self.classes, self.features)}

    def initial(self, runs: int, generator: torch.Generator | None = None) -> Tensor:
        """Zeros, (R, K * features)."""
        return torch.zeros(whole_number("runs", runs), self.dim, device=self.device, dtype=self.dtype)

    def _logits(self, theta: Tensor) -> Tensor:
        """(..., K * features) -> (..., N, K)."""
        return self.X @ theta.view(*theta.shape[:-1], self.classes, self.features).mT

    def loss(self, theta: Tensor) -> Tensor:
        """(..., K * features) -> (...)."""
        logits = self._logits(theta)
        right = torch.linalg.vecdot(logits, self._one_hot)
        return (logits.logsumexp(dim=-1) - right).mean(dim=-1) + 0.5 * self.l2 * theta.square().sum(dim=-1)

    def gradient(self, theta: Tensor) -> Tensor:
        """Full gradient, (..., K * features) -> (..., K * features)."""
        errors = torch.softmax(self._logits(theta), dim=-1) - self._one_hot
        return (errors.mT @ self.X).flatten(-2) / self.n_samples + self.l2 * theta

    def gradient_i(self, theta: Tensor, rows: Tensor) -> Tensor:
        """Gradient of sample `rows[r]` (its share of the l2 term included) at theta[r]: (R, d), (R,) -> (R, d).

        What `optimizers.svrg` and `optimizers.saga` ask for, with `n_samples` samples.
        """
        x = self.X[rows]
        logits = (theta.view(-1, self.classes, self.features) @ x[:, :, None]).squeeze(-1)
        errors = torch.softmax(logits, dim=-1) - self._one_hot[rows]
        return (errors[:, :, None] * x[:, None, :]).flatten(1) + self.l2 * theta

    def per_sample_gradients(self, theta: Tensor) -> Tensor:
        """Gradient of every sample's loss (its share of the l2 term included) at one theta (d,), shape (N, d)."""
        errors = torch.softmax(self._logits(theta), dim=-1) - self._one_hot
        return (errors[:, :, None] * self.X[:, None, :]).flatten(1) + self.l2 * theta

    def hessian(self, theta: Tensor) -> Tensor:
        """(d,) -> (d, d): (1/N) sum_i (diag p_i - p_i p_i') kron x_i x_i' + l2 I."""
        p = torch.softmax(self._logits(theta), dim=-1)  # (N, K)
        outer = (p[:, :, None] * self.X[:, None, :]).flatten(1)  # p_i kron x_i, (N, d)
        own = [self.X.T @ (share[:, None] * self.X) for share in p.unbind(dim=1)]
        return (torch.block_diag(*own) - outer.T @ outer) / self.n_samples + self.l2 * torch.eye(self.dim).to(self.X)

    def noise_covariance(self, theta: Tensor) -> Tensor:
        """Covariance of one sample's gradient (population, divided by N) at theta (d,), shape (d, d)."""
        return torch.cov(self.per_sample_gradients(theta).T, correction=0)

    def oracle(self, runs: int, batch_size: int, generator: torch.Generator, copies: int = 1) -> Oracle:
        """Minibatch gradients from rows drawn uniformly with replacement, see `Problem.oracle`."""
        batch_size, seeds = whole_number("batch_size", batch_size), seeds_of(runs, copies)

        def draw(steps: int) -> Tensor:
            shape = (steps, seeds * batch_size)
            return torch.randint(self.n_samples, shape, generator=generator, device=self.device)

        indices = stream(draw, seeds * batch_size)

        def minibatch_gradient(theta: Tensor) -> Tensor:
            # rows are fetched once for all configurations that share a seed
            index = next(indices)
            x = self.X.index_select(0, index).view(1, seeds, batch_size, self.features)
            right = self._one_hot.index_select(0, index).view(1, seeds, batch_size, self.classes)
            weights = theta.view(copies, seeds, self.classes, self.features)
            errors = torch.softmax(x @ weights.mT, dim=-1) - right  # (C, S, B, K)
            return torch.add(self.l2 * theta, (errors.mT @ x).reshape(runs, self.dim), alpha=1 / batch_size)

        return minibatch_gradient

    def bytes_per_run(self, batch_size: int) -> int:
        """A minibatch with its class probabilities, and those of all samples where the loss is recorded."""
        return 8 * (3 * batch_size * (self.features + self.classes) + 3 * self.n_samples * self.classes + 8 * self.dim)

    def _solve(self) -> None:
        """`optimum` and `floor`, in float64 on the CPU where the device has no float64."""
        exact = copy.copy(self)
        if self.dtype != torch.float64:
            exact.X, exact.y, exact._one_hot = self.X.cpu().double(), self.y.cpu(), self._one_hot.cpu().double()
        optimum = newton(exact.loss, exact.gradient, exact.hessian, exact.X.new_zeros(self.dim))
        if optimum is None:
            raise ValueError("l2 is too small for this data: there are many optima to rounding error")
        self.floor = float(exact.loss(optimum))
        self.optimum = optimum.to(self.device, self.dtype)
