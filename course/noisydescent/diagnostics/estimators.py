"""What a gradient estimator leaves and what it costs: variance ratio, table memory; and the temperature of SGD."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from noisydescent.arguments import below_one, non_negative, whole_number


def variance_ratio(values: Tensor, controls: Tensor, coefficient: float | None = None) -> tuple[float, float]:
    """(variance of values - c controls over variance of values, c), from n pairs: (n,), or vectors (n, d) by trace.

    With `coefficient` None c is the best one, Cov(values, controls) / Var(controls), and the ratio is 1 - rho^2; any
    other c gives more, without limit. As SVRG's control, the gradients of the same samples at the snapshot have c = 1.
    Cost: two gradients of each of the n samples. ValueError when shapes disagree, n < 2, or either does not vary.
    Mohamed, Rosca, Figurnov, Mnih, *Monte Carlo Gradient Estimation in Machine Learning*, 2020, section 7.
    """
    if values.shape != controls.shape or values.dim() not in (1, 2) or len(values) < 2:
        shapes = f"{tuple(values.shape)} and {tuple(controls.shape)}"
        raise ValueError(f"values and controls must be (n,) or (n, d), alike, n >= 2, got {shapes}")
    f, h = values.double() - values.double().mean(dim=0), controls.double() - controls.double().mean(dim=0)
    ff, hh, fh = float((f * f).sum()), float((h * h).sum()), float((f * h).sum())
    for name, square in [("values", ff), ("controls", hh)]:
        if not 0 < square < math.inf:
            raise ValueError(f"{name} must be finite and vary from sample to sample")
    c = fh / hh if coefficient is None else float(coefficient)
    return (ff - 2 * c * fh + c * c * hh) / ff, c


def table_bytes(n: int, dim: int, dtype: torch.dtype = torch.float32, linear: bool = False) -> int:
    """Memory of SAGA's table of n gradients in R^d; for a `linear` model, x_i times one number, n numbers are enough.

    Defazio, Bach, Lacoste-Julien, *SAGA*, 2014. Cost: none.
    """
    return whole_number("n", n) * (1 if linear else whole_number("dim", dim)) * dtype.itemsize


def temperature(learning_rate: float, batch_size: int, momentum: float = 0.0) -> float:
    """eta / (B (1 - beta)): SGD at two settings of equal temperature follows the same SDE, while eta L is small.

    The momentum is PyTorch's (buf <- beta buf + g). In a step's log, pass the learning rate as applied. Cost: none.
    Mandt, Hoffman, Blei, *Stochastic Gradient Descent as Approximate Bayesian Inference*, 2017.
    """
    rate, beta = non_negative("learning_rate", learning_rate), below_one("momentum", momentum)
    return rate / (whole_number("batch_size", batch_size) * (1 - beta))
