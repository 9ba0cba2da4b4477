"""The optimum of a smooth convex objective, to rounding error."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def newton(
    loss: Callable[[Tensor], Tensor],
    gradient: Callable[[Tensor], Tensor],
    hessian: Callable[[Tensor], Tensor],
    start: Tensor,
    tolerance: float = 1e-8,
    most: int = 100,
) -> Tensor | None:
    """argmin of `loss` over (d,), from `start`: Newton steps, halved while they do not lower the loss.

    The gradient norm is `tolerance` / 100 at most, or what rounding allows. None where there is no single optimum: the
    Hessian loses rank on the way, because the optimum lies at infinity or because there are many.
    """
    theta = start
    tolerance = max(tolerance * 1e-2, 10 * torch.finfo(start.dtype).eps)
    at_first = None
    for _ in range(most):
        slope, curvature = gradient(theta), hessian(theta)
        curvatures = torch.linalg.eigvalsh(curvature)
        at_first = float(curvatures[0]) if at_first is None else at_first
        # on the way to infinity the gradient vanishes too, so a small one alone is no optimum
        if curvatures[0] <= max(1e-7 * at_first, 1e-12 * curvatures[-1]):
            break
        if slope.norm() <= tolerance:
            return theta
        step = torch.linalg.solve(curvature, slope)
        length = 1.0
        while loss(theta - length * step) > loss(theta) + 1e-15 and length > 1e-6:
            length /= 2
        theta = theta - length * step
    return None
