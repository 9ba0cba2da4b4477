"""Optimizers: update rules over many runs at once, and `torch.optim.Optimizer`s for what PyTorch lacks.

A *rule* is a pure function `rule(params, grads, state, lr, **hyper) -> (params, state)`: lists of tensors (R, *shape)
with one leading dimension for R runs, state `None` at first. `rule("adam", eps=1e-6)` picks one by name. Conventions
are PyTorch's: the learning rate outside the momentum buffer, epsilon outside the root.

`LARS`, `LAMB`, `Shampoo`, `SOAP` are optimizers for any `nn.Module`. `svrg`, `saga`, `local_sgd`, `fedavg` and
`compressed_sgd` are whole methods on theta (R, d).
"""

import inspect
from functools import partial
from typing import Any

from noisydescent.arguments import choice
from noisydescent.optimizers.adaptive import adagrad, adam, adam_l2, adamw, amsgrad, rmsprop
from noisydescent.optimizers.building_blocks import Rule, check_hyper
from noisydescent.optimizers.compression import (
    Compressed,
    Compressor,
    compressed_sgd,
    quantize,
    quantize_bits,
    top_k,
    top_k_bits,
    with_feedback,
)
from noisydescent.optimizers.distributed import client_models, fedavg, local_sgd
from noisydescent.optimizers.factored import adafactor, factored_second_moment
from noisydescent.optimizers.layerwise import lamb, lars
from noisydescent.optimizers.matrix import inverse_root, muon, newton_schulz, shampoo, soap
from noisydescent.optimizers.momentum import heavy_ball, nesterov, sgd
from noisydescent.optimizers.torch_optim import LAMB, LARS, SOAP, Shampoo
from noisydescent.optimizers.variance_reduction import saga, svrg

RULES: dict[str, Rule] = {
    function.__name__: function
    for function in [
        sgd,
        heavy_ball,
        nesterov,
        adagrad,
        rmsprop,
        adam,
        amsgrad,
        adam_l2,
        adamw,
        adafactor,
        lars,
        lamb,
        shampoo,
        soap,
        muon,
    ]
}
# these take matrices (R, rows, cols) only
MATRIX_RULES = ("shampoo", "soap", "muon")
# these treat a layer as a whole; all others treat each coordinate alike
LAYER_RULES = ("adafactor", "lars", "lamb", *MATRIX_RULES)


def defaults(name: str) -> dict[str, Any]:
    """Hyperparameters of the rule called `name`, with their defaults; lr is not one of them."""
    parameters = inspect.signature(RULES[choice("optimizer", name, RULES)]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def rule(name: str, **hyper: Any) -> Rule:
    """The rule called `name` with some hyperparameters fixed: a callable (params, grads, state, lr).

    `ValueError` with the nearest suggestion for an unknown name, of the rule or of a hyperparameter, and naming the
    hyperparameter whose value makes no sense.
    """
    known = defaults(name)
    for given in hyper:
        choice(f"hyperparameter of {name}", given, known)
    check_hyper(hyper)
    return partial(RULES[name], **hyper)


__all__ = [
    "LAMB",
    "LARS",
    "LAYER_RULES",
    "MATRIX_RULES",
    "RULES",
    "SOAP",
    "Compressed",
    "Compressor",
    "Rule",
    "Shampoo",
    "adafactor",
    "adagrad",
    "adam",
    "adam_l2",
    "adamw",
    "amsgrad",
    "client_models",
    "compressed_sgd",
    "defaults",
    "factored_second_moment",
    "fedavg",
    "heavy_ball",
    "inverse_root",
    "lamb",
    "lars",
    "local_sgd",
    "muon",
    "nesterov",
    "newton_schulz",
    "quantize",
    "quantize_bits",
    "rmsprop",
    "rule",
    "saga",
    "sgd",
    "shampoo",
    "soap",
    "svrg",
    "top_k",
    "top_k_bits",
    "with_feedback",
]
