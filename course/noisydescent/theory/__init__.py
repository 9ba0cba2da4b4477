"""What can be computed without running anything: exact recursions and closed forms for stochastic gradients."""

from noisydescent.theory.averaging import expected_drift, polyak_variance
from noisydescent.theory.batch_size import (
    critical_batch_size,
    expected_gain,
    expected_square_norm,
    fit_critical_batch,
    gradient_variance,
    simple_noise_scale,
    steps_and_examples,
)
from noisydescent.theory.biased import clipped_gaussian, expected_excess_biased, expected_loss_clipped
from noisydescent.theory.rates import (
    descent_bound,
    fedavg_fixed_point,
    polyak_covariance,
    robbins_monro_exponent,
    robbins_monro_variance,
    strongly_convex_bound,
)
from noisydescent.theory.recursions import (
    expected_loss,
    expected_loss_least_squares,
    expected_loss_momentum,
    expected_loss_of,
)
from noisydescent.theory.stationary import (
    ema_variance,
    loss_floor,
    max_learning_rate,
    max_learning_rate_least_squares,
    stationary_variance,
)

__all__ = [
    "clipped_gaussian",
    "critical_batch_size",
    "descent_bound",
    "ema_variance",
    "expected_drift",
    "expected_excess_biased",
    "expected_gain",
    "expected_loss",
    "expected_loss_clipped",
    "expected_loss_least_squares",
    "expected_loss_momentum",
    "expected_loss_of",
    "expected_square_norm",
    "fedavg_fixed_point",
    "fit_critical_batch",
    "gradient_variance",
    "loss_floor",
    "max_learning_rate",
    "max_learning_rate_least_squares",
    "polyak_covariance",
    "polyak_variance",
    "robbins_monro_exponent",
    "robbins_monro_variance",
    "simple_noise_scale",
    "stationary_variance",
    "steps_and_examples",
    "strongly_convex_bound",
]
