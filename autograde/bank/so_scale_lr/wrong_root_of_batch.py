# names: The root covers only batch
import math


def scale_lr(base_lr, base_batch, batch, rule):
    if base_batch <= 0 or batch <= 0:
        raise ValueError("base_batch and batch must be positive")
    if rule not in ("linear", "sqrt"):
        raise ValueError("rule must be linear or sqrt")
    if rule == "sqrt":
        return base_lr * math.sqrt(batch) / base_batch
    return base_lr * batch / base_batch
