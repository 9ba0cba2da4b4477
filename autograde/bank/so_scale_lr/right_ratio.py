def scale_lr(base_lr, base_batch, batch, rule):
    if base_batch <= 0 or batch <= 0:
        raise ValueError("base_batch and batch must be positive")
    if rule not in ("linear", "sqrt"):
        raise ValueError("rule must be linear or sqrt")
    ratio = batch / base_batch
    return base_lr * ratio if rule == "linear" else base_lr * ratio**0.5
