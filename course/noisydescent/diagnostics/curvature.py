"""Sharpness: the top eigenvalue of the Hessian, from Hessian-vector products alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from noisydescent.arguments import finite, non_negative, whole_number

# (d,) -> (d,), linear and symmetric
VectorProduct = Callable[[Tensor], Tensor]


class Eigenpair(NamedTuple):
    """Result of a power iteration.

    value     Rayleigh quotient v'Hv, signed
    vector    v (d,) of length one
    residual  norm(H v - value v): some eigenvalue of H lies within this of `value`
    products  how many Hessian-vector products it took
    """

    value: float
    vector: Tensor
    residual: float
    products: int


def top_eigenvalue(hvp: VectorProduct, start: Tensor, iterations: int = 100, tolerance: float = 1e-3) -> Eigenpair:
    """The eigenvalue of largest magnitude, with its sign, by power iteration and the Rayleigh quotient.

    hvp         v (d,) -> H v (d,) for a symmetric H
    start       (d,) not zero and not orthogonal to the eigenvector: random numbers, in the dtype to compute in
    iterations  most products; `tolerance` ends earlier, where residual <= tolerance |value|

    Cost: one product an iteration and one for the residual. The error of the value falls by (lambda_2 / lambda_1)^2 an
    iteration. Where lambda and -lambda are both largest there is no limit: the residual stays large and tells.
    ValueError for a start that is zero or no vector, and for products with NaN. Source: von Mises, Pollaczek-Geiringer,
    *Praktische Verfahren der Gleichungsauflösung*, 1929.
    """
    iterations, tolerance = whole_number("iterations", iterations), non_negative("tolerance", tolerance)
    if start.dim() != 1 or not start.is_floating_point() or not finite("start", start).norm() > 0:
        got = f"{start.dtype} {tuple(start.shape)}"
        raise ValueError(f"start must be a vector (d,) of floating-point numbers, not all zero, got {got}")
    vector = start / start.norm()
    for products in range(1, iterations + 2):
        image = hvp(vector)
        if image.shape != vector.shape or not torch.isfinite(image).all():
            raise ValueError(f"hvp must return ({len(vector)},) finite numbers, got shape {tuple(image.shape)} or NaN")
        value = float(vector @ image)
        residual = float((image - value * vector).norm())
        length = image.norm()
        if residual <= tolerance * abs(value) or length == 0 or products > iterations:
            break
        vector = image / length
    return Eigenpair(value, vector, residual, products)


def hessian_vector_product(module: nn.Module, loss: Callable[[], Tensor]) -> tuple[VectorProduct, int]:
    """(v (d,) -> H v (d,), d) for the Hessian of `loss()` in the module's parameters, flattened one after the other.

    `loss` computes a scalar from the module on a fixed batch; it is called once, and the graph of its gradient is kept
    as long as the product is. Parameters with requires_grad=False are left out. Cost: one gradient here, about two of
    them a product. ValueError when `loss` gives no scalar that depends on the parameters.
    Pearlmutter, *Fast Exact Multiplication by the Hessian*, 1994.
    """
    params = [p for p in module.parameters() if p.requires_grad]
    # the fused attention kernels have no second derivative
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        value = loss()
        if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad or not params:
            raise ValueError("loss() must return a tensor of one number that depends on the module's parameters")
        gradients = torch.autograd.grad(value, params, create_graph=True, materialize_grads=True)
    curved = [g for g in gradients if g.requires_grad]  # a loss linear in a layer has no curvature there

    def product(vector: Tensor) -> Tensor:
        parts = vector.split([p.numel() for p in params])
        along = [v.view_as(g) for v, g in zip(parts, gradients, strict=True) if g.requires_grad]
        if not curved:
            return torch.zeros_like(vector)
        images = torch.autograd.grad(curved, params, along, retain_graph=True, materialize_grads=True)
        return torch.cat([x.flatten() for x in images])

    return product, sum(p.numel() for p in params)


def top_hessian_eigenvalue(
    module: nn.Module,
    loss: Callable[[], Tensor],
    iterations: int = 100,
    tolerance: float = 1e-3,
    seed: int = 0,
) -> Eigenpair:
    """`top_eigenvalue` of the Hessian of `loss()` in the parameters of `module`, signed: the sharpness.

    SGD at a constant learning rate eta is unstable along directions sharper than 2 / eta. The start is normal, seeded,
    drawn apart from the global random state. Parameters, their `.grad` and the module's mode stay as they were; in
    training mode dropout makes it the Hessian for one draw of the masks. Cost: one gradient and about two more for each
    of at most iterations + 1 products, with the graph of one gradient kept meanwhile.
    """
    product, dim = hessian_vector_product(module, loss)
    like = next(p for p in module.parameters() if p.requires_grad)
    start = torch.randn(dim, generator=torch.Generator().manual_seed(seed)).to(like)
    return top_eigenvalue(product, start, iterations, tolerance)
