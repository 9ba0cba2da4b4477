# names: The root covers base_lr as well
def scale_lr(base_lr, base_batch, batch, rule):
    if base_batch <= 0 or batch <= 0:
        raise ValueError("base_batch and batch must be positive")
    if rule not in ("linear", "sqrt"):
        raise ValueError("rule must be linear or sqrt")
    scaled = base_lr * batch / base_batch
    return scaled if rule == "linear" else scaled**0.5
