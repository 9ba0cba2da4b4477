"""Metrics worth logging, for the labs and for anyone's `nn.Module` and optimizer.

From per-sample gradients: `gradient_variance`, `noise_scale`, `signal_to_noise`, `minibatch_means`, ...
From a module and a batch: `module_gradient_variance`, `microbatch_gradient_variance`, `two_batch_norms` with
`NoiseScale`, `top_hessian_eigenvalue`.
From losses and estimates: `risk`, `generalization_gap`, `bias_z`, `effective_sample_size`.
From a step: `update_to_weight`, `trust_ratio`, `applied_learning_rate`; from an optimizer's state:
`effective_learning_rate`, `epsilon_fraction`, `state_bytes_per_parameter`, `state_report`.
Of an estimator of the gradient: `variance_ratio`, `table_bytes`. Of a whole training: `Recorder`.
"""

from noisydescent.diagnostics.averages import client_drift, last_and_averaged, max_difference, relative_difference
from noisydescent.diagnostics.curvature import (
    Eigenpair,
    hessian_vector_product,
    top_eigenvalue,
    top_hessian_eigenvalue,
)
from noisydescent.diagnostics.estimators import table_bytes, temperature, variance_ratio
from noisydescent.diagnostics.modules import (
    microbatch_gradient_variance,
    module_gradient_variance,
    module_sample_gradients,
    two_batch_norms,
)
from noisydescent.diagnostics.noise import NoiseScale, two_batch_parts
from noisydescent.diagnostics.recorder import Recorder
from noisydescent.diagnostics.risks import bias_z, effective_sample_size, generalization_gap, risk
from noisydescent.diagnostics.samples import (
    cosine,
    gradient_variance,
    gradient_variance_by_layer,
    mean_and_error,
    minibatch_means,
    noise_scale,
    sampled_variance,
    signal_to_noise,
    steps_to_target,
)
from noisydescent.diagnostics.slopes import best_rate, log_log_slope
from noisydescent.diagnostics.state import (
    effective_learning_rate,
    epsilon_fraction,
    quantiles,
    state_bytes_per_parameter,
    state_report,
    update_directions,
)
from noisydescent.diagnostics.steps import applied_learning_rate, snapshot, trust_ratio, update_to_weight

__all__ = [
    "Eigenpair",
    "NoiseScale",
    "Recorder",
    "applied_learning_rate",
    "best_rate",
    "bias_z",
    "client_drift",
    "cosine",
    "effective_learning_rate",
    "effective_sample_size",
    "epsilon_fraction",
    "generalization_gap",
    "gradient_variance",
    "gradient_variance_by_layer",
    "hessian_vector_product",
    "last_and_averaged",
    "log_log_slope",
    "max_difference",
    "mean_and_error",
    "microbatch_gradient_variance",
    "minibatch_means",
    "module_gradient_variance",
    "module_sample_gradients",
    "noise_scale",
    "quantiles",
    "relative_difference",
    "risk",
    "sampled_variance",
    "signal_to_noise",
    "snapshot",
    "state_bytes_per_parameter",
    "state_report",
    "steps_to_target",
    "table_bytes",
    "temperature",
    "top_eigenvalue",
    "top_hessian_eigenvalue",
    "trust_ratio",
    "two_batch_norms",
    "two_batch_parts",
    "update_directions",
    "update_to_weight",
    "variance_ratio",
]
