# names: one base_lr for each doubling
import math


def scale_lr(base_lr, base_batch, batch, rule):
    if base_batch <= 0 or batch <= 0:
        raise ValueError("base_batch and batch must be positive")
    if rule not in ("linear", "sqrt"):
        raise ValueError("rule must be linear or sqrt")
    if rule == "sqrt":
        return base_lr * (batch / base_batch) ** 0.5
    return base_lr * (1 + math.log2(batch / base_batch))
