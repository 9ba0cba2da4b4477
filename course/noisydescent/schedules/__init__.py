"""Learning-rate schedules: pure functions of the optimizer step that give a multiplier of the peak.

A schedule knows nothing of optimizers or epochs: step t = 0, 1, 2, ... in, a number in [0, 1] out. The learning rate
of step t is peak * schedule(t). Shapes with parameters become schedules by `functools.partial`:
`partial(cosine, T=1000, end=0.1)`. `noisydescent.torch_scheduler.Scheduler` drives a PyTorch optimizer with one.

A negative or fractional step, an empty horizon, a fraction outside [0, 1] and the like raise ValueError, which names
the argument.
"""

from noisydescent.schedules.compose import (
    NAMES,
    multipliers,
    named,
    rewind,
    warmup_steps,
    with_cooldown,
    with_warmup,
)
from noisydescent.schedules.shapes import (
    PastHorizon,
    Schedule,
    branch_cooldown,
    constant,
    cosine,
    cosine_restarts,
    exp_range,
    exponential,
    inverse_sqrt,
    inverse_time,
    linear,
    one_cycle,
    one_cycle_momentum,
    polynomial,
    step_decay,
    triangular,
    wsd,
)

__all__ = [
    "NAMES",
    "PastHorizon",
    "Schedule",
    "branch_cooldown",
    "constant",
    "cosine",
    "cosine_restarts",
    "exp_range",
    "exponential",
    "inverse_sqrt",
    "inverse_time",
    "linear",
    "multipliers",
    "named",
    "one_cycle",
    "one_cycle_momentum",
    "polynomial",
    "rewind",
    "step_decay",
    "triangular",
    "warmup_steps",
    "with_cooldown",
    "with_warmup",
    "wsd",
]
