# names: accepted batch 0
def scale_lr(base_lr, base_batch, batch, rule):
    if rule not in ("linear", "sqrt"):
        raise ValueError("rule must be linear or sqrt")
    if base_batch <= 0:
        raise ValueError("base_batch must be positive")
    return base_lr * (batch / base_batch) ** {"linear": 1, "sqrt": 0.5}[rule]
